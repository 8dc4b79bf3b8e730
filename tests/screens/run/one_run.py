"""A run with steps, events and a timeline for screens of one run, and its screen opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.runs.listed import RunError
from engine.contracts.runs.timeline import SpanKind, TimelineRow, TimelineSpan
from engine.contracts.status import StepStatus
from screens.run.screen import RunScreen
from screens.run.timeline.table import TimelineTable
from screens.widgets.tables.paged_table import PagedTable
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_row, a_run, a_step, ago, an_event

if TYPE_CHECKING:
    from engine.contracts.runs.run import EventView
    from tests.screens.conftest import Stage


ERROR = RunError(code="backend_error", message="cannot read the log", step_id="parse")


def span(kind: SpanKind, start: float, end: float | None) -> TimelineSpan:
    """From so many seconds ago to so many seconds ago."""
    return TimelineSpan(kind=kind, start=ago(start), end=None if end is None else ago(end))


def rows() -> tuple[TimelineRow, ...]:
    """A run with a child run and a branch, that waits for a person."""
    greet = a_step("greet", started_at=ago(300), finished_at=ago(240))
    child = a_step("child", type="subflow", child_run_id="run-2", started_at=ago(240), finished_at=ago(180))
    inner = a_step("inner", started_at=ago(240), finished_at=ago(180))
    item = a_step("each/1/fetch", StepStatus.FAILED, started_at=ago(180), finished_at=ago(120))
    ask = a_step("ask", StepStatus.PENDING_HUMAN, started_at=ago(120), finished_at=None)
    tried = (
        span(SpanKind.FAILED, 180, 160),
        span(SpanKind.RETRYING, 160, 140),
        span(SpanKind.FAILED, 140, 120),
    )
    return (
        a_row(greet),
        a_row(child),
        a_row(inner, "run-2", depth=1),
        a_row(item, "run-1", *tried, depth=1),
        a_row(ask, "run-1", span(SpanKind.WAITING, 120, None)),
    )


def events(count: int = 5) -> tuple[EventView, ...]:
    kinds = ("run_started", "step_started", "step_completed", "step_failed", "pending_human")
    steps = (None, "greet", "greet", "parse", "ask")
    return tuple(
        an_event(
            number,
            kinds[(number - 1) % 5],
            step_id=steps[(number - 1) % 5],
            actor="ana" if number == 3 else "engine",
            payload={"number": number},
            ts=ago(300 - number),
        )
        for number in range(1, count + 1)
    )


def an_engine(**more: Any) -> FakeEngine:
    run = a_run(created_at=ago(300), output={"lines": 7, "rows": [{"a": 1}, {"a": 2}]}, **more)
    engine = FakeEngine().add(run)
    engine.stored_steps["run-1"] = (
        a_step("greet", input={"who": "Ana"}, output={"text": "Hello\nAna"}),
        a_step("parse", StepStatus.FAILED, attempt=3, error=ERROR),
    )
    engine.stored_events["run-1"] = events()
    return engine


async def opened(stage: Stage, pane: str = "") -> RunScreen:
    await stage.until(lambda: stage.paged("#runs").row_count, "a run")
    await stage.press("enter")
    await stage.on(RunScreen)
    await stage.until(lambda: "Loading" not in stage.text(), "the run")
    if pane:
        screen(stage).show_pane(pane)
        await stage.until(lambda: screen(stage).pane.id == pane)
    return screen(stage)


def screen(stage: Stage) -> RunScreen:
    assert isinstance(stage.app.screen, RunScreen)
    return stage.app.screen


def timeline(stage: Stage) -> TimelineTable:
    return stage.app.screen.query_one("#steps", TimelineTable)


def log(stage: Stage) -> PagedTable:
    return stage.app.screen.query_one("#events", PagedTable)
