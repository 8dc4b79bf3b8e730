"""The one table of event kinds, and reading events by it.

It is closed: a kind or version that it does not have cannot be read, and is never guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import EventUnreadable
from engine.machine.events import branch_facts, request_facts, run_facts, step_facts
from engine.machine.events.event import ENGINE, VERSION_KEY, VIA_KEY, Event, payload_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.machine.events.event import Fact


class FactTable:
    """The kinds there are, by name."""

    def __init__(self) -> None:
        self._kinds: dict[str, type[Fact]] = {}

    def add(self, kind: type[Fact]) -> Callable[[], None]:
        """Register a kind; returns what takes it out again. Raises ValueError for a name that is taken."""
        if kind.kind in self._kinds:
            raise ValueError(f"the event kind {kind.kind} is registered already")
        self._kinds[kind.kind] = kind

        def undo() -> None:
            del self._kinds[kind.kind]

        return undo

    def get(self, name: str) -> type[Fact]:
        """The kind of that name. Raises EventUnreadable."""
        found = self._kinds.get(name)
        if found is None:
            raise EventUnreadable(f"this version knows no event {name}", {"kind": name})
        return found

    def all(self) -> tuple[type[Fact], ...]:
        """Every kind in the order of registration."""
        return tuple(self._kinds.values())


def read_event(
    kind: str, ts: int, actor: str, step_id: str | None = None, payload: Mapping[str, Any] | None = None
) -> Event:
    """The event of a kind and its payload at rest. Raises EventUnreadable."""
    values = dict(payload or {})
    via = values.pop(VIA_KEY, ENGINE)
    return Event(_read(FACTS.get(kind), values), ts, actor, step_id, via)


def _read(kind: type[Fact], payload: dict[str, Any]) -> Fact:
    version = payload.pop(VERSION_KEY, 1)
    if version not in range(1, kind.version + 1):
        raise EventUnreadable(
            f"the event {kind.kind} is of version {version}, this program reads up to {kind.version}",
            {"kind": kind.kind, "version": version},
        )
    for earlier in range(version, kind.version):
        payload = kind.upgrades[earlier](payload)
    try:
        return kind(**payload)
    except TypeError:
        expected = ", ".join(payload_names(kind)) or "nothing"
        raise EventUnreadable(
            f"the event {kind.kind} holds {', '.join(sorted(payload)) or 'nothing'}, not {expected}",
            {"kind": kind.kind, "version": version},
        ) from None


FACTS = FactTable()
_KINDS: tuple[type[Fact], ...] = (
    run_facts.RunQueued,
    run_facts.RunRefused,
    run_facts.GovernanceDecision,
    run_facts.RunStarted,
    run_facts.RunPauseRequested,
    run_facts.RunPaused,
    run_facts.RunResumed,
    run_facts.RunCancelRequested,
    run_facts.RunCancelled,
    run_facts.RunRetried,
    run_facts.RunEnding,
    run_facts.RunCompleted,
    run_facts.RunFailed,
    run_facts.RunDeadLettered,
    run_facts.OutputWritten,
    step_facts.StepStarted,
    step_facts.StepCompleted,
    step_facts.StepFailed,
    step_facts.StepSkipped,
    step_facts.StepCancelled,
    step_facts.StepRecovered,
    step_facts.StepPutBack,
    step_facts.CallApproved,
    step_facts.AttemptStarted,
    step_facts.AttemptFailed,
    step_facts.RetryScheduled,
    step_facts.SubflowRetryDue,
    step_facts.WaitStarted,
    request_facts.PendingHuman,
    request_facts.ApprovalDecided,
    request_facts.ApprovalVoided,
    request_facts.PersonalDataShown,
    request_facts.UserInputRequested,
    request_facts.UserInputReceived,
    request_facts.OutcomeUnknown,
    request_facts.OutcomeDecided,
    request_facts.RequestWithdrawn,
    request_facts.RequestExpired,
    branch_facts.BranchCompleted,
    branch_facts.BranchFailed,
    branch_facts.BranchCancelled,
)
for _kind in _KINDS:
    FACTS.add(_kind)
