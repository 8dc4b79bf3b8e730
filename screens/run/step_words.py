"""Words about a step that stand on the timeline as well as on its own screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.widgets.ages import clock_time

if TYPE_CHECKING:
    from engine.contracts.runs.timeline import FailedTry


def format_try(failed: FailedTry) -> str:
    """One line: which try failed, when and why."""
    why = " ".join(failed.message.split())
    return f"✗ try {failed.attempt} failed {clock_time(failed.at)} · {failed.code}: {why}"[:300]


def format_item(item: str) -> str:
    """Which item of a loop a step is for."""
    return f"item: {item or '(empty)'}"
