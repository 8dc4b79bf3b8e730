"""The steps around those of a page, and what those began with that began before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.journal.encoding import decode
from engine.machine.model.state import outer_path_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from engine.journal.port import Journal
    from engine.journal.rows import StepHeadRow
    from engine.runtime.views.timelines.timeline_spans import Bar


@dataclass(slots=True)
class Composites:
    """What steps hold others by, by path: of graphs the steps, of a `for_each` the event with its items, and
    these."""

    graphs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    loops: dict[str, tuple[int, Any]] = field(default_factory=dict)


def paths_around(paths: Iterable[str]) -> set[str]:
    """The paths of every step that one of these stands in."""
    found: set[str] = set()
    for path in paths:
        outer = outer_path_of(path)
        while outer and outer not in found:
            found.add(outer)
            outer = outer_path_of(outer)
    return found


async def read_composites(
    journal: Journal, run_id: str, heads: Sequence[StepHeadRow], bars: Mapping[str, Bar]
) -> Composites:
    """Those of these steps: as the bars have them, else as their rows do."""
    found = Composites(
        {path: bar.graph for path, bar in bars.items() if bar.graph},
        {path: bar.loop for path, bar in bars.items() if bar.loop is not None},
    )
    known = found.graphs.keys() | found.loops.keys()
    before = [
        head["path"] for head in heads if head["type"] in {"graph", "for_each"} and head["path"] not in known
    ]
    for row in await journal.step_rows_at(run_id, before) if before else ():
        given = decode(row["input_event"]).get("input") if row["input_event"] else None
        if row["type"] == "graph" and isinstance(given, dict):
            found.graphs[row["path"]] = given.get("graph", [])
        elif row["type"] == "for_each" and row["input_seq"] is not None:
            found.loops[row["path"]] = (row["input_seq"], given)
    return found
