"""Rendering of steps that act: tools, child runs, branches, items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flow import ForEachStep, ParallelStep, SubflowStep, ToolStep
from engine.contracts.tool import Effects
from engine.errors import InvalidInput
from engine.machine.model.inputs import StepPrepared
from engine.runtime.clock import new_id
from engine.runtime.worker.steps.rendering import Rendering, StepRenderer

if TYPE_CHECKING:
    from engine.machine.model.state import Execution

MAX_ITEMS = 100_000


class ToolRenderer(StepRenderer[ToolStep]):
    """Parameters of a tool."""

    type = "tool"

    def prepare(self, step: ToolStep, at: Rendering) -> StepPrepared:
        """The rendered parameters."""
        params = self.params(step, at)
        spec = at.tool(step.tool)
        return StepPrepared(
            now=at.now,
            path=at.path,
            value=at.store(params),
            action_digest=at.action_digest(step, params),
            acts_outside=spec is not None and spec.effects is Effects.OUTSIDE,
            idempotent=spec is not None and spec.idempotent,
        )

    def params(self, step: ToolStep, at: Rendering) -> Any:
        """As the tool gets them."""
        return at.value(step.params)

    def artifact(self, step: ToolStep, execution: Execution) -> tuple[tuple[str, ...], Any] | None:
        """`artifacts.tool.<name>.output`."""
        return ("tool", *step.tool.split("."), "output"), execution.output


class SubflowRenderer(StepRenderer[SubflowStep]):
    """The start payload of a child run."""

    type = "subflow"

    def prepare(self, step: SubflowStep, at: Rendering) -> StepPrepared:
        """The rendered payload, checked as a start is."""
        params = self.params(step, at)
        at.children.check(step.subflow, params)
        digest = at.action_digest(step, params)
        value = at.store(params)
        return StepPrepared(now=at.now, path=at.path, value=value, new_id=new_id("run"), action_digest=digest)

    def params(self, step: SubflowStep, at: Rendering) -> Any:
        """As the child run gets it."""
        return at.value(step.params)


class ForEachRenderer(StepRenderer[ForEachStep]):
    """The items of a loop."""

    type = "for_each"

    def prepare(self, step: ForEachStep, at: Rendering) -> StepPrepared:
        """The rendered list."""
        items = self.params(step, at)
        digest = at.action_digest(step, items)
        value = at.store(items)
        return StepPrepared(now=at.now, path=at.path, value=value, total=len(items), action_digest=digest)

    def params(self, step: ForEachStep, at: Rendering) -> list[Any]:
        """The list, within the limit. Raises InvalidInput."""
        items = at.value(step.items)
        if not isinstance(items, list):
            found = type(items).__name__
            raise InvalidInput(f"items must be a list, not {found}", {"found": found})
        if len(items) > MAX_ITEMS:
            raise InvalidInput(f"{len(items)} items are more than {MAX_ITEMS}", {"limit": MAX_ITEMS})
        return items


class ParallelRenderer(StepRenderer[ParallelStep]):
    """Branches: nothing is rendered before they start."""

    type = "parallel"

    def prepare(self, step: ParallelStep, at: Rendering) -> StepPrepared:
        """Nothing but what gates it."""
        return StepPrepared(now=at.now, path=at.path, action_digest=at.action_digest(step, None))
