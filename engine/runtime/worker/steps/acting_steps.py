"""Rendering of steps that act: tools, child runs, branches, items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import CHANGED, AgentStep, ChosenCallStep
from engine.contracts.flows.flow import ForEachStep, GraphStep, ParallelStep, SubflowStep
from engine.contracts.flows.plan_step import PlannedCallStep
from engine.contracts.flows.step import RunIf
from engine.contracts.flows.tool_step import ToolStep
from engine.contracts.status import Effects
from engine.errors import InvalidInput
from engine.frozen import replace
from engine.governance.pipeline import Outcome, Point, Reason, Verdict
from engine.machine.model.inputs import StepPrepared
from engine.machine.model.state import outer_path_of, scope_path_of
from engine.runtime.clock import new_id
from engine.runtime.worker.steps.agents.chosen_call import chosen_call, data_given
from engine.runtime.worker.steps.agents.hooked import refused_call
from engine.runtime.worker.steps.agents.own_tools.own_call import own_call
from engine.runtime.worker.steps.calls.changed_call import changed_call, failed_as_changed
from engine.runtime.worker.steps.plans.planned_call import asks_again, planned_call
from engine.runtime.worker.steps.rendering import Rendering, StepRenderer, action_of, intent_of
from engine.templates import kind_of
from engine.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.runs.preview import Preview
    from engine.machine.model.state import Execution

MAX_ITEMS = 100_000
DATA = "data"
"""Key of what people gave to the tools of a turn, as a call is started with it."""


class ToolRenderer(StepRenderer[ToolStep]):
    """Renders the parameters of a tool, and the approval that a policy wants before its call."""

    type = "tool"

    def prepare(self, step: ToolStep, at: Rendering) -> StepPrepared:
        """The rendered parameters. A call that policy forbids fails before it starts."""
        called, change = _called(step, at), None
        if step.chosen and isinstance(called, ToolStep):
            called, change = changed_call(at, called)
        if not isinstance(called, ToolStep):
            return StepPrepared(now=at.now, path=at.path, error=called)
        chosen = isinstance(step, ChosenCallStep)
        data = self._data(step, at, called.tool)
        stopped = refused_call(at, called.tool, called.params, data) if step.chosen else None
        if stopped is None and chosen:
            stopped = own_call(_agent_of(at), at, called)
        if stopped is not None:
            return _with_change(stopped, step, at, called, change)
        judged = _as_planned(step, at, at.judge.verdict(called.tool, at.state, chosen=chosen))
        judged = _as_changed(called.tool, change, judged)
        refused = at.judge.refused(at.path, at.now, called.tool, judged)
        if refused is not None:
            return _with_change(refused, step, at, called, change)
        if step.chosen:
            beside = {**({DATA: data} if data else {}), **({CHANGED: change} if change else {})}
            kept = {"tool": called.tool, "params": called.params, **beside}
            prepared = self._call(called, called.params, at, judged, kept, beside, chosen=True)
            return replace(prepared, name=called.tool)
        at.judge.note_listing(called.tool)
        params = self.params(step, at)
        return self._call(step, params, at, judged, params, {})

    def _data(self, step: ToolStep, at: Rendering, tool: str) -> dict[str, Any]:
        """What people gave to the tools of the turn in which an agent chose it."""
        if not isinstance(step, ChosenCallStep):
            return {}
        return data_given(at, scope_path_of(outer_path_of(at.path)), tool)

    def _call(
        self,
        step: ToolStep,
        params: Any,
        at: Rendering,
        judged: Verdict,
        kept: Any,
        beside: dict[str, Any],
        *,
        chosen: bool = False,
    ) -> StepPrepared:
        """The call with its parameters; `kept` is what it is started with, `beside` what people gave to it
        and who changed it."""
        spec = at.judge.spec(step.tool)
        prepared = StepPrepared(
            now=at.now,
            path=at.path,
            value=at.store(kept),
            acts_outside=spec is not None and spec.effects is Effects.OUTSIDE,
            idempotent=spec is not None and spec.idempotent,
        )
        verdict = judged if judged.outcome is Outcome.PENDING_APPROVAL else None
        audited = verdict is None and at.judge.audits(step.tool)
        if verdict is None and not (audited or at.is_gated):
            return prepared
        params = at.values.scrubbed(params)  # as the call will find them
        if audited:
            prepared = replace(prepared, verdict=_on_record(step.tool, params))
            if not at.is_gated:
                return prepared
        action = action_of(step, params)
        preview = at.judge.preview(at.path, step, params)
        prepared = replace(prepared, action_digest=at.digest(action, preview))
        if verdict is None:
            return prepared
        return _asking(prepared, step, at, verdict, action, preview, beside, chosen=chosen)

    def params(self, step: ToolStep, at: Rendering) -> Any:
        """As the tool gets them."""
        return at.value(step.params)

    def artifact(
        self, step: ToolStep, execution: Execution
    ) -> tuple[tuple[str, ...], Mapping[str, Any]] | None:
        """`artifacts.tool.<name>.output` and `.meta`."""
        return ("tool", *step.tool.split(".")), {"output": execution.output, "meta": execution.meta}


def _agent_of(at: Rendering) -> AgentStep:
    """The agent whose model chose the call."""
    calls = outer_path_of(at.path)
    agent = at.flow.graph.step_at(outer_path_of(calls))
    assert isinstance(agent, AgentStep), at.path
    return agent


def _called(step: ToolStep, at: Rendering) -> ToolStep | dict[str, Any]:
    """The step itself, or what a model chose; an error when that cannot be."""
    if isinstance(step, PlannedCallStep):
        return planned_call(at)
    return chosen_call(at) if step.chosen else step


def _as_planned(step: ToolStep, at: Rendering, judged: Verdict) -> Verdict:
    """What a plan's card said would ask again does so, also where policy has been relaxed since."""
    if not isinstance(step, PlannedCallStep) or judged.outcome is not Outcome.ALLOW:
        return judged
    why = asks_again(at)
    return judged if why is None else Verdict(Outcome.PENDING_APPROVAL, Reason.PLAN_ASKS, why)


