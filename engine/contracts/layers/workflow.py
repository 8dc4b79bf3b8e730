"""The workflow layer: procedures (SOPs), handoffs and reporting."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.quantity import Duration
from engine.contracts.schema_version import SchemaVersion

ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"

ContextTransfer = Literal["full", "summary", "minimal"]

SopStepId = Annotated[str, Field(min_length=1, max_length=70, pattern=ID)]


class WorkflowStep(Contract):
    """One step of a procedure."""

    id: SopStepId = Field(
        description="Id within the procedure; `escalation` and the reserved ids of flows are taken."
    )
    action: str = Field(min_length=1, max_length=4000, description="What is done, in words.")
    tool: str | None = Field(default=None, min_length=1, max_length=120, description="Tool that does it.")
    params: dict[str, Any] = Field(
        default_factory=dict,
        description="Parameters of the tool; templates as in flow files. Without them an agent does it.",
    )
    on_success: str = Field(default="", description="Step id or `done`; without it the next step.")
    on_failure: str = Field(
        default="",
        description="Step id, `done`, `fail` or `escalation`; without it the escalation, or failure.",
    )
    timeout: Duration = Field(default="5m", description="Longest time of one attempt.")
    requires_approval: bool = Field(default=False, description="Whether a person approves it first.")
    max_visits: int = Field(default=3, ge=1, le=100, description="How often jumps back may come here.")


class Sop(Contract):
    """One procedure. It runs as the flow of its id."""

    id: Annotated[str, Field(min_length=1, max_length=80, pattern=ID)] = Field(
        description="Id of the flow it becomes."
    )
    name: str = Field(description="Name for people.")
    title: str | None = Field(
        default=None,
        min_length=1,
        max_length=2_000,
        description="Template over `payload`, `run` and `handoff`: what a run of it is about, in every list.",
    )
    trigger: str = Field(description="When it is followed.")
    input: dict[str, Any] = Field(default_factory=dict, description="JSON Schema of what it is started with.")
    steps: tuple[WorkflowStep, ...] = Field(min_length=1, description="Its steps, in order.")
    max_duration: Duration = Field(default="30m", description="Longest time of the whole procedure.")
    escalation: str = Field(
        default="", max_length=4000, description="What a person is asked when the procedure cannot go on."
    )


class Handoff(Contract):
    """When another pack takes over: somebody who judges the conditions starts one of its flows."""

    target_agent: str = Field(description="Id of the pack that takes over.")
    conditions: tuple[str, ...] = Field(description="When it does, in words for whoever hands off.")
    context_transfer: ContextTransfer = Field(
        default="summary", description="How much its run is told: `handoff` in its templates."
    )


class Reporting(Contract):
    """What is told on the way and at the end."""

    progress_updates: bool = Field(default=True, description="Whether progress is told.")
    completion_report: bool = Field(default=True, description="Whether the end is told.")
    format: Literal["structured", "narrative", "minimal"] = Field(
        default="structured", description="Shape of reports."
    )


class Workflow(Contract):
    """Procedures, handoffs and reporting."""

    schema_version: SchemaVersion = Field(default="1.0", description="Version of the pack format.")
    default_process: Literal["sequential", "parallel", "adaptive"] = Field(
        default="sequential", description="How work without a procedure goes on."
    )
    sop: tuple[Sop, ...] = Field(default=(), description="Procedures; each runs as a flow.")
    handoffs: tuple[Handoff, ...] = Field(default=(), description="When another pack takes over.")
    reporting: Reporting = Field(default_factory=Reporting, description="What is told.")
