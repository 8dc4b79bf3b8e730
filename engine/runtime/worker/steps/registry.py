"""The one table of how step types are rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.runtime.worker.steps.acting_steps import (
    ForEachRenderer,
    GraphRenderer,
    ParallelRenderer,
    SubflowRenderer,
    ToolRenderer,
)
from engine.runtime.worker.steps.approval_step import ApprovalRenderer
from engine.runtime.worker.steps.form_step import FormRenderer
from engine.runtime.worker.steps.wait_step import WaitRenderer

if TYPE_CHECKING:
    from engine.runtime.worker.steps.rendering import StepRenderer

STEP_RENDERERS: dict[str, StepRenderer[Any]] = {}
"""By type; a type that is not here cannot be started."""

for _renderer in (
    ToolRenderer(),
    SubflowRenderer(),
    ForEachRenderer(),
    ParallelRenderer(),
    GraphRenderer(),
    FormRenderer(),
    WaitRenderer(),
    ApprovalRenderer(STEP_RENDERERS),
):
    STEP_RENDERERS[_renderer.type] = _renderer
