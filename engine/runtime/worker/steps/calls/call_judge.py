"""What policy says about a call of a run before it is made, and what an approver is shown of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.status import Effects, StepErrorCode
from engine.contracts.tool import ToolSpec
from engine.governance.pipeline import Point, Subject, Verdict, check
from engine.governance.tools_layer import highest_risk
from engine.machine.model.inputs import StepPrepared
from engine.machine.transition_builder import failure
from engine.tools.builtin.handing_off import HAND_OFF, hand_off_spec
from engine.tools.parameters import parameter_check
from engine.values import digest_of

if TYPE_CHECKING:
    from engine.contracts.flows.tool_step import ToolStep
    from engine.contracts.runs.preview import Preview
    from engine.contracts.status import Risk
    from engine.machine.model.state import RunState
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.tools.executor import ToolExecutor


class PreviewNeeded(Exception):
    """An approval cannot be shown until the tool has looked at what its call would do."""

    def __init__(self, path: str, step: ToolStep, params: Any, key: str) -> None:
        super().__init__(f"the call {path} has not been looked at")
        self.path = path
        self.step = step
        self.params = params
        self.key = key


def note_listing(listed: dict[str, str], executor: ToolExecutor, tool: str) -> None:
    """Keep how the tool is listed, where it is one that a server lists."""
    digest = executor.listed(tool)
    if digest is not None:
        listed[tool] = digest


@dataclass(slots=True)
class CallJudge:
    """Judges the calls of one run. `previews` are those of one plan: what is approved is looked at anew."""

    flow: PinnedFlow
    executor: ToolExecutor
    listed: dict[str, str] = field(default_factory=dict)
    """Tools of MCP servers by name: the digest of what was listed when the run last planned with them."""
    previews: dict[str, Preview | None] = field(default_factory=dict)

    def verdict(self, tool: str, state: RunState, *, chosen: bool = False) -> Verdict:
        """Whether the tool may be called now; `chosen`: by a model."""
        guardrails, spec = self.flow.guardrails, self.spec(tool)
        subject = Subject(
            tool=tool,
            effects=spec.effects if spec is not None else Effects.LOCAL,
            asks=spec is not None and spec.asks,
            risk=self._own_risk(tool, spec) if chosen else None,
            autonomy=self.flow.graph.flow.autonomy_level,
            layer=self.flow.layer,
            autonomous=state.counters.autonomous_calls,
            max_autonomous=guardrails.behavioral.max_autonomous_steps if guardrails is not None else None,
        )
        return check(Point.TOOL_CALL, subject, self.flow.policies)

    def refused(self, path: str, now: int, tool: str, verdict: Verdict) -> StepPrepared | None:
        """A step whose call is not allowed at all, with the reason; nobody is asked to approve it."""
        if not verdict.denied:
            return None
        details = {**verdict.details, "reason": verdict.reason.value, "recoverable": False}
        error = failure(StepErrorCode.PERMISSION_DENIED, verdict.message, **details)
        return StepPrepared(
            now=now, path=path, error=error, verdict=verdict.record(Point.TOOL_CALL, tool=tool)
        )

    def listing(self, tool: str) -> str | None:
        """Digest of a tool as its MCP server lists it now; None for every other one."""
        return self.executor.listed(tool)

    def note_listing(self, tool: str) -> None:
        """A call is planned with the tool as it is listed now; one that changes until then is not made."""
        note_listing(self.listed, self.executor, tool)

    def has_changed(self, tool: str) -> bool:
        """Whether its server lists the tool in another way than when it was last offered."""
        before = self.listed.get(tool)
        return before is not None and before != self.executor.listed(tool)

    def audits(self, tool: str) -> bool:
        """Whether the tools layer wants each call of the tool on record."""
        bounds = self.flow.layer.bounds(tool) if self.flow.layer is not None else None
        return bounds is not None and bounds.audit

    def spec(self, tool: str) -> ToolSpec | None:
        """What is known of a tool before it is called: of one of the pack's own what the tools layer says."""
        known = self.executor.spec(tool)
        bounds = self.flow.layer.bounds(tool) if self.flow.layer is not None else None
        if known is not None or bounds is None:
            return known
        effects, idempotent = bounds.effects or Effects.LOCAL, bool(bounds.idempotent)
        return ToolSpec(name=tool, backend="pack", effects=effects, idempotent=idempotent)

    def risk(self, tool: str, *more: Risk | None) -> Risk:
        """The highest of the pack's, the layer's, the tool's and `more`."""
        return highest_risk(self.flow.risk, self._own_risk(tool, self.executor.spec(tool)), *more)

    def _own_risk(self, tool: str, spec: ToolSpec | None) -> Risk:
        """The highest of the layer's and the tool's."""
        bounds = self.flow.layer.bounds(tool) if self.flow.layer is not None else None
        return highest_risk(
            bounds.risk if bounds is not None else None, spec.risk if spec is not None else None
        )

    def faults(self, tool: str, params: Any) -> list[tuple[str, str]]:
        """What of the parameters does not fit a built-in tool, by place."""
        if tool == HAND_OFF.name:
            return parameter_check(hand_off_spec(self.flow.handoffs).parameters)(params)
        return self.executor.faults(tool, params)

    def preview(self, path: str, step: ToolStep, params: Any) -> Preview | None:
        """What the call would do, for tools that can say. Raises PreviewNeeded."""
        if not self.executor.may_preview(step.tool):
            return None
        key = digest_of([step.tool, step.sandbox, params])
        if key not in self.previews:
            raise PreviewNeeded(path, step, params, key)
        return self.previews[key]
