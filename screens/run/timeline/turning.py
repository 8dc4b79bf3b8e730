"""From one page of a timeline to another: where the cursor is then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.run.timeline.labels import key_of
from screens.run.timeline.table import Edge

if TYPE_CHECKING:
    from engine.contracts.runs.timeline import Timeline


def place_in(before: Timeline, after: Timeline, edge: Edge, wanted: int) -> int:
    """The row in the page `after` of what would be the row `wanted` of the one `before`.

    The two have rows in common: what was at the end that was passed says how the places of both go together.
    """
    last = len(after.rows) - 1
    if edge is Edge.FIRST:
        return 0
    if edge is Edge.LAST:
        return last
    passed = before.above if edge is Edge.OLDER else len(before.rows) - 1
    keys = list(map(key_of, after.rows))
    known = key_of(before.rows[passed])
    if known not in keys:
        return last if edge is Edge.OLDER else after.above
    return max(after.above if after.older is not None else 0, keys.index(known) + wanted - passed)
