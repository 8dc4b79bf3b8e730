"""Runs, requests and events for the command line's tests: those of the screens, at the moment it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import Risk, RunStatus
from tests.screens import fake_data as shown
from tests.vasini_tui.fake_packs import MOMENT

if TYPE_CHECKING:
    from engine.contracts.request import ApprovalView, FormView, OutcomeView
    from engine.contracts.run import EventView, RunView

MOMENT_TEXT = "2030-01-02T03:04:05.000067Z"


def a_run(run_id: str = "run-1", status: RunStatus = RunStatus.QUEUED, **more: Any) -> RunView:
    known: dict[str, Any] = {"created_at": MOMENT, "updated_at": MOMENT, "current_step": None, "input": None}
    return shown.a_run(run_id, status, **(known | {"run_seq": 1} | more))


def an_event(run_seq: int, kind: str = "step_started", run_id: str = "run-1", **more: Any) -> EventView:
    known: dict[str, Any] = {"seq": run_seq, "ts": MOMENT, "step_id": None}
    return shown.an_event(run_seq, kind, run_id, **(known | more))


def an_approval(approval_id: str = "app-1", **more: Any) -> ApprovalView:
    known: dict[str, Any] = {
        "risk": Risk.HIGH,
        "title": "Write the file",
        "message": "May it be written?",
        "action": None,
        "digest": "e" * 64,
        "requested_at": MOMENT,
    }
    return shown.an_approval(approval_id, **(known | more))


def an_outcome(request_id: str = "out-1", **more: Any) -> OutcomeView:
    return shown.an_outcome(request_id, **({"requested_at": MOMENT, "started_at": MOMENT} | more))


def a_form(request_id: str = "form-1", **more: Any) -> FormView:
    known: dict[str, Any] = {
        "form_id": "details",
        "title": "Details",
        "prompt": "Who?",
        "requested_at": MOMENT,
    }
    schema = more.pop("json_schema", {"type": "object", "properties": {"name": {"type": "string"}}})
    return shown.a_form(request_id, schema, **(known | more))
