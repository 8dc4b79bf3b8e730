"""Runs, requests, events and packs with every field filled in, at a frozen time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from engine.contracts.packs.handoff import HandoffView
from engine.contracts.packs.pack import FlowView, PackState, PackView
from engine.contracts.runs.event_head import EventHead
from engine.contracts.runs.listed import RunView
from engine.contracts.runs.request import ApprovalView, FormView, GatedAction, OutcomeView
from engine.contracts.runs.run import EventView, StepView
from engine.contracts.runs.timeline import SpanKind, TimelineRow, TimelineSpan
from engine.contracts.status import AutonomyLevel, RequestStatus, Risk, RunStatus, StepStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 3, 14, 9, 26, 53, 589793, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def a_run(run_id: str = "run-1", status: RunStatus = RunStatus.RUNNING, **more: Any) -> RunView:
    known: dict[str, Any] = {
        "pack": "hello",
        "pack_version": "1.0.0",
        "flow": "hello",
        "tenant": "default",
        "requested_by": "ana",
        "created_at": ago(300),
        "updated_at": ago(60),
        "current_step": "greet",
        "pack_digest": "d" * 64,
        "flow_version": "v1",
        "engine_schema": 1,
        "run_seq": 3,
        "input": {"name": "Ana"},
    }
    return RunView(run_id=run_id, status=status, **(known | more))


def an_approval(approval_id: str = "app-1", **more: Any) -> ApprovalView:
    known: dict[str, Any] = {
        "run_id": "run-1",
        "step_id": "ask",
        "pack": "hello",
        "pack_version": "1.0.0",
        "flow": "hello",
        "tenant": "default",
        "risk": Risk.MEDIUM,
        "status": RequestStatus.PENDING,
        "title": "Write the greeting",
        "message": "I will write one file.",
        "action": GatedAction(
            step="write",
            kind="tool",
            target="files.write",
            params={"path": "out/hello.txt", "text": "Hello"},
        ),
        "digest": f"digest-of-{approval_id}",
        "requested_by": "ana",
        "requested_at": ago(120),
    }
    return ApprovalView(approval_id=approval_id, **(known | more))


def a_plan(approval_id: str = "app-1", **more: Any) -> ApprovalView:
    """An approval of a plan with two steps."""
    steps = [
        {
            "step_id": "look",
            "tool": "files.list",
            "description": "See what is there.",
            "params": {"path": "."},
            "risk": "low",
            "asks_again": None,
        },
        {
            "step_id": "note",
            "tool": "files.write",
            "description": "Leave a note about it.",
            "params": {"path": "note.md", "text": "Looked.\nAll well.\n"},
            "risk": "medium",
            "asks_again": "the flow is suggest_only, and files.write does not only read",
        },
    ]
    action = GatedAction(
        step="plan",
        kind="plan_proposal",
        target="2 steps",
        params={"steps": steps, "estimated_cost": "unknown"},
    )
    known = {"title": "plan: a plan of 2 steps", "message": "Look, then leave a note.", "action": action}
    return an_approval(approval_id, **(known | more))


def a_form(request_id: str = "form-1", schema: Mapping[str, Any] | None = None, **more: Any) -> FormView:
    known: dict[str, Any] = {
        "form_id": "who",
        "run_id": "run-1",
        "step_id": "ask",
        "pack": "hello",
        "pack_version": "1.0.0",
        "flow": "hello",
        "tenant": "default",
        "status": RequestStatus.PENDING,
        "title": "Who is greeted",
        "prompt": "Tell me about the person.",
        "requested_by": "ana",
        "requested_at": ago(90),
    }
    default = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    return FormView(request_id=request_id, json_schema=dict(schema or default), **(known | more))


def an_outcome(request_id: str = "out-1", **more: Any) -> OutcomeView:
    known: dict[str, Any] = {
        "run_id": "run-1",
        "step_id": "send",
        "pack": "hello",
        "pack_version": "1.0.0",
        "flow": "hello",
        "tenant": "default",
        "status": RequestStatus.PENDING,
        "action": GatedAction(step="send", kind="tool", target="mail.send", params={"to": "ops"}),
        "gated": True,
        "lost": True,
        "attempt": 1,
        "recoveries": 1,
        "idempotency_key": "run-1/send",
        "started_at": ago(80),
        "requested_by": "ana",
        "requested_at": ago(60),
    }
    return OutcomeView(request_id=request_id, **(known | more))


def an_event(run_seq: int, kind: str = "step_started", run_id: str = "run-1", **more: Any) -> EventView:
    known: dict[str, Any] = {
        "seq": run_seq,
        "ts": ago(60),
        "step_id": "greet",
        "actor": "engine",
        "payload": {},
    }
    return EventView(run_id=run_id, run_seq=run_seq, kind=kind, **(known | more))


def an_event_head(
    run_seq: int,
    kind: str = "step_started",
    run_id: str = "run-1",
    *,
    step_id: str | None = "greet",
    handed_off_from: str | None = None,
) -> EventHead:
    return EventHead(run_seq, run_id, run_seq, kind, step_id, "default", handed_off_from)


def a_step(step_id: str = "greet", status: StepStatus = StepStatus.COMPLETED, **more: Any) -> StepView:
    known: dict[str, Any] = {
        "type": "tool",
        "name": step_id,
        "attempt": 1,
        "started_at": ago(290),
        "finished_at": ago(289.58),
    }
    return StepView(step_id=step_id, status=status, **(known | more))


def a_row(step: StepView, run_id: str = "run-1", *spans: TimelineSpan, depth: int = 0) -> TimelineRow:
    """The step on a timeline; without spans it worked all its time."""
    worked = (
        (TimelineSpan(kind=SpanKind.WORKING, start=step.started_at, end=step.finished_at),)
        if step.started_at
        else ()
    )
    return TimelineRow(
        run_id=run_id,
        step_id=step.step_id,
        name=step.name,
        type=step.type,
        status=step.status,
        depth=depth,
        child_run_id=step.child_run_id,
        recoveries=step.recoveries,
        spans=spans or worked,
    )


def a_flow(flow: str = "hello", schema: Mapping[str, Any] | None = None, **more: Any) -> FlowView:
    default = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    known: dict[str, Any] = {
        "pack": "hello",
        "description": "Greets one person",
        "version": "v1",
        "autonomy_level": AutonomyLevel.SEMI_AUTO,
        "steps": 3,
        "input_schema": default if schema is None else dict(schema),
    }
    return FlowView(flow=flow, **(known | more))


def a_handoff(*flows: FlowView, **more: Any) -> HandoffView:
    """To the pack on-call, as a summary."""
    known: dict[str, Any] = {
        "target": "on-call",
        "conditions": ("The incident is still going on",),
        "context_transfer": "summary",
    }
    return HandoffView(flows=flows, **(known | more))


def a_pack(*flows: FlowView, **more: Any) -> PackView:
    """Broken when it has problems."""
    known: dict[str, Any] = {"pack": "hello", "version": "1.0.0", "source": "shipped", "trusted": True}
    known |= {"state": PackState.BROKEN if more.get("problems") else PackState.OK, "label": "1.0.0"}
    return PackView(flows=flows or (a_flow(),), **(known | more))
