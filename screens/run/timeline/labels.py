"""Rows of a timeline: the key of each, and its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.contracts.runs.timeline import TimelineRow


def key_of(row: TimelineRow) -> str:
    """The key of an execution's row."""
    return f"{row.run_id} {row.step_id}"


def label(row: TimelineRow) -> str:
    """The name of an execution below its parent: `2/read` for the second item's step, `read` in a graph."""
    parts = row.step_id.split("/")
    if row.needs is not None:
        return parts[-1]
    return "/".join(parts[-2:]) if row.depth else row.step_id


def _chosen(row: TimelineRow) -> str:
    """The tool that a model wanted: an agent's calls are otherwise only numbered."""
    *_, calls, _number, step = ("", "", *row.step_id.split("/"))
    return f" {row.name}" if step == "call" and calls in {"calls", "steps"} else ""


def after(row: TimelineRow) -> str:
    """The item of a loop, the tool that an agent chose, or what a step of a graph comes after."""
    item = f" {row.item}" if row.item else _chosen(row)
    return f"{item} ← {', '.join(row.needs)}" if row.needs else item
