"""Bars that are grown event by event."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.machine.events.event import Event, Kind
from engine.machine.events.table import read_event
from engine.runtime.views.timeline_spans import Bars

_KINDS = [
    Kind.STEP_STARTED,
    Kind.PENDING_HUMAN,
    Kind.APPROVAL_DECIDED,
    Kind.RETRY_SCHEDULED,
    Kind.ATTEMPT_STARTED,
    Kind.ATTEMPT_FAILED,
    Kind.STEP_COMPLETED,
    Kind.STEP_FAILED,
    Kind.RUN_FAILED,
    Kind.RUN_RETRIED,
]
_ERROR = {"code": "x", "message": "no", "details": {}}
_PAYLOADS: dict[str, dict[str, object]] = {
    Kind.STEP_STARTED: {"type": "tool"},
    Kind.PENDING_HUMAN: {"approval_id": "appr_1"},
    Kind.APPROVAL_DECIDED: {"decision": "APPROVED"},
    Kind.RETRY_SCHEDULED: {"retry_at": 1},
    Kind.ATTEMPT_STARTED: {"attempt": 2},
    Kind.ATTEMPT_FAILED: {"error": _ERROR},
    Kind.STEP_COMPLETED: {"next": 1},
    Kind.STEP_FAILED: {"type": "tool", "error": _ERROR},
    Kind.RUN_FAILED: {"error": _ERROR},
}
_DRAWN = st.lists(st.tuples(st.sampled_from(_KINDS), st.sampled_from(["a", "b"]), st.integers(0, 5)))


def history(drawn: list[tuple[Kind, str, int]]) -> list[Event]:
    events, now = [], 0
    for kind, step, gap in drawn:
        now += gap
        of_run = kind in {Kind.RUN_FAILED, Kind.RUN_RETRIED}
        path = None if of_run else step
        events.append(read_event(kind, now, "engine", path, _PAYLOADS.get(kind) or {"running": [step]}))
    return events


@given(_DRAWN, st.lists(st.integers(0, 30), max_size=4))
def test_bars_that_are_continued_equal_bars_built_anew_also_when_looked_at_between(
    drawn: list[tuple[Kind, str, int]], cuts: list[int]
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
