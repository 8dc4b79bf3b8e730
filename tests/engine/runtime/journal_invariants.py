"""What holds of a journal whenever no worker is at work on it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.listed import RequestFilter, RunFilter, RunSort
from engine.contracts.status import (
    RUN_TERMINAL,
    RUN_WAITING,
    RequestKind,
    RequestStatus,
    RunStatus,
    StepStatus,
)
from engine.machine.events.fold import fold
from engine.machine.events.request_facts import ApprovalDecided, UserInputReceived
from engine.machine.events.run_facts import RUN_END, OutputWritten, RunRetried
from engine.machine.events.step_facts import StepStarted
from engine.machine.model.state import find_execution
from engine.machine.walk import in_flight, run_status
from tests.engine.journal.run_script import assert_counters_agree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.journal.port import Journal
    from engine.journal.records import StoredEvent
    from engine.machine.model.state import RunState

ALL = 10_000
DECISIONS: dict[str, str] = {ApprovalDecided.kind: "approval_id", UserInputReceived.kind: "request_id"}


async def check_journal(journal: Journal) -> Counter[str]:
    """All invariants; how often each request was decided (once, for those that were)."""
    decided: Counter[str] = Counter()
    for row in await journal.lists.page(RunFilter(), RunSort.NEWEST, ALL):
        events = await journal.events_after(row["run_id"], 0)
        state = fold(stored.event for stored in events)
        _check_history(row, events, state)
        _check_rest(row, state)
        for step in await journal.page_steps(row["run_id"], 0, 1_000):
            execution = find_execution(state.root, step["path"])
            if execution is not None and execution.status is not StepStatus.NOT_STARTED:  # opened by a retry
                assert execution.status.value == step["status"], step["path"]
        decided.update(_decided(events))
    _check_decisions(decided)
    await _check_requests(journal, decided)
    await assert_counters_agree(journal)
    assert await journal.workers() == []
    assert not await journal.any_busy(0)
    return decided


def _check_history(row: Mapping[str, Any], events: Sequence[StoredEvent], state: RunState) -> None:
    assert [stored.run_seq for stored in events] == list(range(1, len(events) + 1)), "gaps in run_seq"
    assert state.run_seq == row["run_seq"]
    assert run_status(state).value == row["status"], "the row is not the fold of the events"
    assert (state.counters.steps_executed, state.counters.tool_calls) == (
        row["steps_executed"],
        row["tool_calls"],
    )
    ends = 0
    for stored in events:
        assert not ends or stored.event.kind in {OutputWritten.kind, RunRetried.kind}, stored.event.kind
        ends = 0 if isinstance(stored.event.fact, RunRetried) else ends + (stored.event.kind in RUN_END)
    spent: dict[str, str | None] = {}
    for stored in events:
        approval = (
            stored.event.payload.get("approval") if isinstance(stored.event.fact, StepStarted) else None
        )
        if approval is not None:
            assert spent.setdefault(approval, stored.event.step_id) == stored.event.step_id, "spent twice"


def _check_rest(row: Mapping[str, Any], state: RunState) -> None:
    status = RunStatus(row["status"])
    waits_for_child = row["waiting_for"] == "child" and row["waiting_for_id"] is not None
    assert status in RUN_TERMINAL | RUN_WAITING or waits_for_child, f"{row['run_id']} is left {status}"
    assert row["lease_worker"] is None
    assert not row["ready"]
    assert not in_flight(state)
    assert status not in RUN_TERMINAL or state.documented, "an ended run without its response"


def _decided(events: Sequence[StoredEvent]) -> list[str]:
    return [
        stored.event.payload[DECISIONS[stored.event.kind]]
        for stored in events
        if stored.event.kind in DECISIONS
    ]


def _check_decisions(decided: Counter[str]) -> None:
    twice = [request_id for request_id, times in decided.items() if times > 1]
    assert not twice, f"decided more than once: {twice}"


async def _check_requests(journal: Journal, decided: Counter[str]) -> None:
    for kind in RequestKind:
        for request in await journal.request_rows(kind, RequestFilter(), ALL):
            run = await journal.run_row(request["run_id"])
            assert run is not None
            pending = request["status"] == RequestStatus.PENDING.value
            assert not (pending and RunStatus(run["status"]) in RUN_TERMINAL), "an ended run still asks"
            assert (request["decided_by"] is not None) == (request["request_id"] in decided)
