"""After commits: what they may have changed, told to whoever asked to be told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from engine.frozen import frozen, replace
from engine.journal.records import Decided

if TYPE_CHECKING:
    from engine.contracts.status import RunStatus
    from engine.errors import Refused
    from engine.journal.records import Commit, NewRun, StoredEvent

logger = logging.getLogger(__name__)


@frozen
class ChangeSet:
    """What one or several commits may have changed, so that a listener knows whether it has to look."""

    statuses: Mapping[str, RunStatus] = field(default_factory=dict)
    """Runs that moved, with their new status."""
    rested: frozenset[str] = frozenset()
    """Runs given back because nothing more can be done for them now."""
    work: bool = False
    """A worker may find something to do."""
    claims: bool = False
    """Somebody began or ended to look at a request."""
    caps: bool = False
    """A cap was set, taken back or topped up."""
    alerts: bool = False
    """An alert of a service level began or ended."""
    packs: bool = False
    """A version was published, or code was trusted."""
    money: bool = False
    """Money was held for a call, or less of it: a cap may be reached, or not any more."""
    noted: bool = False
    """Processes noted something for each other, such as what a trigger has seen."""
    foreign: bool = False
    """Another process wrote: anything may have changed."""
    events: tuple[StoredEvent, ...] = ()
    """What this process wrote, in the order of the journal."""
    due: int | None = None
    """The first of the timers that were set."""

    @property
    def untold(self) -> bool:
        """Whether there is nothing in it that readers of the feed are told."""
        return not self.events and self == ChangeSet(money=self.money, noted=self.noted)

    def with_events(self, events: Sequence[StoredEvent]) -> ChangeSet:
        """The same change, with the events that it wrote."""
        return replace(self, events=tuple(events))


NOTHING = ChangeSet()
WORK = ChangeSet(work=True)
CLAIMED = ChangeSet(claims=True)
PACKS = ChangeSet(packs=True)
CAPS = ChangeSet(caps=True)
ALERTS = ChangeSet(alerts=True)
MONEY = ChangeSet(money=True)
NOTED = ChangeSet(noted=True)
ANYTHING = ChangeSet(
    work=True, claims=True, caps=True, alerts=True, packs=True, money=True, noted=True, foreign=True
)
Listener = Callable[[ChangeSet], None]


class Appended(NamedTuple):
    """What `append` has found out."""

    ready: bool
    """Whether the run has more to do."""
    slot_free: bool = False
    """Its flow is capped, and the run takes no slot now: another one may have waited for it."""


def change_of(commit: Commit, appended: Appended) -> ChangeSet:
    """What a transition changes: other runs got mail, children were queued, the run is given on, or one that
    waited for its slot may begin."""
    work = bool(commit.mail or commit.children) or (commit.release and appended.ready) or appended.slot_free
    rested = frozenset({commit.run_id}) if commit.release and not appended.ready else frozenset[str]()
    due = min((moment for moment in commit.timers.values() if moment is not None), default=None)
    return ChangeSet({commit.run_id: commit.head.status}, rested, work, due=due)


def decided(answer: Decided | Refused) -> ChangeSet:
    """What a decision changes: its run waits for a worker unless one took it at once."""
    return ChangeSet() if isinstance(answer, Decided) and answer.claim is not None else WORK


def created(run: NewRun) -> ChangeSet:
    """What a new run changes: it waits for a worker unless one took it at once."""
    return WORK if run.first is None else change_of(run.first, Appended(run.first.ready))


class ChangeNotifier:
    """Calls its listeners in the event loop after commits, of this process or another one."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; returns what removes it."""
        self._listeners.append(listener)

        def undo() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return undo

    def publish(self, changes: Sequence[ChangeSet]) -> None:
        """Tell all listeners about what one group of commits changed."""
        merged = changes[0] if len(changes) == 1 else _together(changes)
        for listener in tuple(self._listeners):
            try:
                listener(merged)
            except Exception:  # the edge: what is wrong with one keeps no other from hearing
                logger.exception("a listener to changes of the journal failed")


def _together(changes: Sequence[ChangeSet]) -> ChangeSet:
    statuses: dict[str, RunStatus] = {}
    rested: set[str] = set()
    events: list[StoredEvent] = []
    work = claims = caps = alerts = packs = money = noted = foreign = False
    for change in changes:
        statuses |= change.statuses
        rested |= change.rested
        events += change.events
        work |= change.work
        claims |= change.claims
        caps |= change.caps
        alerts |= change.alerts
        packs |= change.packs
        money |= change.money
        noted |= change.noted
        foreign |= change.foreign
    flags = (work, claims, caps, alerts, packs, money, noted, foreign)
    due = min((change.due for change in changes if change.due is not None), default=None)
    return ChangeSet(statuses, frozenset(rested), *flags, tuple(events), due)
