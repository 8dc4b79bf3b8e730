"""Words about the step under the cursor of a timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.run.step_words import format_item, format_try
from screens.widgets.ages import clock_time
from screens.widgets.status_labels import STEP_LABELS, STYLES, format_recovered

if TYPE_CHECKING:
    from engine.contracts.runs.run import StepView
    from engine.contracts.runs.timeline import TimelineRow
    from screens.widgets.plain import Part

_TRIES = 2
"""Failed tries that stand below the bars; the step's own screen has all."""


def about(row: TimelineRow, step: StepView | None) -> list[Part]:
    """What it is and how it stands; `step` is the rest of it, where that is known."""
    label = STEP_LABELS[row.status]
    parts: list[Part] = [(sanitize(f"{label.symbol} {label.word}"), STYLES[label.tone])]
    words = f"  {row.step_id} · {row.type}"
    if row.name not in (row.step_id, row.step_id.rpartition("/")[2]):
        words += f" · {row.name}"
    if row.item is not None:
        words += f" · {format_item(row.item)}"
    if row.spans:
        words += f" · began {clock_time(row.spans[0].start)}"
    if row.child_run_id:
        words += f" · child {row.child_run_id}"
    parts.append((sanitize(words, limit=400), "$quiet"))
    if row.recoveries:
        parts.append((sanitize(f" · {format_recovered(row.recoveries)}"), "$busy"))
    return parts + (_how_it_went(step) if step is not None else [])


def _how_it_went(step: StepView) -> list[Part]:
    """Its tries and its call; why it failed, and why its tries before did, on lines of their own."""
    tries = f" · try {step.attempt}" if step.attempt > 1 else ""
    retry = f" · retry at {clock_time(step.retry_at)}" if step.retry_at else ""
    parts: list[Part] = [(sanitize(tries + retry), "$busy")]
    if step.meta is not None:
        call = f" · {step.meta.backend}, sandbox {step.meta.sandbox}, {step.meta.latency_ms:,.0f} ms"
        parts.append((sanitize(call), "$quiet"))
    if step.error is not None:
        words = f"\n{step.error.code}: {step.error.message}"
        parts.append((sanitize(words, multiline=True, limit=400), "$bad"))
    parts += [
        (sanitize(f"\n{format_try(failed)}", multiline=True), "$quiet")
        for failed in reversed(step.tries[-_TRIES:])
    ]
    return parts
