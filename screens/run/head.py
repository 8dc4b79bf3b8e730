"""The lines above the panes of a run: what it is, how it stands, what it waits for; and as of when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.governing.money import cost_text
from engine.contracts.status import RUN_TERMINAL, RunStatus, WaitKind
from engine.safe_text import sanitize
from screens.widgets.ages import age, full_time, span
from screens.widgets.status_labels import STYLES, run_label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from engine.contracts.runs.listed import RunView
    from screens.run.pane import RunMoment
    from screens.widgets.plain import Part


def head(moment: RunMoment, asked: str, related: str, now: datetime) -> list[Part]:
    """Status, flow and time; who and when; handoffs; what it waits for; how it will end; why it failed.

    `asked` names its request, `related` the runs it was handed off from and to.
    """
    run, label = moment.run, run_label(moment.run)
    then = moment.past.event.ts if moment.past else now
    began = run.started_at or run.created_at
    took = f"took {span(began, run.finished_at)}"
    when = took if run.status in RUN_TERMINAL else f"for {age(began, then)}"
    parts: list[Part] = [
        (sanitize(f"{label.symbol} {label.word}"), STYLES[label.tone]),
        (sanitize(f"  {run.pack}/{run.flow} {run.pack_version}"), "bold"),
        (sanitize(f"  {when}\n", multiline=True), "$quiet"),
        *([(sanitize(f"{run.subject}\n", multiline=True), "bold")] if run.subject else ()),
        (sanitize(f"run {run.run_id} · by {run.requested_by} · {full_time(run.created_at)}"), "$quiet"),
    ]
    if run.autonomy_level is not None:
        parts.append((sanitize(f" · {run.autonomy_level}"), "$quiet"))
    if paid := cost_text(run.cost, run.unpriced_calls):
        parts.append((sanitize(f" · {paid}"), "$quiet"))
    if related:
        parts.append((sanitize(f"\n⇄ {related}", multiline=True), "$quiet"))
    if waits := _waits(run, asked):
        parts.append((sanitize("\n" + " · ".join(waits), multiline=True), "$waiting"))
    if run.ending is not None:
        words = f"\nending: {run.ending.text} · the steps of finally come first"
        parts.append((sanitize(words, multiline=True, limit=1_000), "$waiting"))
    if run.flagged is not None:
        words = f"\n! flagged: {run.flagged}"
        parts.append((sanitize(words, multiline=True, limit=600), "$waiting"))
    if run.doubtful is not None:
        words = f"\n! doubtful: {run.doubtful}"
        parts.append((sanitize(words, multiline=True, limit=600), "$waiting"))
    if run.error is not None:
        where = f" at {run.error.step_id}" if run.error.step_id else ""
        counts = f" (does not count: {run.excluded})" if run.excluded else ""
        words = f"\n✗ {run.error.code}{where}: {run.error.message}{counts}"
        parts.append((sanitize(words, multiline=True, limit=1_000), "$bad"))
    return parts


def format_handoff(source: str | None, successors: Sequence[str], opens: str) -> str:
    """The runs a run was handed off from and to; `opens` is the key that opens them."""
    words = [f"handed off from {source}"] if source else []
    if successors:
        more = f" and {len(successors) - 1} more" if len(successors) > 1 else ""
        words.append(f"handed off to {successors[-1]}{more}")
    return f"{' · '.join(words)} ({opens} opens)" if words else ""


def _waits(run: RunView, asked: str) -> list[str]:
    words = [asked] if asked else []
    if run.waiting_for is not None and run.waiting_for.kind in {WaitKind.SOFT_CAP, WaitKind.MONEY}:
        words.append(f"waits for {run.waiting_for.text}")
    elif run.pause_requested and run.status is not RunStatus.PAUSED:
        words.append("pause asked for")
    if run.cancel_requested and run.finished_at is None:
        words.append(f"cancel asked for ({run.cancel_requested})")
    return words
