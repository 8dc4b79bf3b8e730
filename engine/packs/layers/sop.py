"""Procedures (SOPs) as flows: steps of tools and agents, approvals before them, the escalation at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.quantity import duration_seconds
from engine.governance.policies import tool_key
from engine.governance.tools_layer import highest_risk
from engine.packs.checks.schemas.schema_problems import close_match, problem_at, shortened, shown
from engine.packs.checks.tool_rules import layer_refusal
from engine.packs.layers.composed import ComposedDocument, Origin
from engine.templates import has_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.layers.tools import Tools
    from engine.contracts.layers.workflow import Sop, WorkflowStep
    from engine.contracts.packs.pack import Problem
    from engine.contracts.status import Risk
    from engine.packs.source.yaml_source import SourcePath

DONE = "done"
FAIL = "fail"
ESCALATION = "escalation"
_RESERVED = (DONE, FAIL, ESCALATION)
_AGENT_PROMPT = """{action}

The procedure was started with: {{{{ payload | tojson }}}}
{{% for id, was in steps | items %}}{{% if was.output is defined and was.output %}}
{{% set said = was.output.text if was.output.text is defined else was.output | tojson %}}\
What the step {{{{ id }}}} brought: {{{{ said | truncate(8000, true, '…') }}}}
{{% endif %}}{{% endfor %}}"""


@dataclass(frozen=True, slots=True)
class CompiledSop:
    """A procedure as a flow document, or why it is none."""

    id: str
    document: ComposedDocument
    problems: tuple[Problem, ...]


def compile_sop(sop: Sop, origin: Origin, tools: Tools, risk: Risk) -> CompiledSop:
    """The flow of one procedure.

    A step with parameters becomes a tool step, behind an approval where it or its tool asks for one; any
    other is an agent's, with its tool or with none. `risk` is that of the pack.
    """
    return _Compiler(sop, origin, tools, risk).compile()


@dataclass(slots=True)
class _Compiler:
    sop: Sop
    origin: Origin
    tools: Tools
    risk: Risk
    steps: list[dict[str, Any]] = field(default_factory=list)
    origins: dict[SourcePath, Origin] = field(default_factory=dict)

    def compile(self) -> CompiledSop:
        sop = self.sop
        problems = list(self._problems())
        for index, step in enumerate(sop.steps):
            self._step(index, step)
        if sop.escalation:
            self._escalation()
        flow: dict[str, Any] = {
            "id": sop.id,
            "description": f"{sop.name}. {sop.trigger}",
            **({"title": sop.title} if sop.title is not None else {}),
            "input": sop.input,
            "max_duration": duration_seconds(sop.max_duration),
            "steps": self.steps,
        }
        if sop.escalation:
            flow["escalation"] = ESCALATION
        document = ComposedDocument(flow, {(): self.origin, **self.origins})
        return CompiledSop(sop.id, document, tuple(problems))

    def _add(self, step: dict[str, Any], origin: Origin, **places: Origin) -> None:
        path = ("steps", len(self.steps))
        self.origins[path] = origin
        for key, place in places.items():
            self.origins[*path, key] = place
        self.steps.append(step)

    def _step(self, index: int, step: WorkflowStep) -> None:
        origin = self.origin.at(("steps", index))
        if self._needs_approval(step):
            tool = self._tool(step)
            approval = {
                "id": _approval_id(step.id),
                "type": "human_approval",
                "title": f"{self.sop.name}: {step.id}"[:500],
                "message": step.action,
                "risk": highest_risk(self.risk, tool.risk_level if tool else None).value,
                "gates": step.id,
                "max_visits": step.max_visits,
            }
            self._add(approval, origin, message=origin.at(("action",)))
        last = index == len(self.sop.steps) - 1
        compiled = {
            "id": step.id,
            **(self._by_agent(step) if _is_agents(step) else _by_tool(step)),
            "timeout": duration_seconds(step.timeout),
            "max_visits": step.max_visits,
            "on_success": self._landing(step.on_success or (DONE if last else "")),
            "on_failure": self._landing(step.on_failure),
        }
        if len(step.action) <= 200 and not has_template(step.action):
            compiled["name"] = step.action
        written = {key: value for key, value in compiled.items() if value is not None}
        action = origin.at(("action",))
        self._add(written, origin, name=action, prompt=action)

    def _by_agent(self, step: WorkflowStep) -> dict[str, Any]:
        doing = f"You do one step of the procedure `{self.sop.name}`: {step.id}. Do this step only."
        return {
            "type": "agent",
            "instructions": f"{doing} Say in a few sentences what came of it: the next step reads that.",
            "prompt": _AGENT_PROMPT.format(action=step.action),
            "tools": [step.tool] if step.tool else [],
        }

    def _escalation(self) -> None:
        place = self.origin.at((ESCALATION,))
        step = {
            "id": ESCALATION,
            "type": "human_approval",
            "title": f"{self.sop.name}: {ESCALATION}"[:500],
            "message": self.sop.escalation,
            "risk": self.risk.value,
        }
        self._add(step, place, message=place)

    def _landing(self, target: str) -> str | None:
        """A jump to a step that waits for an approval lands on the approval."""
        if not target or target in _RESERVED:
            return target or None
        step = next((step for step in self.sop.steps if step.id == target), None)
        return _approval_id(target) if step is not None and self._needs_approval(step) else target

    def _tool(self, step: WorkflowStep) -> Any:
        key = tool_key(step.tool or "")
        return next((tool for tool in self.tools.available if tool_key(tool.id) == key), None)

    def _needs_approval(self, step: WorkflowStep) -> bool:
        if _is_agents(step):  # what it will do cannot be shown before: each call of its tool asks
            return False
        tool = self._tool(step)
        return step.requires_approval or (tool is not None and tool.requires_approval)

    def _problems(self) -> Iterator[Problem]:
        seen: set[str] = set()
        for index, step in enumerate(self.sop.steps):
            if step.id in _RESERVED:
                yield self._at(index, ("id",), f"the step id `{step.id}` is reserved", step.id)
            elif step.id in seen:
                yield self._at(index, ("id",), f"the step id `{step.id}` is here twice", step.id)
            seen.add(step.id)
            for key, target in (("on_success", step.on_success), ("on_failure", step.on_failure)):
                yield from self._jump(index, key, target)
            yield from self._allowed(index, step)

    def _jump(self, index: int, key: str, target: str) -> Iterator[Problem]:
        known = [*(step.id for step in self.sop.steps), *_RESERVED]
        if target == ESCALATION and not self.sop.escalation:
            message = "this jump goes to the escalation, which the procedure does not have"
            yield self._at(index, (key,), message, target)
        elif target and target not in known:
            message = f"there is no step `{shortened(target)}` in this procedure{close_match(target, known)}"
            yield self._at(index, (key,), message, target)

    def _allowed(self, index: int, step: WorkflowStep) -> Iterator[Problem]:
        tool = self._tool(step)
        if step.requires_approval and _is_agents(step) and not (tool is not None and tool.requires_approval):
            message = (
                f"the step `{step.id}` is an agent's, and what it will do cannot be approved before: give it "
                "`params`, or let the tools layer say `requires_approval` of its tool"
            )
            yield self._at(index, ("requires_approval",), message, None)
        if not step.tool:
            return
        refusal = layer_refusal(self.tools, step.tool)
        if refusal is not None:
            yield self._at(index, ("tool",), refusal, step.tool)

    def _at(self, index: int, path: SourcePath, message: str, found: str | None) -> Problem:
        place = ("steps", index, *path)
        origin = self.origin.at(place)
        return problem_at(
            origin.document, origin.path, message, found=None if found is None else shown(found)
        )


def _is_agents(step: WorkflowStep) -> bool:
    return step.tool is None or "params" not in step.model_fields_set


def _by_tool(step: WorkflowStep) -> dict[str, Any]:
    return {"type": "tool", "tool": step.tool, "params": step.params}


def _approval_id(step: str) -> str:
    return f"{step}.approval"
