"""The step types that the engine itself brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.machine.steps.agent import AgentKind, CallsKind, MessageKind, ModelKind
from engine.machine.steps.composite import ForEachKind, GraphKind, ParallelKind
from engine.machine.steps.outside.prompt import PermissionKind, PromptKind
from engine.machine.steps.people.human_approval import ApprovalKind
from engine.machine.steps.people.user_input import UserInputKind
from engine.machine.steps.plan import PlanKind, PlanStepsKind, ReviewKind
from engine.machine.steps.subflow import SubflowKind
from engine.machine.steps.tool import ToolKind
from engine.machine.steps.wait import WaitStepKind
from engine.named_table import NamedTable

if TYPE_CHECKING:
    from engine.machine.steps.kind import StepKind

_KINDS: tuple[StepKind[Any], ...] = (
    ToolKind(),
    ApprovalKind(),
    UserInputKind(),
    SubflowKind(),
    ParallelKind(),
    ForEachKind(),
    WaitStepKind(),
    GraphKind(),
    AgentKind(),
    MessageKind(),
    ModelKind(),
    CallsKind(),
    PlanKind(),
    ReviewKind(),
    PlanStepsKind(),
    PromptKind(),
    PermissionKind(),
)
STEP_KINDS: NamedTable[StepKind[Any]] = NamedTable("step type", lambda kind: kind.type, _KINDS)
