"""Who wants to know that the journal changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.contracts.status import RunStatus
    from engine.journal.commits import Commit, Decided, NewRun


@dataclass(frozen=True, slots=True)
class Change:
    """What commits may have changed: enough for most listeners to know that they need not look."""

    statuses: Mapping[str, RunStatus] = field(default_factory=dict)
    """Runs that moved, with their new status."""
    rested: frozenset[str] = frozenset()
    """Runs given back because nothing more can be done for them now."""
    work: bool = False
    """A worker may find something to do."""
    claims: bool = False
    """Somebody began or ended to look at a request."""
    packs: bool = False
    """A version was published, or code was trusted."""
    foreign: bool = False
    """Another process wrote: anything may have changed."""


NOTHING = Change()
WORK = Change(work=True)
CLAIMED = Change(claims=True)
PACKS = Change(packs=True)
ANYTHING = Change(work=True, claims=True, packs=True, foreign=True)
Listener = Callable[[Change], None]


def change_of(commit: Commit) -> Change:
    """What a transition changes: other runs got mail, children were queued, or the run is given on."""
    work = bool(commit.mail or commit.children) or (commit.release and commit.ready)
    rested = frozenset({commit.run_id}) if commit.release and not commit.ready else frozenset[str]()
    return Change({commit.run_id: commit.head.status}, rested, work)


def decided(decision: Decided) -> Change:
    """What a decision changes: its run waits for a worker unless one took it at once."""
    return WORK if decision.claim is None else Change()


def created(run: NewRun) -> Change:
    """What a new run changes: it waits for a worker unless one took it at once."""
    return WORK if run.first is None else change_of(run.first)


class News:
    """Callbacks to run in the loop after a commit of this process or another one."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; returns what removes it."""
        self._listeners.append(listener)

        def undo() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return undo

    def publish(self, changes: Sequence[Change]) -> None:
        """Tell all listeners about what one group of commits changed."""
        statuses: dict[str, RunStatus] = {}
        for change in changes:
            statuses.update(change.statuses)
        merged = Change(
            statuses,
            frozenset().union(*(change.rested for change in changes)),
            any(change.work for change in changes),
            any(change.claims for change in changes),
            any(change.packs for change in changes),
            any(change.foreign for change in changes),
        )
        for listener in tuple(self._listeners):
            listener(merged)
