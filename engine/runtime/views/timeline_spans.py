"""From a run's events to stretches of time: working, waiting for a person, retrying, failed. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.model import from_micros
from engine.contracts.timeline import SpanKind, TimelineSpan
from engine.machine.events.request_facts import (
    ApprovalDecided,
    ApprovalVoided,
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
    RetryScheduled,
    StepCancelled,
    StepCompleted,
    StepFailed,
    StepSkipped,
    StepStarted,
    SubflowRetryDue,
    WaitStarted,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.machine.events.event import Event

_OPENS: dict[str, SpanKind] = {
    StepStarted.kind: SpanKind.WORKING,
    AttemptStarted.kind: SpanKind.WORKING,
    WaitStarted.kind: SpanKind.WAITING,
    PendingHuman.kind: SpanKind.WAITING,
    UserInputRequested.kind: SpanKind.WAITING,
    RetryScheduled.kind: SpanKind.RETRYING,
}
_ENDS = frozenset(
    {
        AttemptFailed.kind,
        SubflowRetryDue.kind,
        ApprovalDecided.kind,
        ApprovalVoided.kind,
        UserInputReceived.kind,
        RequestWithdrawn.kind,
        RequestExpired.kind,
        StepCompleted.kind,
        StepFailed.kind,
        StepSkipped.kind,
        StepCancelled.kind,
    }
)
_FAILURES = frozenset({AttemptFailed.kind, StepFailed.kind})


@dataclass(slots=True)
class Bar:
    """What one execution did when, the child runs it started, and of a graph its steps with their needs."""

    spans: list[TimelineSpan] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    graph: list[dict[str, Any]] = field(default_factory=list)
    doing: SpanKind | None = None
    since: int = 0

    def start(self, kind: SpanKind, now: int) -> None:
        """It does something else from now on."""
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
    """Bars by step path, grown event by event."""

    def __init__(self) -> None:
        self.by_path: dict[str, Bar] = {}

    def take(self, events: Iterable[Event]) -> None:
        """The run's next events."""
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        if event.kind in RUN_END:
            for bar in self.by_path.values():
                bar.end(event.ts)
        if isinstance(event.fact, RunRetried):
            for path in event.payload.get("running", ()):
                self._bar(path).start(SpanKind.WORKING, event.ts)
        if event.step_id is None:
            return
        if event.kind in _OPENS:
            bar = self._bar(event.step_id)
            bar.start(_OPENS[event.kind], event.ts)
            if event.payload.get("type") == "graph":
                given = event.payload.get("input")
                bar.graph = given.get("graph", []) if isinstance(given, dict) else []
            if event.payload.get("child_run_id") is not None:
                bar.children.append(event.payload["child_run_id"])
        elif event.kind in _ENDS:
            self._bar(event.step_id).end(event.ts, failed=event.kind in _FAILURES)

    def _bar(self, path: str) -> Bar:
        return self.by_path.setdefault(path, Bar())
