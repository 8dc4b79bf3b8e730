"""Bars that are grown event by event."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.contracts.runs.timeline import SpanKind
from engine.journal.records import StoredEvent
from engine.machine.events.request_facts import ApprovalDecided, OutcomeDecided, OutcomeUnknown, PendingHuman
from engine.machine.events.run_facts import RunFailed, RunRetried
from engine.machine.events.step_facts import (
    AttemptFailed,
    AttemptStarted,
    CallApproved,
    RetryScheduled,
    StepCompleted,
    StepFailed,
    StepRecovered,
    StepStarted,
)
from engine.machine.events.table import read_event
from engine.runtime.views.timelines.timeline_spans import Bars

_KINDS = [
    StepStarted.kind,
    PendingHuman.kind,
    ApprovalDecided.kind,
    CallApproved.kind,
    OutcomeUnknown.kind,
    OutcomeDecided.kind,
    StepRecovered.kind,
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
    CallApproved.kind: {"approval_id": "appr_1"},
    OutcomeUnknown.kind: {"request_id": "outc_1"},
    OutcomeDecided.kind: {"decision": "run_again"},
    StepRecovered.kind: {"recoveries": 1},
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


def spans(*drawn: tuple[str, int]) -> list[tuple[SpanKind, int]]:
    """What the step did for how many microseconds; each event comes so many after the one before."""
    bars = Bars()
    bars.take(history([(kind, "a", gap) for kind, gap in drawn]))
    seen = bars.by_path["a"].all_spans(ended=None)
    return [
        (span.kind, round((span.end - span.start).total_seconds() * 1_000_000)) for span in seen if span.end
    ]


def test_a_call_that_was_approved_works_from_then_on() -> None:
    asked = (StepStarted.kind, 0), (PendingHuman.kind, 0), (ApprovalDecided.kind, 9)
    done = spans(*asked, (CallApproved.kind, 1), (StepCompleted.kind, 5))
    assert done == [(SpanKind.WAITING, 9), (SpanKind.WORKING, 5)]


def test_a_lost_call_waits_while_a_person_is_asked_what_became_of_it() -> None:
    asked = (StepStarted.kind, 0), (OutcomeUnknown.kind, 3), (OutcomeDecided.kind, 7)
    again = spans(*asked, (StepRecovered.kind, 0), (StepCompleted.kind, 2))
    assert again == [(SpanKind.WORKING, 3), (SpanKind.WAITING, 7), (SpanKind.WORKING, 2)]
    assert spans(*asked, (StepCompleted.kind, 0)) == [(SpanKind.WORKING, 3), (SpanKind.WAITING, 7)]


def test_a_lost_call_that_is_made_again_by_itself_has_worked_all_the_time() -> None:
    made = spans((StepStarted.kind, 0), (StepRecovered.kind, 3), (StepCompleted.kind, 4))
    assert made == [(SpanKind.WORKING, 7)]


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
