"""Rendering a step before the machine starts it: whether it is wanted, and its data."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.errors import InvalidInput
from engine.frozen import replace
from engine.governance.redactor import JOINED_DEPTH
from engine.machine.model.inputs import StepPrepared
from engine.machine.transition_builder import failure
from engine.runtime.worker.steps.calls.failed_call import kept_error
from engine.runtime.worker.steps.registry import STEP_RENDERERS
from engine.runtime.worker.steps.rendering import Rendering
from engine.runtime.worker.steps.template_context import render_context
from engine.templates import TemplateError, compile_expression
from engine.values import is_list_ref, resolve_value

if TYPE_CHECKING:
    from engine.contracts.flows.step import Step
    from engine.machine.model.state import RunState
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.steps.calls.call_judge import CallJudge
    from engine.runtime.worker.steps.child_flows import ChildFlows


@dataclass(slots=True)
class Preparer:
    """Renders steps of one run. What it makes is collected in `made` and belongs in the commit."""

    flow: PinnedFlow
    run: dict[str, Any]
    values: ValueStore
    children: ChildFlows
    judge: CallJudge
    elsewhere: tuple[int, int] = (0, 0)
    """Steps and calls that the other runs of the tree have used."""
    made: dict[str, bytes] = field(default_factory=dict)

    def prepare(self, state: RunState, path: str, now: int) -> StepPrepared:
        """The step's data, or the error that keeps it from starting. Raises BlobNeeded, PreviewNeeded."""
        prepared = self._prepared(state, path, now)
        if prepared.error is not None:
            prepared = replace(prepared, error=kept_error(self.values, prepared.error))
        steps, calls = self.elsewhere
        return replace(prepared, steps_elsewhere=steps, calls_elsewhere=calls) if steps or calls else prepared

    def _prepared(self, state: RunState, path: str, now: int) -> StepPrepared:
        step = self.flow.graph.step_at(path)
        renderer = STEP_RENDERERS.get(step.type)
        if renderer is None:
            message = f"step {step.id}: this version knows no step type {step.type}"
            problem = failure(StepErrorCode.UNKNOWN_STEP_TYPE, message, type=step.type)
            return StepPrepared(now=now, path=path, error=problem)
        try:
            look = partial(render_context, self.flow.graph, state, path, self.run, self.values.resolve)
            at = Rendering(
                path, now, state, look, self.flow, self.children, self.values, self._store, self.judge
            )
            if not _is_wanted(step, at):
                return StepPrepared(now=now, path=path, run=False)
            return renderer.prepare(step, at)
        except TemplateError as error:
            problem = failure(StepErrorCode.TEMPLATE_ERROR, f"step {step.id}: {error.message}")
        except InvalidInput as error:
            problem = failure(renderer.fault_code, f"step {step.id}: {error.message}", **error.details)
        return StepPrepared(now=now, path=path, error=problem)

    def _store(self, value: Any) -> Any:
        if is_list_ref(value):
            value = resolve_value(value, self.values.resolve)
        stored = self.values.store(value, levels=JOINED_DEPTH)
        self.made.update(stored.blobs)
        return stored.value


def _is_wanted(step: Step, at: Rendering) -> bool:
    if step.when is None or isinstance(step.when, bool):
        return step.when is not False
    return compile_expression(step.when).test(at.context, at.values.resolve)
