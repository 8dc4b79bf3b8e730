"""Bars that are grown event by event."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.journal.records import StoredEvent
from engine.machine.events.request_facts import ApprovalDecided, PendingHuman
from engine.machine.events.run_facts import RunFailed, RunRetried
from engine.machine.events.step_facts import (
    AttemptFailed,
    AttemptStarted,
    RetryScheduled,
    StepCompleted,
    StepFailed,
    StepStarted,
)
from engine.machine.events.table import read_event
from engine.runtime.views.timelines.timeline_spans import Bars

_KINDS = [
    StepStarted.kind,
    PendingHuman.kind,
    ApprovalDecided.kind,
    RetryScheduled.kind,
    AttemptStarted.kind,
    AttemptFailed.kind,
    StepCompleted.kind,
    StepFailed.kind,
    RunFailed.kind,
    RunRetried.kind,
]
_ERROR = {"code": "x", "message": "no", "details": {}}
_PAYLOADS: dict[str, dict[str, object]] = {
    StepStarted.kind: {"type": "tool"},
    PendingHuman.kind: {"approval_id": "appr_1"},
    ApprovalDecided.kind: {"decision": "APPROVED"},
    RetryScheduled.kind: {"retry_at": 1},
    AttemptStarted.kind: {"attempt": 2},
    AttemptFailed.kind: {"error": _ERROR},
    StepCompleted.kind: {"next": 1},
    StepFailed.kind: {"type": "tool", "error": _ERROR},
    RunFailed.kind: {"error": _ERROR},
}
_DRAWN = st.lists(st.tuples(st.sampled_from(_KINDS), st.sampled_from(["a", "b"]), st.integers(0, 5)))


def history(drawn: list[tuple[str, str, int]]) -> list[StoredEvent]:
    events: list[StoredEvent] = []
    now = 0
    for kind, step, gap in drawn:
        now += gap
        of_run = kind in {RunFailed.kind, RunRetried.kind}
        path = None if of_run else step
        event = read_event(kind, now, "engine", path, _PAYLOADS.get(kind) or {"running": [step]})
        events.append(StoredEvent(len(events) + 1, "run_1", len(events) + 1, event))
    return events


@given(_DRAWN, st.lists(st.integers(0, 30), max_size=4))
def test_bars_that_are_continued_equal_bars_built_anew_also_when_looked_at_between(
    drawn: list[tuple[str, str, int]], cuts: list[int]
) -> None:
    events = history(drawn)
    anew, continued = Bars(), Bars()
    anew.take(events)
    at = 0
    for cut in [*sorted(cuts), len(events)]:
        continued.take(events[at:cut])
        at = max(at, cut)
        for bar in continued.by_path.values():
            bar.all_spans(ended=1_000)
    assert continued.by_path == anew.by_path
