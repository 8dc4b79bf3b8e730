"""Removing runs that are over, with all that is theirs: which may go, and what was removed. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.contracts.status import RUN_TERMINAL, RunStatus
from engine.journal.rules.run_filter import is_wanted_failure

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.journal.rows import RunRow

_REFERENCE = re.compile(r'"\$(?:blob|image)":"([0-9a-f]{64})"')


@dataclass(frozen=True, slots=True)
class PruneRange:
    """Which runs are wanted gone: ended before a moment (microseconds), with one of the statuses; of failed
    ones only those that a person `rejected` (True), or only the others (False)."""

    finished_before: int
    statuses: Collection[RunStatus] = RUN_TERMINAL
    tenant: str | None = None
    rejected: bool | None = None
    pack: str | None = None


@dataclass(frozen=True, slots=True)
class RunTree:
    """A run that nobody started from another, and all that were started below it: (run id, pack)."""

    root: str
    runs: tuple[tuple[str, str], ...]
    events: int


class Upkeep(Protocol):
    """What keeps a journal small."""

    async def prunable(self, wanted: PruneRange, after: str, limit: int) -> tuple[list[RunTree], str | None]:
        """Trees that may go, by the id of their root, and the id to go on after; None at the end."""
        ...

    async def prune(self, roots: Sequence[str], wanted: PruneRange) -> list[RunTree]:
        """Remove trees with all that is theirs; those that may still go are removed, all at once."""
        ...

    async def unused_blobs(self) -> tuple[frozenset[str], int]:
        """Digests of values that no event up to a place in the journal refers to, and that place."""
        ...

    async def drop_blobs(self, digests: frozenset[str], after_seq: int) -> tuple[int, int]:
        """Remove those of the values that no event after the place refers to: how many, and their bytes."""
        ...

    async def old_alerts(self, ended_before: int, tenant: str | None) -> int:
        """How many alerts of service levels of a tenant, or of all, ended before a moment."""
        ...

    async def drop_alerts(self, ended_before: int, tenant: str | None) -> int:
        """Remove these: that they began, and that they ended; how many."""
        ...

    async def tree(self, run_id: str) -> list[str]:
        """The run, and all that were started below it, by id."""
        ...


def may_go(tree: Sequence[RunRow], wanted: PruneRange, *, asks: bool, newest: str | None) -> bool:
    """Whether a tree, its root first, may be removed.

    What works, waits or was only just given something to do stays. So does the tree that holds the
    journal's newest event: whoever reads news knows where it stands by its number, which is not given twice.
    """
    root = tree[0]
    if asks or any(row["run_id"] == newest for row in tree):
        return False
    if wanted.tenant not in {None, root["tenant"]} or root["status"] not in set(wanted.statuses):
        return False
    if wanted.pack not in {None, root["pack"]} or not is_wanted_failure(root, wanted.rejected):
        return False
    return all(_is_over(row, wanted.finished_before) for row in tree)


def _is_over(row: RunRow, moment: int) -> bool:
    finished = row["finished_at"]
    return (
        row["status"] in RUN_TERMINAL  # one that there is not is no end: the run is damaged
        and not row["ready"]
        and row["lease_worker"] is None
        and finished is not None
        and finished < moment
    )


def tree_of(rows: Sequence[RunRow]) -> RunTree:
    """What is told of a tree, its root first."""
    names = tuple((row["run_id"], row["pack"]) for row in rows)
    return RunTree(rows[0]["run_id"], names, sum(row["run_seq"] for row in rows))


def references(payload: str) -> list[str]:
    """Digests of the values and images that an event's payload (JSON) refers to."""
    return _REFERENCE.findall(payload)
