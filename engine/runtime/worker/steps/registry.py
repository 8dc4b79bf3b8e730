"""The one table of how step types are rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.named_table import NamedTable
from engine.runtime.worker.steps.acting_steps import (
    ForEachRenderer,
    GraphRenderer,
    ParallelRenderer,
    SubflowRenderer,
    ToolRenderer,
)
from engine.runtime.worker.steps.agents.agent_steps import (
    AgentRenderer,
    CallsRenderer,
    MessageRenderer,
    ModelRenderer,
)
from engine.runtime.worker.steps.approval_step import ApprovalRenderer
from engine.runtime.worker.steps.form_step import FormRenderer
from engine.runtime.worker.steps.outside.outside_steps import PermissionRenderer, PromptRenderer
from engine.runtime.worker.steps.plans.plan_steps import PlanRenderer, PlanStepsRenderer, ReviewRenderer
from engine.runtime.worker.steps.wait_step import WaitRenderer

if TYPE_CHECKING:
    from engine.runtime.worker.steps.rendering import StepRenderer

STEP_RENDERERS: NamedTable[StepRenderer[Any]] = NamedTable(
    "rendering of the step type",
    lambda renderer: renderer.type,
    (
        ToolRenderer(),
        SubflowRenderer(),
        ForEachRenderer(),
        ParallelRenderer(),
        GraphRenderer(),
        FormRenderer(),
        WaitRenderer(),
        AgentRenderer(),
        MessageRenderer(),
        ModelRenderer(),
        CallsRenderer(),
        PlanRenderer(),
        ReviewRenderer(),
        PlanStepsRenderer(),
        PromptRenderer(),
        PermissionRenderer(),
    ),
)
"""By type; a type that is not here cannot be started."""
STEP_RENDERERS.add(ApprovalRenderer(STEP_RENDERERS))
