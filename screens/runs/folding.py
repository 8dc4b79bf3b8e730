"""Runs that steps of another run started: folded under it, and unfolded below it where the list shows all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.contracts.runs.listed import RunFilter, RunSort

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.runs.listed import RunSummary
    from engine.facade.runs import Runs

MOST_CHILDREN = 200
"""Runs that are shown below one; `vasini runs --parent` lists them all."""


@dataclass(frozen=True, slots=True)
class Nested:
    """A run below another one, so many levels below the list's own."""

    run: RunSummary
    depth: int


@dataclass(slots=True)
class Unfolded:
    """What stands open: below which place of the list which runs are shown. `open` is the operator's."""

    runs: Runs
    filters: RunFilter
    sort: RunSort
    open: set[str]
    _blocks: list[tuple[int, list[Nested]]] = field(default_factory=list)
    """Places of the list and what is shown below them, in order."""
    _depths: dict[str, int] = field(default_factory=dict)

    async def look(self) -> None:
        """Read what stands open, as it is now."""
        blocks: list[tuple[int, list[Nested]]] = []
        for run_id in sorted(self.open) if self.filters.nested is False else ():
            place = await self.runs.position(run_id, self.filters, sort=self.sort)
            if place is not None:
                blocks.append((place, await self._below(run_id, 1)))
        self._blocks = sorted(blocks, key=lambda block: block[0])
        self._depths = {nested.run.run_id: nested.depth for _, block in blocks for nested in block}

    async def _below(self, run_id: str, depth: int) -> list[Nested]:
        wanted = RunFilter(tenant=self.filters.tenant, parent=run_id)
        page = await self.runs.list(wanted, sort=RunSort.OLDEST, limit=MOST_CHILDREN)
        found: list[Nested] = []
        for run in page.items:
            found.append(Nested(run, depth))
            if run.run_id in self.open:
                found += await self._below(run.run_id, depth + 1)
        return found

    @property
    def length(self) -> int:
        """How many rows more than the list has."""
        return sum(len(block) for _, block in self._blocks)

    def depth(self, run_id: str) -> int:
        """How many levels below the list a run is shown."""
        return self._depths.get(run_id, 0)

    def shown_below(self, run: RunSummary) -> str:
        """What tells of the runs that this one started: how many, and whether they are shown."""
        if not run.children or self.filters.nested is not False:
            return ""
        if run.run_id not in self.open:
            return f"▸{run.children} "
        rest = run.children - MOST_CHILDREN
        return f"▾{run.children} " if rest <= 0 else f"▾{MOST_CHILDREN} of {run.children} "

    def pieces(self, start: int, stop: int) -> list[range | Sequence[Nested]]:
        """What stands at the rows from `start` up to before `stop`: places of the list, runs below them."""
        found: list[range | Sequence[Nested]] = []
        shift = 0
        for place, block in self._blocks:
            first = place + 1 + shift  # the row of the block's first run
            if start < first:
                found.append(range(start - shift, min(stop, first) - shift))
            found.append(block[max(0, start - first) : max(0, stop - first)])
            shift += len(block)
            start = max(start, first + len(block))
            if start >= stop:
                return [piece for piece in found if len(piece)]
        return [piece for piece in (*found, range(start - shift, stop - shift)) if len(piece)]

    def row_of(self, place: int) -> int:
        """The row of a place of the list."""
        return place + sum(len(block) for above, block in self._blocks if above < place)

    def row_below(self, run_id: str) -> int | None:
        """The row of a run that is shown below another one."""
        shift = 0
        for place, block in self._blocks:
            for number, nested in enumerate(block):
                if nested.run.run_id == run_id:
                    return place + 1 + shift + number
            shift += len(block)
        return None
