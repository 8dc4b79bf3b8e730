from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.listed import RequestFilter
from engine.contracts.status import RequestKind, RequestStatus, RunStatus
from engine.machine.events.request_facts import ApprovalVoided, RequestWithdrawn
from engine.machine.events.step_facts import (
    AttemptFailed,
    AttemptStarted,
    RetryScheduled,
    StepCancelled,
    StepCompleted,
    StepFailed,
    StepRecovered,
    StepSkipped,
)
from tests.engine.journal.run_script import (
    ALL,
    LATER,
    NOW,
    approval_opened,
    approve,
    assert_counters_agree,
    event,
    form_opened,
    hold,
    step_started,
    wait_for_approval,
)

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.machine.events.event import Event


async def step(journal: Journal, path: str = "read") -> dict[str, Any]:
    (row,) = await journal.step_rows_at("run_0001", [path])
    return dict(row)


async def after(journal: Journal, *events: Event) -> dict[str, Any]:
    """The row of the step `read` after its run went through `events`."""
    held = await hold(journal)
    await held.append(*events)
    return await step(journal)


async def test_a_started_step_runs_with_its_input(journal: Journal) -> None:
    row = await after(journal, step_started("read", input={"file": "a"}))
    assert row["run_id"] == "run_0001"
    assert (row["type"], row["name"], row["status"], row["attempt"]) == ("tool", "Read", "RUNNING", 1)
    assert (row["started_at"], row["finished_at"], row["first_seq"]) == (NOW, None, 3)
    assert json.loads(row["input_event"])["input"] == {"file": "a"}
    assert (row["output_event"], row["error_event"]) == (None, None)


async def test_a_completed_step_has_its_output_and_no_error(journal: Journal) -> None:
    row = await after(
        journal,
        step_started("read", input=1),
        event(AttemptFailed.kind, "read", attempt=1, error={"code": "timeout"}),
        event(RetryScheduled.kind, "read", attempt=2, retry_at=LATER),
        event(AttemptStarted.kind, "read", attempt=2),
        event(StepCompleted.kind, "read", ts=NOW + 7, output={"text": "hello"}, next=1),
    )
    assert (row["status"], row["attempt"], row["finished_at"]) == ("COMPLETED", 2, NOW + 7)
    assert json.loads(row["output_event"])["output"] == {"text": "hello"}
    assert json.loads(row["input_event"])["input"] == 1
    assert (row["error_event"], row["retry_at"]) == (None, None)


async def test_a_step_that_waits_to_be_retried_says_when_and_why(journal: Journal) -> None:
    row = await after(
        journal,
        step_started("read"),
        event(AttemptFailed.kind, "read", attempt=1, error={"code": "timeout"}),
        event(RetryScheduled.kind, "read", attempt=2, retry_at=LATER),
    )
    assert (row["status"], row["attempt"], row["retry_at"]) == ("RUNNING", 1, LATER)
    assert json.loads(row["error_event"])["error"] == {"code": "timeout"}


async def test_a_failed_step_keeps_its_input(journal: Journal) -> None:
    row = await after(
        journal,
        step_started("read", input=1),
        event(StepFailed.kind, "read", ts=NOW + 3, type="tool", error={"code": "unknown"}),
    )
    assert (row["status"], row["started_at"], row["finished_at"]) == ("FAILED", NOW, NOW + 3)
    assert (row["name"], row["first_seq"]) == ("Read", 3)
    assert json.loads(row["input_event"])["input"] == 1
    assert json.loads(row["error_event"])["error"] == {"code": "unknown"}


async def test_a_step_that_failed_before_it_started_has_a_row(journal: Journal) -> None:
    row = await after(journal, event(StepFailed.kind, "read", type="tool", error={"code": "template_error"}))
    assert (row["status"], row["attempt"], row["name"]) == ("FAILED", 1, "")
    assert (row["started_at"], row["finished_at"]) == (NOW, NOW)
    assert row["input_event"] is None
    assert json.loads(row["error_event"])["error"]["code"] == "template_error"


async def test_a_skipped_step_has_a_row(journal: Journal) -> None:
    row = await after(journal, event(StepSkipped.kind, "read", type="tool", name="Read it", next=1))
    assert (row["status"], row["name"], row["finished_at"]) == ("SKIPPED", "Read it", NOW)


async def test_a_cancelled_step_is_over(journal: Journal) -> None:
    row = await after(
        journal,
        step_started("read"),
        event(StepCancelled.kind, "read", ts=NOW + 2, reason="the run was cancelled"),
    )
    assert (row["status"], row["finished_at"], row["retry_at"]) == ("CANCELLED", NOW + 2, None)


async def test_recoveries_are_counted(journal: Journal) -> None:
    row = await after(
        journal, step_started("read"), event(StepRecovered.kind, "read", recoveries=2, attempt=1)
    )
    assert (row["recoveries"], row["status"], row["attempt"]) == (2, "RUNNING", 1)


async def test_a_reopened_step_runs_again_in_its_old_place(journal: Journal) -> None:
    row = await after(
        journal,
        step_started("read", input=1),
        event(StepRecovered.kind, "read", recoveries=1, attempt=1),
        event(StepFailed.kind, "read", ts=NOW + 1, type="tool", error={"code": "unknown"}),
        step_started("other"),
        step_started("read", ts=NOW + 2, input=2, attempt=2, budget_from=1),
    )
    assert (row["status"], row["attempt"], row["recoveries"]) == ("RUNNING", 2, 1)
    assert (row["started_at"], row["finished_at"], row["first_seq"]) == (NOW, None, 3)
    assert json.loads(row["input_event"])["input"] == 2
    assert row["error_event"] is None
    assert [item["path"] for item in await journal.page_steps("run_0001", 0, 1_000)] == ["read", "other"]


