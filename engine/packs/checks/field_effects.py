"""What each field of a pack does at run time, for docs/packs.md and for those who validate a pack.

A field that protects nobody yet says so: nothing that looks like protection does nothing silently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.packs.pack import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from engine.packs.source.yaml_source import Document, SourcePath

INFORMATION = "information"
NOT_YET = "not in force yet"
ONLY_ISOLATED = "only at the level `isolated`"
HOLDS = "holds"
TOLD = "told to the agents of its flows"

_EFFECTS: Mapping[str, str] = {
    "manifest": INFORMATION,
    "manifest.schema_version": "another version does not load",
    "manifest.pack_id": "names the pack and its tools",
    "manifest.version": "shown on every run; published once",
    "manifest.llm": "its agents ask this model or tier, where neither step, purpose nor settings name one",
    "manifest.risk_level": "least risk of every approval",
    "manifest.author.signature": "verified when the pack is published",
    "manifest.compatibility": "unmet: the pack does not load",
    "manifest.slo": "measured, see [slo.md](slo.md); what is not said follows from `risk_level`",
    "manifest.soul": "a layer",
    "manifest.role": "a layer",
    "manifest.tools": "a layer",
    "manifest.skills": "layers",
    "manifest.guardrails": "a layer",
    "manifest.memory": "a layer",
    "manifest.workflow": "a layer",
    "soul": INFORMATION,
    "soul.identity": TOLD,
    "soul.personality": TOLD,
    "soul.tone": TOLD,
    "soul.principles": TOLD,
    "role": INFORMATION,
    "role.title": TOLD,
    "role.domain": TOLD,
    "role.seniority": TOLD,
    "role.goal": TOLD,
    "role.backstory": TOLD,
    "role.competency_graph": INFORMATION,
    "role.competency_graph.skills[].name": TOLD,
    "role.competency_graph.skills[].level": TOLD,
    "role.competency_graph.skills[].tasks": TOLD,
    "role.domain_knowledge": TOLD,
    "role.limitations": TOLD,
    "skill": INFORMATION,
    "skill.name": TOLD,
    "skill.trigger": TOLD,
    "skill.required_tools": "an unknown tool is a problem; agents that lack one are not told the skill",
    "tools": INFORMATION,
    "tools.available": "when given, only these tools are called",
    "tools.available[]": INFORMATION,
    "tools.available[].id": "an unknown tool is a problem",
    "tools.available[].sandbox": "holds for every call",
    "tools.available[].sandbox.timeout": "the call fails; the step's counts when it is shorter",
    "tools.available[].sandbox.memory_limit": (
        "limit of the process, for the pack's own tools, searches, git and commands; "
        "other tools work in the engine's process and are held to sizes"
    ),
    "tools.available[].sandbox.cpu_limit": (
        "limit of the process, for the pack's own tools, searches, git and commands: it keeps to as many "
        "processors, and has its share of the processor time of the longest run; other tools work in the "
        "engine's process"
    ),
    "tools.available[].sandbox.network": (
        f"held by `http.get`; for the pack's own tools and commands {ONLY_ISOLATED}"
    ),
    "tools.available[].sandbox.egress_allowlist": (
        f"held by `http.get`; for other tools {NOT_YET}, and an isolated call with it is refused"
    ),
    "tools.available[].sandbox.filesystem": (
        f"held by built-in tools; for the pack's own tools, and inside a command, {ONLY_ISOLATED}"
    ),
    "tools.available[].sandbox.scoped_paths": (
        f"held by built-in tools; for the pack's own tools, and inside a command, {ONLY_ISOLATED}"
    ),
    "tools.available[].sandbox.level": (
        "`isolated`: the call is refused where that cannot be had; `isolated_if_possible`: made at the level "
        "`process` there; see sandbox.md"
    ),
    "tools.available[].risk_level": (
        "least risk of an approval of this tool; `high` and `critical`: what a model chose asks for one"
    ),
    "tools.available[].requires_approval": "the run waits for an approval of exactly this call",
    "tools.available[].effects": (
        "`none`: not asked about under `suggest_only`; `outside`: a lost call is asked about"
    ),
    "tools.available[].idempotent": "a lost call is made again with the same key, also an approved one",
    "tools.available[].audit": "each call is an event `governance.decision`, also when it is simply allowed",
    "tools.denied": "the call is refused; a step with it is a problem",
    "tools.tool_policies": "holds for a run",
    "tools.tool_policies.max_concurrent": (
        "further calls of the run wait; the runs of subflows count, whichever workers make them"
    ),
    "tools.tool_policies.max_calls_per_task": "the run fails; attempts and the runs of subflows count",
    "tools.tool_policies.cost_limit_per_task": (
        "of the models of a run and its subflows, where it is written: a call that may pass it is not begun"
    ),
    "tools.tool_policies.level": "as `available[].sandbox.level`, for commands, git, searches, own tools",
    "guardrails": INFORMATION,
    "guardrails.input.max_length": "texts of the start payload, and of an answer, are no longer together",
    "guardrails.input.sanitization": NOT_YET,
    "guardrails.input.jailbreak_detection": NOT_YET,
    "guardrails.input.pii_detection": NOT_YET,
    "guardrails.input.content_filter": NOT_YET,
    "guardrails.output.max_length": "texts of the run's output are no longer together",
    "guardrails.output.pii_check": NOT_YET,
    "guardrails.output.hallucination_check.enabled": (
        "a run counts as doubtful where an agent states less confidence than is asked for; see slo.md"
    ),
    "guardrails.output.hallucination_check.confidence_threshold": "the least that is asked for",
    "guardrails.output.format_validation": NOT_YET,
    "guardrails.output.source_citation_required": NOT_YET,
    "guardrails.behavioral.prohibited_actions": f"{TOLD}; that they keep to it is {NOT_YET}",
    "guardrails.behavioral.required_disclaimers": f"{TOLD}; that they keep to it is {NOT_YET}",
    "guardrails.behavioral.escalation_triggers": f"{TOLD}; that they keep to it is {NOT_YET}",
    "guardrails.behavioral.max_autonomous_steps": (
        "after so many calls without a decision of a person the next one waits for an approval"
    ),
    "guardrails.hooks": "an agent or a call that one says no to is stopped; see agents.md",
    "guardrails.hooks[].id": "named in the event and in the failure",
    "guardrails.hooks[].at": HOLDS,
    "guardrails.hooks[].tool": HOLDS,
    "guardrails.hooks[].contains": HOLDS,
    "guardrails.hooks[].reason": "told to people, and to the model whose call is stopped",
    "guardrails.hooks[].ends": HOLDS,
    "guardrails.compliance.audit_all_decisions": NOT_YET,
    "memory": NOT_YET,
    "memory.schema_version": INFORMATION,
    "workflow": INFORMATION,
    "workflow.default_process": NOT_YET,
    "workflow.reporting": NOT_YET,
    "workflow.sop": "runs as a flow",
    "workflow.sop[]": INFORMATION,
    "workflow.sop[].id": "names the flow",
    "workflow.sop[].name": "shown where flows are chosen, and told to the agents of its steps",
    "workflow.sop[].trigger": "shown where flows are chosen; it starts nothing by itself",
    "workflow.sop[].title": "the subject of its runs",
    "workflow.sop[].input": "what a start is checked against",
    "workflow.sop[].steps": "steps of the flow",
    "workflow.sop[].steps[].id": "id of the step",
    "workflow.sop[].steps[].action": "shown in an approval, told to an agent",
    "workflow.sop[].steps[].tool": "the tool that is called, or that an agent may call",
    "workflow.sop[].steps[].params": "what the tool gets",
    "workflow.sop[].steps[].on_success": HOLDS,
    "workflow.sop[].steps[].on_failure": HOLDS,
    "workflow.sop[].steps[].timeout": HOLDS,
    "workflow.sop[].steps[].requires_approval": "an approval stands before the step",
    "workflow.sop[].steps[].max_visits": "one visit too many fails, or goes to the escalation",
    "workflow.sop[].max_duration": "past it the run fails or escalates",
    "workflow.sop[].escalation": "an approval that is gone to when nothing else helps",
    "workflow.handoffs": "runs may be handed off to these packs",
    "workflow.handoffs[].target_agent": "the pack that may take over",
    "workflow.handoffs[].conditions": "shown to whoever hands off, told to agents that have `run.handoff`",
    "workflow.handoffs[].context_transfer": "what the other run is told",
}


_BY_TOOL: Mapping[str | int, tuple[str, ...]] = {
    "network": ("http.get",),
    "egress_allowlist": ("http.get",),
    "filesystem": ("files.", "git.", "data.", "text."),
    "scoped_paths": ("files.", "git.", "data.", "text."),
}
"""Beginnings of the names of tools that hold these bounds themselves."""


def effect_of(field: str) -> str:
    """What a field does, such as `tools.available[].id`; a field inside another does what that one does."""
    name = field
    while name not in _EFFECTS:
        name = name.removesuffix("[]") if name.endswith("[]") else name.rpartition(".")[0]
        if not name:
            raise KeyError(field)
    return _EFFECTS[name]


def not_in_force(layer: str, document: Document) -> Iterator[Problem]:
    """Fields the document sets that do nothing yet, though somebody may rely on them."""
    for path, value in _leaves(document.value, ()):
        effect = effect_of(".".join((layer, *_names(path))))
        if (
            (NOT_YET in effect or ONLY_ISOLATED in effect)
            and value not in (None, False, "", [], {})
            and not _held(document, path)
        ):
            place = document.place(path)
            yield Problem(
                file=place.file,
                line=place.line,
                column=place.column,
                field=".".join(map(str, path)),
                message=effect,
            )


def _held(document: Document, path: SourcePath) -> bool:
    """Whether a bound of a tool is in force after all: those of files and hosts are, for built-in tools."""
    if path[:1] != ("available",) or len(path) < 4 or path[3] not in _BY_TOOL:
        return False
    listed = document.value["available"][path[1]]
    tool = listed.get("id", "")
    if isinstance(tool, str) and tool.startswith(_BY_TOOL[path[3]]):
        return True
    return path[3] != "egress_allowlist" and _is_isolated(document.value, listed)


def _is_isolated(layer: Any, listed: Any) -> bool:
    """Whether calls of a listed tool are isolated, or not made at all."""
    policies, sandbox = layer.get("tool_policies"), listed.get("sandbox")
    return any(isinstance(said, dict) and said.get("level") == "isolated" for said in (policies, sandbox))


def _leaves(value: Any, path: SourcePath) -> Iterator[tuple[SourcePath, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value


def _names(path: SourcePath) -> list[str]:
    """Names of a path as the documentation writes them: `available`, 0, `id` -> `available[]`, `id`."""
    names: list[str] = []
    for part in path:
        if isinstance(part, int):
            names[-1] += "[]"
        else:
            names.append(part)
    return names
