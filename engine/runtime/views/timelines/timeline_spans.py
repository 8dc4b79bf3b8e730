"""From a run's events to what each step did: when it worked, waited, retried, failed, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.timeline import FailedTry, SpanKind, TimelineSpan
from engine.contracts.times import from_micros
from engine.machine.events.request_facts import (
    ApprovalDecided,
    ApprovalVoided,
    OutcomeDecided,
    OutcomeUnknown,
    PendingHuman,
    RequestExpired,
    RequestWithdrawn,
    UserInputReceived,
    UserInputRequested,
)
from engine.machine.events.run_facts import RUN_END, RunRetried
from engine.machine.events.step_facts import (
    AttemptFailed,
    AttemptStarted,
    CallApproved,
    RetryScheduled,
    StepCancelled,
    StepCompleted,
    StepFailed,
    StepRecovered,
    StepSkipped,
    StepStarted,
    SubflowRetryDue,
    WaitStarted,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from engine.journal.records import StoredEvent
    from engine.machine.events.event import Event

_OPENS: dict[str, SpanKind] = {
    StepStarted.kind: SpanKind.WORKING,
    AttemptStarted.kind: SpanKind.WORKING,
    CallApproved.kind: SpanKind.WORKING,
    StepRecovered.kind: SpanKind.WORKING,
    WaitStarted.kind: SpanKind.WAITING,
    PendingHuman.kind: SpanKind.WAITING,
    UserInputRequested.kind: SpanKind.WAITING,
    OutcomeUnknown.kind: SpanKind.WAITING,
    RetryScheduled.kind: SpanKind.RETRYING,
}
_ENDS = frozenset(
    {
        AttemptFailed.kind,
        SubflowRetryDue.kind,
        ApprovalDecided.kind,
        ApprovalVoided.kind,
        UserInputReceived.kind,
        OutcomeDecided.kind,
        RequestWithdrawn.kind,
        RequestExpired.kind,
        StepCompleted.kind,
        StepFailed.kind,
        StepSkipped.kind,
        StepCancelled.kind,
    }
)
_FAILURES = frozenset({AttemptFailed.kind, StepFailed.kind})
_TRIES = frozenset({StepStarted.kind, AttemptStarted.kind})


@dataclass(slots=True)
class Bar:
    """What one execution did when, which of its tries failed, the child runs it started.

    Of a graph also its steps with their needs, of a `for_each` the event with its items, and these. `joined`
    is the time of the first event that is known, where it had begun before.
    """

    spans: list[TimelineSpan] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    graph: list[dict[str, Any]] = field(default_factory=list)
    loop: tuple[int, Any] | None = None
    failed: list[FailedTry] = field(default_factory=list)
    attempt: int = 1
    joined: int | None = None
    doing: SpanKind | None = None
    since: int = 0

    def start(self, kind: SpanKind, now: int) -> None:
        """It does something else from now on, or goes on with what it does."""
        if kind is self.doing:
            return
        self.end(now)
        self.doing, self.since = kind, now

    def end(self, now: int, *, failed: bool = False) -> None:
        """It does nothing from now on; a step that only opened a request has not worked for no time."""
        kind, self.doing = self.doing, None
        if kind is None or (kind is SpanKind.WORKING and not failed and now == self.since):
            return
        if failed and kind is SpanKind.WORKING:
            kind = SpanKind.FAILED
        self.spans.append(
            TimelineSpan.model_construct(kind=kind, start=from_micros(self.since), end=from_micros(now))
        )

    def all_spans(self, ended: int | None) -> tuple[TimelineSpan, ...]:
        """The spans; what it does last ends when the step `ended`, if it did. More events may follow."""
        if self.doing is None:
            return tuple(self.spans)
        if ended is not None:
            last = Bar(doing=self.doing, since=self.since)
            last.end(max(ended, self.since))
            return (*self.spans, *last.spans)
        return (*self.spans, TimelineSpan.model_construct(kind=self.doing, start=from_micros(self.since)))


class Bars:
    """Bars by step path, grown event by event; `only` of these paths, if there are some."""

    def __init__(self, only: Collection[str] | None = None) -> None:
        self.by_path: dict[str, Bar] = {}
        self._only = only
        self._run_seq = 0

    def take(self, events: Iterable[StoredEvent]) -> None:
        """The run's next events."""
        for stored in events:
            self._run_seq = stored.run_seq
            self._take(stored.event)

    def _take(self, event: Event) -> None:
        if event.kind in RUN_END:
            for bar in self.by_path.values():
                bar.end(event.ts)
        if isinstance(event.fact, RunRetried):
            for path in event.payload.get("running", ()):
                if self._is_wanted(path):
                    self._bar(path).start(SpanKind.WORKING, event.ts)
        if event.step_id is None or not self._is_wanted(event.step_id):
            return
        if event.kind in _OPENS:
            bar = self._bar(event.step_id, None if event.kind == StepStarted.kind else event.ts)
            bar.start(_OPENS[event.kind], event.ts)
            self._note_start(bar, event)
        elif event.kind in _ENDS:
            failed = event.kind in _FAILURES
            bar = self._bar(event.step_id, event.ts)
            bar.end(event.ts, failed=failed)
            if failed:
                self._note_failure(bar, event)

    def _note_start(self, bar: Bar, event: Event) -> None:
        payload = event.payload
        if event.kind in _TRIES:
            bar.attempt = payload.get("attempt") or 1
        given = payload.get("input")
        if payload.get("type") == "graph":
            bar.graph = given.get("graph", []) if isinstance(given, dict) else []
        if payload.get("type") == "for_each":
            bar.loop = (self._run_seq, given)
        if payload.get("child_run_id") is not None:
            bar.children.append(payload["child_run_id"])

    def _note_failure(self, bar: Bar, event: Event) -> None:
        error = event.payload["error"]
        bar.failed.append(
            FailedTry.model_construct(
                attempt=event.payload.get("attempt") or bar.attempt,
                run_seq=self._run_seq,
                at=from_micros(event.ts),
                code=error["code"],
                message=error["message"],
            )
        )

    def _is_wanted(self, path: str) -> bool:
        return self._only is None or path in self._only

    def _bar(self, path: str, joined: int | None = None) -> Bar:
        found = self.by_path.get(path)
        if found is None:
            found = self.by_path[path] = Bar(joined=joined)
        return found
