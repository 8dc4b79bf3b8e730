"""Flows that agents may run: of the same pack, no more autonomous, and with no tools that the agent lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.flows.flow import FlowDef, SubflowStep
from engine.contracts.flows.plan_step import PlanProposalStep
from engine.contracts.status import AutonomyLevel
from engine.packs.checks.schemas.schema_problems import shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from engine.contracts.flows.step import Step
    from engine.contracts.packs.pack import Problem
    from engine.packs.loaded_pack import SubflowReference

_AUTONOMY = {level: place for place, level in enumerate(AutonomyLevel)}


def agent_flow_problems(
    flows: Mapping[str, FlowDef], references: Iterable[tuple[SubflowReference, str]], offered: Collection[str]
) -> Iterator[Problem]:
    """What an agent would get beyond its own bounds by running a flow.

    `references` are the flows that agents name, each with the agent's id, `offered` the tools of an agent
    that names none.
    """
    for reference, agent_id in references:
        caller, target = flows.get(reference.flow), flows.get(reference.target)
        agent = next(
            (step for step in walked(caller) if isinstance(step, AgentStep) and step.id == agent_id), None
        )
        if caller is None or target is None or agent is None:  # it has its problem already
            continue
        own = {*(agent.tools if agent.tools is not None else offered), *agent.deferred}
        reach = _Reach(flows, offered)
        reach.visit(target)
        freest = max(reach.flows, key=lambda flow: _AUTONOMY[flow.autonomy_level])
        if _AUTONOMY[freest.autonomy_level] > _AUTONOMY[caller.autonomy_level]:
            yield reference.problem(
                f"the flow `{freest.id}` is {freest.autonomy_level.value}, that of the agent only "
                f"{caller.autonomy_level.value}: what it runs may not be more autonomous"
            )
        if reach.elsewhere:
            yield reference.problem(
                f"the flow `{target.id}` starts `{shortened(reach.elsewhere)}`, a flow of another pack"
            )
        if reach.programs:
            words = ", ".join(sorted(map(shortened, reach.programs)))
            yield reference.problem(
                f"in the flow `{target.id}` {words} is the agent, a program with tools of its own: an agent "
                "runs no such flow"
            )
        more = sorted(reach.tools - own)
        if more:
            words = ", ".join(map(shortened, more[:5]))
            yield reference.problem(
                f"agents of the flow `{target.id}` may use {words}, which this agent may not"
            )


def walked(flow: FlowDef | None) -> Iterator[Step]:
    """Every step of a flow, those inside others too."""
    waiting = [*flow.steps, *flow.finally_] if flow is not None else []
    while waiting:
        step = waiting.pop()
        yield step
        if not isinstance(step, AgentStep):
            waiting += [inner for steps in step.lists for inner in steps]


class _Reach:
    """The tools that models choose from in a flow and in all that it starts."""

    def __init__(self, flows: Mapping[str, FlowDef], offered: Collection[str]) -> None:
        self._flows = flows
        self._offered = offered
        self._seen: set[str] = set()
        self.flows: list[FlowDef] = []
        self.tools: set[str] = set()
        self.programs: set[str] = set()
        self.elsewhere = ""

    def visit(self, flow: FlowDef) -> None:
        """Gather from one flow."""
        if flow.id in self._seen:
            return
        self._seen.add(flow.id)
        self.flows.append(flow)
        for step in walked(flow):
            named: tuple[str, ...] = ()
            if isinstance(step, AgentStep) and step.outside is not None:
                self.programs.add(str(step.agent))
            elif isinstance(step, AgentStep | PlanProposalStep):
                self.tools |= set(step.tools if step.tools is not None else self._offered)
            if isinstance(step, AgentStep):
                self.tools |= set(step.deferred)
                named = step.flows
            elif isinstance(step, SubflowStep):
                named = (step.subflow,)
            for name in named:
                if "/" in name:
                    self.elsewhere = name
                elif name in self._flows:
                    self.visit(self._flows[name])