async def test_a_reopened_step_that_fails_to_render_keeps_its_attempts(journal: Journal) -> None:
    row = await after(
        journal,
        step_started("read", input=1, attempt=3),
        event(StepFailed.kind, "read", type="tool", error={"code": "unknown"}),
        event(StepFailed.kind, "read", type="tool", error={"code": "template_error"}),
    )
    assert (row["status"], row["attempt"]) == ("FAILED", 3)
    assert json.loads(row["error_event"])["error"] == {"code": "template_error"}


async def test_a_subflow_step_names_its_child(journal: Journal) -> None:
    row = await after(journal, step_started("read", "subflow", child_run_id="run_0002"))
    assert row["child_run_id"] == "run_0002"


async def test_one_path_of_a_run_is_one_row(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(*(step_started(path) for path in ("scan", "scan/2/read", "scan/2/read~2", "a")))
    paths = [row["path"] for row in await journal.page_steps("run_0001", 0, 1_000)]
    assert paths == ["scan", "scan/2/read", "scan/2/read~2", "a"]
    assert await journal.step_rows_at("run_0001", ["nope"]) == []
    assert (await step(journal, "scan/2/read~2"))["name"] == "Scan/2/Read~2"


async def test_a_step_row_is_not_the_store_s_own(journal: Journal) -> None:
    row = await after(journal, step_started("read"))
    row["status"] = "GONE"
    assert (await step(journal))["status"] == "RUNNING"


async def test_an_opened_approval_is_a_pending_request(journal: Journal) -> None:
    await wait_for_approval(journal)
    row = await journal.request_row("appr_0001")
    assert row is not None
    assert (row["kind"], row["status"], row["run_id"], row["step_id"]) == (
        "approval",
        "PENDING",
        "run_0001",
        "ask",
    )
    assert (row["risk"], row["digest"], row["opened_seq"], row["requested_at"]) == ("high", "shown", 4, NOW)
    assert [row[name] for name in ("decided_at", "decided_by", "decision", "comment")] == [None] * 4
    assert [row[name] for name in ("tenant", "pack", "pack_version", "flow", "requested_by")] == [
        "default",
        "docs",
        "1.0.0",
        "check",
        "ann",
    ]
    assert json.loads(row["opened_event"])["body"] == {"title": "Go?"}
    waiting = await step(journal, "ask")
    assert (waiting["status"], waiting["request_id"]) == ("PENDING_HUMAN", "appr_0001")
    assert json.loads(waiting["input_event"])["body"] == {"title": "Go?"}
    await assert_counters_agree(journal)


async def test_an_opened_form_is_a_pending_request(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(
        step_started("ask", "user_input"), form_opened("form_1"), status=RunStatus.PENDING_USER_INPUT
    )
    row = await journal.request_row("form_1")
    assert row is not None
    assert (row["kind"], row["status"], row["risk"], row["digest"]) == ("form", "PENDING", None, None)
    assert (await step(journal, "ask"))["status"] == "PENDING_USER_INPUT"
    assert (await journal.counters())["form:PENDING/default"] == 1
    await assert_counters_agree(journal)


async def test_a_withdrawn_request_is_pending_no_more(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(
        step_started("ask", "human_approval"),
        approval_opened("appr_1"),
        event(RequestWithdrawn.kind, "ask", ts=NOW + 4, request_id="appr_1", reason="cancelled"),
        event(StepCancelled.kind, "ask", reason="cancelled"),
    )
    row = await journal.request_row("appr_1")
    assert row is not None
    assert (row["status"], row["decided_at"], row["decided_by"]) == ("WITHDRAWN", NOW + 4, None)
    await assert_counters_agree(journal)


async def test_a_decided_request_cannot_be_withdrawn(journal: Journal) -> None:
    held = await wait_for_approval(journal, parked=False)
    await journal.decide(approve("appr_0001"))
    held.seq += 1
    await held.append(event(RequestWithdrawn.kind, "ask", request_id="appr_0001", reason="late"))
    row = await journal.request_row("appr_0001")
    assert row is not None
    assert (row["status"], row["decided_by"]) == ("APPROVED", "bob")
    await assert_counters_agree(journal)


async def test_a_voided_approval_still_says_who_decided_and_when(journal: Journal) -> None:
    held = await wait_for_approval(journal, parked=False)
    await journal.decide(approve("appr_0001"))
    held.seq += 1
    voided = event(
        ApprovalVoided.kind, "ask", ts=LATER + 9, approval_id="appr_0001", reason="changed", next=0
    )
    await held.append(voided)
    row = await journal.request_row("appr_0001")
    assert row is not None
    assert (row["status"], row["decided_by"], row["decided_at"]) == ("VOID", "bob", LATER)
    await assert_counters_agree(journal)


@pytest.mark.parametrize("approval_id", [None, "", "appr_none"])
async def test_voiding_what_is_not_there_changes_nothing(journal: Journal, approval_id: str | None) -> None:
    held = await wait_for_approval(journal, parked=False)
    voided = event(ApprovalVoided.kind, "ask", approval_id=approval_id, reason="changed", next=0)
    await held.append(voided)
    pending = await journal.request_rows(
        RequestKind.APPROVAL, RequestFilter(status=RequestStatus.PENDING), ALL
    )
    assert [row["request_id"] for row in pending] == ["appr_0001"]
    await assert_counters_agree(journal)
