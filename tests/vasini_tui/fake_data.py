"""Runs, requests and events for the command line's tests, with every field filled in."""

from __future__ import annotations

from typing import Any

from engine.contracts.request import ApprovalView, FormView
from engine.contracts.run import EventView, RunView
from engine.contracts.status import RequestStatus, Risk, RunStatus
from tests.vasini_tui.fake_packs import MOMENT

MOMENT_TEXT = "2030-01-02T03:04:05.000067Z"


def a_run(run_id: str = "run-1", status: RunStatus = RunStatus.QUEUED, **more: Any) -> RunView:
    known: dict[str, Any] = {
        "pack": "hello",
        "pack_version": "1.0.0",
        "flow": "hello",
        "tenant": "default",
        "requested_by": "ana",
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "pack_digest": "d" * 64,
        "flow_version": "v1",
        "engine_schema": 1,
        "run_seq": 1,
    }
    return RunView(run_id=run_id, status=status, **(known | more))


def an_event(run_seq: int, kind: str = "step_started", run_id: str = "run-1", **more: Any) -> EventView:
    known: dict[str, Any] = {"actor": "engine", "payload": {}}
    return EventView(seq=run_seq, run_id=run_id, run_seq=run_seq, ts=MOMENT, kind=kind, **(known | more))


def an_approval(approval_id: str = "app-1", **more: Any) -> ApprovalView:
    known: dict[str, Any] = {
        "run_id": "run-1",
        "step_id": "ask",
        "pack": "hello",
        "pack_version": "1.0.0",
        "flow": "hello",
        "tenant": "default",
        "risk": Risk.HIGH,
        "status": RequestStatus.PENDING,
        "title": "Write the file",
        "message": "May it be written?",
        "digest": "e" * 64,
        "requested_by": "ana",
        "requested_at": MOMENT,
    }
    return ApprovalView(approval_id=approval_id, **(known | more))


def a_form(request_id: str = "form-1", **more: Any) -> FormView:
    known: dict[str, Any] = {
        "form_id": "details",
        "run_id": "run-1",
        "step_id": "ask",
        "pack": "hello",
        "pack_version": "1.0.0",
        "flow": "hello",
        "tenant": "default",
        "status": RequestStatus.PENDING,
        "title": "Details",
        "prompt": "Who?",
        "json_schema": {"type": "object", "properties": {"name": {"type": "string"}}},
        "requested_by": "ana",
        "requested_at": MOMENT,
    }
    return FormView(request_id=request_id, **(known | more))