def _with_change(
    stopped: StepPrepared, step: ToolStep, at: Rendering, called: ToolStep, change: dict[str, str] | None
) -> StepPrepared:
    """What is not called, as its model has to hear of it."""
    if change is None or stopped.error is None:
        return stopped
    given = {"params": called.params, CHANGED: change}
    return replace(stopped, error=failed_as_changed(at.values, step, given, stopped.error))


def _as_changed(tool: str, change: dict[str, str] | None, judged: Verdict) -> Verdict:
    """What a person changed asks again, also where nothing else wants that: they approved nothing yet, but
    their decision began the count of calls without a person anew."""
    if change is None or judged.outcome is not Outcome.ALLOW:
        return judged
    words = f"{change['by']} changed the parameters of {tool}"
    return Verdict(Outcome.PENDING_APPROVAL, Reason.CALL_CHANGED, words)


def _on_record(tool: str, params: Any) -> dict[str, Any]:
    """That a call was allowed, for the run's history."""
    allowed = Verdict(Outcome.ALLOW, Reason.TOOL_AUDITED, details={"params_sha256": digest_of(params)})
    return allowed.record(Point.TOOL_CALL, tool=tool)


def _asking(
    prepared: StepPrepared,
    step: ToolStep,
    at: Rendering,
    verdict: Verdict,
    action: dict[str, Any],
    preview: Preview | None,
    beside: dict[str, Any],
    *,
    chosen: bool,
) -> StepPrepared:
    """The same, with the approval that is asked for unless the flow itself has asked.

    It shows what people gave to the call beside its parameters, and who changed these.
    """
    shown = {
        "title": step.name or step.id,
        "message": verdict.message,
        "form": {},
        "context": beside,
        "autonomy_level": at.flow.graph.flow.autonomy_level.value,
    }
    body = {
        **shown,
        "action": action,
        "preview": preview.model_dump() if preview is not None else None,
        "intent": intent_of(at),
        "changeable": chosen,
    }
    risk = at.judge.risk(step.tool).value
    return replace(
        prepared,
        new_id=new_id("appr"),
        request={"body": at.store(body), "risk": risk, "origin": "policy"},
        digest=digest_of({"action": prepared.action_digest, **shown}),
        verdict=verdict.record(Point.TOOL_CALL, tool=step.tool),
    )


class SubflowRenderer(StepRenderer[SubflowStep]):
    """Renders the start payload of a child run."""

    type = "subflow"

    def prepare(self, step: SubflowStep, at: Rendering) -> StepPrepared:
        """The rendered payload, checked as a start is."""
        params = self.params(step, at)
        child_run_id = new_id("run")
        at.children.check(step.subflow, params, child_run_id, at.values)
        if (refused := at.children.refused(step.subflow, params, at.path, at.now)) is not None:
            return refused
        digest = at.action_digest(step, params)
        value = at.store(params)
        at.children.name(step.subflow, value, child_run_id, at.values)
        return StepPrepared(now=at.now, path=at.path, value=value, new_id=child_run_id, action_digest=digest)

    def params(self, step: SubflowStep, at: Rendering) -> Any:
        """As the child run gets it."""
        return at.value(step.params)


class ForEachRenderer(StepRenderer[ForEachStep]):
    """Renders the list of items of a loop."""

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
            found = kind_of(items)
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


class GraphRenderer(StepRenderer[GraphStep]):
    """Steps with needs: what needs what is kept with the execution, so that it can be drawn."""

    type = "graph"

    def prepare(self, step: GraphStep, at: Rendering) -> StepPrepared:
        """Nothing of its steps is rendered before they start."""
        drawn = [
            {
                "id": each.id,
                "type": each.type,
                "needs": list(each.needs),
                "run_if": (each.run_if or RunIf.SUCCESS).value,
            }
            for each in step.steps
        ]
        value = at.store({"graph": drawn})
        return StepPrepared(now=at.now, path=at.path, value=value, action_digest=at.action_digest(step, None))
