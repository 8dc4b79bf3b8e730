"""How the console looks: a few pictures, clock and ids frozen. Look at a changed one before keeping it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.actor import Actor
from engine.contracts.runs.listed import RunError, WaitingFor
from engine.contracts.runs.request import GatedAction
from engine.contracts.runs.timeline import SpanKind, Timeline, TimelineSpan
from engine.contracts.status import Risk, RunStatus, StepStatus, WaitKind
from tests.fakes.conversations import agent_steps
from tests.fakes.engine import FakeEngine
from tests.fakes.views import (
    NOW,
    a_flow,
    a_form,
    a_handoff,
    a_row,
    a_run,
    a_step,
    ago,
    an_approval,
    an_event,
)
from tests.screens.picture import unfinished
from tests.screens.stillness import press, settle
from vasini_tui.console.app import ConsoleApp
from vasini_tui.console.options import ConsoleOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

RUN = "01K3M9X2V7QF8R6T4N5B1C0D%02d"
FORM: dict[str, Any] = {
    "type": "object",
    "required": ["severity", "note"],
    "properties": {
        "severity": {"title": "Severity", "enum": ["low", "medium", "high"], "description": "How bad is it?"},
        "note": {"type": "string", "title": "Note", "maxLength": 2000, "description": "What happened"},
        "count": {"type": "integer", "minimum": 1},
        "public": {"type": "boolean", "title": "Publish the report", "default": True},
        "contact": {
            "type": "object",
            "title": "Contact",
            "required": ["mail"],
            "properties": {"mail": {"type": "string", "format": "email"}},
        },
    },
}
SERVICE: dict[str, Any] = {
    "type": "object",
    "required": ["service", "name"],
    "properties": {
        "service": {"type": "string", "title": "Service", "description": "Name of the service"},
        "name": {"type": "string", "title": "Who reported it"},
    },
}


def engine() -> FakeEngine:
    triage = {"pack": "log-triage", "flow": "incident", "subject": "/var/log/nginx/access.log"}
    steward = {"pack": "repo-steward", "flow": "release-notes", "subject": "v1.4.0..HEAD of /srv/app"}
    unreadable = RunError(code="backend_error", message="cannot read access.log", step_id="parse")
    made = FakeEngine().add(
        a_run(RUN % 1, RunStatus.COMPLETED, **steward, created_at=ago(90_000), current_step=None),
        a_run(
            RUN % 2, RunStatus.FAILED, **triage, created_at=ago(7300), error=unreadable, current_step="parse"
        ),
        a_run(
            RUN % 3,
            RunStatus.PENDING_HUMAN,
            **triage,
            created_at=ago(4000),
            waiting_for=WaitingFor(kind=WaitKind.APPROVAL),
        ),
        a_run(
            RUN % 4,
            RunStatus.PENDING_USER_INPUT,
            **triage,
            created_at=ago(900),
            waiting_for=WaitingFor(kind=WaitKind.FORM),
        ),
        a_run(
            RUN % 5,
            RunStatus.RETRYING,
            **steward,
            created_at=ago(400),
            waiting_for=WaitingFor(kind=WaitKind.RETRY),
        ),
        a_run(RUN % 6, RunStatus.PAUSED, created_at=ago(300), requested_by="carol"),
        a_run(RUN % 7, RunStatus.RUNNING, **steward, created_at=ago(42), current_step="draft"),
        a_run(RUN % 8, RunStatus.QUEUED, created_at=ago(3), current_step=None),
        an_approval(
            "01K3M9AP01",
            **triage,
            run_id=RUN % 3,
            risk=Risk.HIGH,
            title="Write the blocklist for 3 clients",
            message="Three clients made 71 % of all failing requests.\n\nI suggest to block them.",
            action=GatedAction(
                step="write",
                kind="tool",
                target="files.write",
                params={"path": "out/blocklist.txt", "content": "203.0.113.7\n198.51.100.23\n192.0.2.99\n"},
            ),
            requested_at=ago(3900),
        ),
        an_approval("01K3M9AP02", **steward, run_id=RUN % 1, title="Write \x1b[1mRELEASE.md", risk=Risk.LOW),
        a_form(
            "01K3M9FO01", FORM, **triage, run_id=RUN % 4, title="Triage the incident", requested_at=ago(800)
        ),
    )
    _give_history(made, RUN % 3)
    made.stored_handoffs[RUN % 3] = (
        a_handoff(a_flow("incident", SERVICE, pack="on-call", description="Works an incident through")),
        a_handoff(
            target="network-team",
            conditions=("The errors come from outside", "Nobody of ours is on call"),
            context_transfer="minimal",
            reason="there is no pack network-team here",
        ),
    )
    made.stored_steps[RUN % 7] = agent_steps()
    made.stored_steps[RUN % 1] = (a_step("draft"), a_step("publish", started_at=ago(80), finished_at=ago(79)))
    return made


def _give_history(made: FakeEngine, run_id: str) -> None:
    steps = (
        a_step("parse", started_at=ago(4000), finished_at=ago(3400)),
        a_step("top", type="parallel", started_at=ago(3400), finished_at=ago(1900)),
        a_step("top/0/clients", started_at=ago(3400), finished_at=ago(2200)),
        a_step("top/1/paths", attempt=3, started_at=ago(3400), finished_at=ago(1900)),
        a_step("report", StepStatus.SKIPPED, started_at=None, finished_at=None),
        a_step("approve-blocklist", StepStatus.PENDING_HUMAN, started_at=ago(1900), finished_at=None),
    )
    spans = {
        "top/1/paths": (
            TimelineSpan(kind=SpanKind.FAILED, start=ago(3400), end=ago(3000)),
            TimelineSpan(kind=SpanKind.RETRYING, start=ago(3000), end=ago(2500)),
            TimelineSpan(kind=SpanKind.WORKING, start=ago(2500), end=ago(1900)),
        ),
        "approve-blocklist": (TimelineSpan(kind=SpanKind.WAITING, start=ago(1900)),),
    }
    made.stored_steps[run_id] = steps
    made.stored_timelines[run_id] = Timeline(
        run_id=run_id,
        start=ago(4000),
        rows=tuple(
            a_row(step, run_id, *spans.get(step.step_id, ()), depth=step.step_id.count("/") // 2)
            for step in steps
        ),
    )
    kinds = ("run_started", "step_started", "step_completed", "tool_call_attempt_failed", "pending_human")
    made.stored_events[run_id] = tuple(
        an_event(number, kind, run_id, step_id="parse", payload={"attempt": number}, ts=ago(4001 - number))
        for number, kind in enumerate(kinds, 1)
    )


_COMES_WITH = {"3": "Triage", "l": "pending_human"}


@pytest.mark.parametrize(
    ("theme", "size", "keys", "words"),
    [
        ("vasini-dark", (80, 24), (), "queued"),
        ("vasini-light", (120, 40), (), "queued"),
        ("vasini-dark", (120, 40), ("2",), "files.write"),
        ("high-contrast", (80, 24), ("2",), "files.write"),
        ("vasini-dark", (80, 24), ("2", "j"), "hidden or control"),
        ("vasini-dark", (120, 40), ("3", "enter", "f2"), "✗ is required"),
        ("vasini-dark", (120, 40), ("j", "j", "j", "j", "j", "enter"), "1/paths"),
        ("vasini-light", (80, 24), (*"jjjjjlkm",), "as of event 4"),
        ("vasini-dark", (80, 24), ("?",), "Show the runs that this one started"),
        ("vasini-dark", (80, 24), ("j", "enter", "T"), "turn 2 · running"),
        ("vasini-light", (80, 24), ("j", "enter", "T"), "turn 2 · running"),
    ],
    ids=[
        "runs",
        "runs-light",
        "approvals",
        "approvals-contrast",
        "hidden",
        "form-errors",
        "detail",
        "past",
        "help",
        "conversation",
        "conversation-light",
    ],
)
def test_the_console_looks_as_it_did(
    snap_compare: Callable[..., bool], theme: str, size: tuple[int, int], keys: tuple[str, ...], words: str
) -> None:
    app = ConsoleApp(
        engine(),
        actor=Actor(name="ben", via="console"),
        tenant="default",
        settings=ConsoleOptions(theme=theme, bell=False),
        now=lambda: NOW,
    )

    async def walk(pilot: Pilot[int]) -> None:
        await _until(pilot, "queued")
        for key in keys:
            await press(app, key)
            # A list must have come before the next key can mean a row of it.
            await _until(pilot, _COMES_WITH.get(key, ""))
        await _until(pilot, words)
        app.clear_notifications()
        await settle(app)
        while unfinished(app):
            await asyncio.sleep(0.005)
            await settle(app)

    assert snap_compare(app, terminal_size=size, run_before=walk)


async def _until(pilot: Pilot[int], words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in _text(pilot):
        assert time.monotonic() < deadline, f"never {words!r}"
        await asyncio.sleep(0.005)
        await settle(pilot.app)


def _text(pilot: Pilot[int]) -> str:
    strips = pilot.app.screen._compositor.render_strips(pilot.app.size)
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)
