"""Rendering one step: what its templates give, stored, and digested where an approval is bound to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from engine.contracts.flows.step import StepFields
from engine.contracts.status import StepErrorCode
from engine.machine.model.state import scope_path_of, step_of
from engine.templates import compile_template, has_template, render_value
from engine.values import digest_of, resolve_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.contracts.runs.preview import Preview
    from engine.machine.model.inputs import StepPrepared
    from engine.machine.model.state import Execution, RunState
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.steps.calls.call_judge import CallJudge
    from engine.runtime.worker.steps.child_flows import ChildFlows

S = TypeVar("S", bound=StepFields)


@dataclass(slots=True)
class Rendering:
    """One step being rendered: what its templates may look at (`look`), and where its values go."""

    path: str
    now: int
    state: RunState
    look: Callable[[], dict[str, Any]]
    flow: PinnedFlow
    children: ChildFlows
    values: ValueStore
    store: Callable[[Any], Any]
    judge: CallJudge
    _context: dict[str, Any] | None = None

    @property
    def context(self) -> dict[str, Any]:
        """What its templates may look at; put together once, when one does. Raises BlobNeeded."""
        if self._context is None:
            self._context = self.look()
        return self._context

    def value(self, written: Any) -> Any:
        """A value of the flow with its templates rendered, in full. Raises TemplateError, BlobNeeded."""
        if has_template(written):
            written = render_value(written, self.context, self.values.resolve)
        return resolve_value(written, self.values.resolve)

    def text(self, written: str, **known: Any) -> str:
        """A text of the flow with its templates rendered, which also know `known`. Raises TemplateError,
        BlobNeeded."""
        return str(compile_template(written).render({**self.context, **known}, self.values.resolve))

    def action_digest(self, step: StepFields, params: Any) -> str | None:
        """What a gated step would do now; None when nothing gates it."""
        if step.id not in self.flow.graph.steps_of(scope_path_of(self.path)).gated_by:
            return None
        return self.digest(action_of(step, self.values.scrubbed(params)), None)

    @property
    def is_gated(self) -> bool:
        """Whether an approval stands before the step."""
        steps = self.flow.graph.steps_of(scope_path_of(self.path))
        return step_of(self.path) in steps.gated_by

    def digest(self, action: dict[str, Any] | None, preview: Preview | None) -> str:
        """Binds an approval to an action of this content, and to what it would do as things stand."""
        return bound_digest(action, preview, self.flow.pack_digest)


class StepRenderer(ABC, Generic[S]):
    """How steps of one type are rendered. One object per type."""

    type: ClassVar[str]
    fault_code: ClassVar[StepErrorCode] = StepErrorCode.INVALID_INPUT
    """Code of a step whose rendered data are not what it takes."""

    @abstractmethod
    def prepare(self, step: S, at: Rendering) -> StepPrepared:
        """Its data. Raises TemplateError, InvalidInput, BlobNeeded."""

    def params(self, step: S, at: Rendering) -> Any:
        """What it would be started with: an approval before it shows exactly this."""
        return None

    def handed_on(self, step: S, joined: Any) -> Any:
        """What a composite step hands on, from what its branches brought."""
        return joined

    def jump(self, step: S, handed_on: Any) -> str | None:
        """The step of the same list that a composite step goes to by itself."""
        return None

    def confidence(self, step: S, handed_on: Any) -> float | None:
        """How sure it says that it is of what it hands on, from 0 to 1; None: it says nothing."""
        return None

    def artifact(self, step: S, execution: Execution) -> tuple[tuple[str, ...], Mapping[str, Any]] | None:
        """Where in `artifacts` a completed execution is found, and what stands there, by name."""
        return None


def bound_digest(action: dict[str, Any] | None, preview: Preview | None, pack: str) -> str:
    """What an approval is bound to: the action, what it would do as things stand, the pack's content."""
    shown = preview.model_dump() if preview is not None else None
    return digest_of({"action": action, "preview": shown, "pack": pack})


def action_of(step: StepFields, params: Any) -> dict[str, Any]:
    """What a gated step would do: the object an approval shows and is bound to.

    Its first key is called `step` where people read it; here it stays, since digests that wait cover it.
    """
    return {"step_id": step.id, "kind": step.type, "target": step.target, "params": params}


def intent_of(at: Rendering) -> str:
    """Why the run was started, in its requester's words, if the payload says so."""
    payload = resolve_value(at.context["payload"], at.values.resolve)
    if isinstance(payload, dict):
        for key in ("prompt", "intent", "instructions", "notes"):
            if isinstance(payload.get(key), str) and payload[key]:
                return str(payload[key])
    return ""
