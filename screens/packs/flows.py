"""The flows of a pack, drawn as trees of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.widgets.drawn_graph import drawn_graph
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.packs.agent import FlowOutline, StepOutline

COLUMNS = (
    Column("Step", 24, flex=3),
    Column("Type", 14),
    Column("Does", 16, flex=2),
    Column("Then", 16, flex=2, rank=1),
)


def flow_rows(outlines: Sequence[FlowOutline]) -> list[Row]:
    """Each flow under its name; steps inside branches stand below the step that has them."""
    rows: list[Row] = []
    for outline in outlines:
        rows += _flow_rows(outline)
    return rows


def _flow_rows(outline: FlowOutline) -> Iterator[Row]:
    kind = "procedure" if outline.sop else "flow"
    yield _row(
        f"{outline.flow}",
        f"{outline.flow} {outline.version}",
        kind,
        outline.file,
        outline.description,
        Tone.BUSY,
    )
    yield from _step_rows(outline.flow, outline.steps, "")
    if outline.closing:
        key = f"{outline.flow}/finally"
        yield _row(key, "finally", "", "runs however the run ends", "", Tone.QUIET)
        yield from _step_rows(key, outline.closing, "")


def _step_rows(path: str, steps: Sequence[StepOutline], indent: str) -> Iterator[Row]:
    for place, step in enumerate(steps):
        last = place == len(steps) - 1
        key = f"{path}/{step.id}"
        name = f"{indent}{'└' if last else '├'} {step.id}"
        tone = Tone.WAITING if step.asks is not None else Tone.PLAIN
        yield _row(key, name, step.type, _does(step), _then(step), tone)
        below = indent + ("  " if last else "│ ")
        if step.type == "graph":
            for branch in step.branches:
                yield from _graph_rows(key, branch, below)
            continue
        for number, branch in enumerate(step.branches):
            if len(step.branches) > 1:
                yield _row(f"{key}/{number}", f"{below}branch {number + 1}", "", "", "", Tone.QUIET)
            yield from _step_rows(f"{key}/{number}", branch, below)


def _graph_rows(path: str, steps: Sequence[StepOutline], indent: str) -> Iterator[Row]:
    """Each step of a graph below what it needs, further in the more has to end before it."""
    by_id = {step.id: step for step in steps}
    for drawn in drawn_graph({step.id: step.needs for step in steps}):
        step = by_id[drawn.id]
        key = f"{path}/{step.id}"
        tone = Tone.WAITING if step.asks is not None else Tone.PLAIN
        yield _row(key, f"{indent}{drawn.rails} {step.id}", step.type, _does(step), _then(step), tone)
        for number, branch in enumerate(step.branches):
            yield from _step_rows(f"{key}/{number}", branch, f"{indent}{' ' * len(drawn.rails)}  ")


def _does(step: StepOutline) -> str:
    words = [step.target or step.name or ""]
    if step.gates:
        words.append(f"before {step.gates}")
    if step.join:
        words.append(f"join {step.join}")
    return " · ".join(word for word in words if word)


def _then(step: StepOutline) -> str:
    words = [
        f"after {', '.join(step.needs)}" if step.needs else "",
        f"if {step.run_if}" if step.run_if not in (None, "success") else "",
        f"when {step.when}" if step.when is not None else "",
        f"✓ → {step.on_success}" if step.on_success else "",
        f"✗ → {step.on_failure}" if step.on_failure else "",
        f"at most {step.max_visits} times" if step.max_visits else "",
    ]
    return " · ".join(word for word in words if word)


def _row(key: str, name: str, kind: str, does: str, then: str, tone: Tone) -> Row:
    return Row(
        key,
        (
            Cell(sanitize(name), tone),
            Cell(sanitize(kind), Tone.QUIET),
            Cell(sanitize(does, limit=500)),
            Cell(sanitize(then, limit=500), Tone.QUIET),
        ),
    )
