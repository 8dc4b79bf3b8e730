"""A composed pack as data: its layers with their sources, and its flows drawn as steps."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.contracts.flows.step import RunIf
from engine.contracts.layers.guardrails import Guardrails
from engine.contracts.layers.memory import Memory
from engine.contracts.layers.role import Role
from engine.contracts.layers.skill import Skill
from engine.contracts.layers.soul import Soul
from engine.contracts.layers.tools import Tools
from engine.contracts.layers.workflow import Workflow
from engine.contracts.model import Contract
from engine.contracts.status import RequestKind, Risk


class LayerSource(Contract):
    """Where a layer comes from."""

    layer: str = Field(description="`soul`, ..., or `skills.<n>`.")
    form: Literal["file", "extends", "inline", "default"]
    files: tuple[str, ...] = Field(description="From what overrides to what is overridden; empty: default.")


class LayerText(Contract):
    """One part of a pack as canonical text: the same content gives the same text."""

    name: str = Field(
        description="`manifest`, a layer, `skills/<id>`, `flows/<id>`, `tools.py` or a part of it."
    )
    text: str


class StepOutline(Contract):
    """One step of a flow, as it is drawn."""

    id: str
    type: str
    name: str | None = None
    target: str | None = Field(default=None, description="Tool, subflow or form.")
    when: str | bool | None = None
    on_success: str | None = None
    on_failure: str | None = None
    max_visits: int | None = None
    asks: RequestKind | None = Field(default=None, description="What it asks a person for.")
    gates: str | None = Field(default=None, description="Step that waits for this approval.")
    join: Literal["all", "any"] | None = None
    needs: tuple[str, ...] = Field(default=(), description="In a graph: the steps it needs.")
    run_if: RunIf | None = None
    skills: tuple[str, ...] = Field(default=(), description="Of an agent: the skills that it is told.")
    branches: tuple[tuple[StepOutline, ...], ...] = Field(
        default=(), description="Lists of steps inside: branches, or the one list of a for_each or graph."
    )


class FlowOutline(Contract):
    """A flow as a tree of steps."""

    flow: str
    description: str = ""
    version: str
    file: str = Field(description="Flow file, or the file its procedure stands in.")
    sop: bool = Field(description="Whether a procedure of the workflow layer became this flow.")
    escalation: str | None = Field(default=None, description="Step that is gone to when nothing else helps.")
    steps: tuple[StepOutline, ...]
    closing: tuple[StepOutline, ...] = Field(
        default=(), description="Steps of `finally`: they run however the run ends."
    )


class ComposedAgent(Contract):
    """What a pack amounts to: every layer with its defaults filled in."""

    pack_id: str
    version: str
    risk_level: Risk
    soul: Soul
    role: Role
    tools: Tools
    skills: tuple[Skill, ...] = ()
    guardrails: Guardrails
    memory: Memory
    workflow: Workflow
    sources: tuple[LayerSource, ...]


StepOutline.model_rebuild()
