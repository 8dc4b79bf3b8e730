"""Which branches of a graph may begin, and what has become of the others. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from engine.contracts.flows.step import RunIf
from engine.machine.model.state import ScopeStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.flows.step import BranchNeeds
    from engine.machine.model.state import Branches


class BranchOutcome(StrEnum):
    """The end of a branch, or that it will not begin."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BLOCKED = "blocked"
    """It is left out, because something before it failed."""
    NOT_WANTED = "not_wanted"
    """It is left out, because nothing before it failed."""


BAD = frozenset({BranchOutcome.FAILED, BranchOutcome.BLOCKED})


def startable(needs: Sequence[BranchNeeds], branches: Branches) -> Iterator[int]:
    """Branches that have not begun and may begin now, in the order of the list."""
    known: dict[int, BranchOutcome | None] = {}
    for index, wanted in enumerate(needs):
        if not branches.has_begun(index):
            ends = [_outcome(needs, branches, need, known) for need in wanted.branches]
            if None not in ends and _left_out(wanted, ends) is None:
                yield index


def at_work(needs: Sequence[BranchNeeds], branches: Branches) -> Iterator[int]:
    """Branches that have begun, have not ended, and may go on.

    A retry opens every failed one again: one that needs another of them waits for that, or is left out.
    """
    known: dict[int, BranchOutcome | None] = {}
    for index, child in branches.children.items():
        if child.status is ScopeStatus.RUNNING:
            ends = [_outcome(needs, branches, need, known) for need in needs[index].branches]
            if None not in ends and _left_out(needs[index], ends) is None:
                yield index


def all_needs(needs: Sequence[BranchNeeds], index: int) -> set[int]:
    """What a branch needs, and what that needs."""
    found: set[int] = set()
    pending = list(needs[index].branches)
    while pending:
        need = pending.pop()
        if need not in found:
            found.add(need)
            pending += needs[need].branches
    return found


def _outcome(
    needs: Sequence[BranchNeeds], branches: Branches, index: int, known: dict[int, BranchOutcome | None]
) -> BranchOutcome | None:
    """What has become of a branch; None while that is open."""
    if index not in known:
        known[index] = None  # a circle, which no loaded flow has, stays open
        known[index] = _found_outcome(needs, branches, index, known)
    return known[index]


def _found_outcome(
    needs: Sequence[BranchNeeds], branches: Branches, index: int, known: dict[int, BranchOutcome | None]
) -> BranchOutcome | None:
    if branches.outputs.holds(index):
        return BranchOutcome.SUCCEEDED
    child = branches.children.get(index)
    if child is not None and child.status is not ScopeStatus.RUNNING:
        return BranchOutcome.FAILED
    ends = [_outcome(needs, branches, need, known) for need in needs[index].branches]
    return None if None in ends else _left_out(needs[index], ends)


def _left_out(wanted: BranchNeeds, ends: Sequence[BranchOutcome | None]) -> BranchOutcome | None:
    """Why a branch whose needs have ended does not begin; None when it does."""
    bad = any(end in BAD for end in ends)
    if wanted.run_if is RunIf.DONE or (wanted.run_if is RunIf.FAILED and bad):
        return None
    if wanted.run_if is RunIf.SUCCESS and all(end is BranchOutcome.SUCCEEDED for end in ends):
        return None
    return BranchOutcome.BLOCKED if bad else BranchOutcome.NOT_WANTED
