"""Names, enums, patterns, lengths and defaults of the layers, as the reference has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from engine.contracts.layers.guardrails import Guardrails
from engine.contracts.layers.memory import Memory
from engine.contracts.layers.role import CompetencySkill, Role
from engine.contracts.layers.skill import Skill
from engine.contracts.layers.soul import Soul
from engine.contracts.layers.tools import ToolDef, Tools
from engine.contracts.layers.workflow import Handoff, Sop, Workflow, WorkflowStep
from engine.contracts.packs.pack import PackManifest

if TYPE_CHECKING:
    from engine.contracts.model import Contract

ROLE = {"title": "T", "domain": "D", "goal": {"primary": "P"}}
SOP = {"id": "a", "name": "A", "trigger": "T", "steps": [{"id": "s", "action": "Do"}]}

DEFAULTS: list[tuple[Contract, dict[str, Any]]] = [
    (
        Soul(),
        {
            "schema_version": "1.0",
            "identity": {"name": "Agent", "language": "en", "languages": []},
            "personality": {
                "communication_style": "professional",
                "verbosity": "balanced",
                "proactivity": "balanced",
                "confidence_expression": "balanced",
            },
            "tone": {"default": "", "on_success": "", "on_error": "", "on_uncertainty": ""},
            "principles": [],
            "adaptations": {"beginner_user": "", "expert_user": "", "crisis_mode": ""},
        },
    ),
    (
        Role.model_validate(ROLE),
        {
            "schema_version": "1.0",
            "title": "T",
            "domain": "D",
            "seniority": "middle",
            "goal": {"primary": "P", "secondary": []},
            "backstory": "",
            "competency_graph": {"skills": []},
            "domain_knowledge": {"primary": [], "secondary": []},
            "limitations": [],
        },
    ),
    (
        CompetencySkill(id="a", name="A"),
        {"id": "a", "name": "A", "level": "competent", "evidence": [], "tasks": [], "metrics": []},
    ),
    (
        Tools(),
        {
            "schema_version": "1.0",
            "available": [],
            "denied": [],
            "tool_policies": {
                "max_concurrent": 5,
                "max_calls_per_task": 100,
                "cost_limit_per_task": "$10",
                "level": "process",
            },
        },
    ),
    (
        ToolDef(id="a.b", name="A"),
        {
            "id": "a.b",
            "name": "A",
            "description": "",
            "sandbox": {
                "timeout": "30s",
                "memory_limit": "256Mi",
                "cpu_limit": "1",
                "network": "none",
                "egress_allowlist": [],
                "filesystem": "none",
                "scoped_paths": [],
                "level": "process",
            },
            "risk_level": "low",
            "requires_approval": False,
            "effects": None,
            "idempotent": None,
            "audit": False,
        },
    ),
    (
        Skill(id="a", name="A", trigger="T"),
        {
            "id": "a",
            "name": "A",
            "description": "",
            "trigger": "T",
            "required_tools": [],
            "risk_level": "low",
            "estimated_duration": "",
            "body": "",
        },
    ),
    (
        Guardrails(),
        {
            "schema_version": "1.0",
            "input": {
                "max_length": 50_000,
                "sanitization": True,
                "jailbreak_detection": False,
                "pii_detection": {"enabled": False, "action": "warn"},
                "content_filter": {"enabled": False, "categories": []},
            },
            "output": {
                "max_length": 100_000,
                "pii_check": False,
                "hallucination_check": {"enabled": False, "confidence_threshold": 0.8},
                "format_validation": False,
                "source_citation_required": False,
            },
            "behavioral": {
                "prohibited_actions": [],
                "required_disclaimers": [],
                "escalation_triggers": [],
                "max_autonomous_steps": 10,
            },
            "hooks": [],
            "compliance": {
                "framework": [],
                "audit_all_decisions": False,
                "data_classification": "internal",
            },
        },
    ),
    (
        Memory(),
        {
            "schema_version": "1.0",
            "short_term": {"enabled": True, "ttl": "24h", "max_entries": 100},
            "episodic": {
                "enabled": False,
                "confidence_threshold": 0.75,
                "retrieval_top_k": 10,
                "similarity_threshold": 0.7,
                "source_required": True,
            },
            "factual": {
                "enabled": False,
                "confidence_threshold": 0.95,
                "requires_evidence": True,
                "requires_approval": False,
                "versioned": True,
            },
            "cross_session": {"enabled": False, "merge_strategy": "latest"},
        },
    ),
    (
        Workflow(),
        {
            "schema_version": "1.0",
            "default_process": "sequential",
            "sop": [],
            "handoffs": [],
            "reporting": {"progress_updates": True, "completion_report": True, "format": "structured"},
        },
    ),
    (
        Handoff(target_agent="qa", conditions=("Always",)),
        {"target_agent": "qa", "conditions": ["Always"], "context_transfer": "summary"},
    ),
]


@pytest.mark.parametrize(("contract", "values"), DEFAULTS, ids=lambda part: type(part).__name__)
def test_a_layer_that_says_nothing_has_its_defaults(contract: Contract, values: dict[str, Any]) -> None:
    assert contract.model_dump(mode="json") == values


def test_defaults_of_procedures_and_their_own_additions() -> None:
    sop = Sop.model_validate(SOP)
    assert (sop.max_duration, sop.escalation, sop.input) == ("30m", "", {})
    step = sop.steps[0].model_dump()
    assert step == {
        "id": "s",
        "action": "Do",
        "tool": None,
        "on_success": "",
        "on_failure": "",
        "timeout": "5m",
        "requires_approval": False,
        "params": {},
        "max_visits": 3,
    }


ENUMS: list[tuple[type[Contract], str, list[str]]] = [
    (Soul, "SoulPersonality.communication_style", ["formal", "professional", "casual", "academic"]),
    (Soul, "SoulPersonality.verbosity", ["concise", "balanced", "detailed"]),
    (Soul, "SoulPersonality.proactivity", ["reactive", "balanced", "proactive"]),
    (Soul, "SoulPersonality.confidence_expression", ["cautious", "balanced", "assertive"]),
    (Role, "seniority", ["junior", "middle", "senior", "lead", "principal"]),
    (Role, "CompetencySkill.level", ["novice", "competent", "proficient", "expert", "master"]),
    (Tools, "ToolSandbox.network", ["none", "egress_allowlist", "full"]),
    (Tools, "ToolSandbox.filesystem", ["none", "read_only", "read_write", "scoped"]),
    (Guardrails, "PiiDetection.action", ["warn", "redact", "block"]),
    (Guardrails, "Compliance.data_classification", ["public", "internal", "confidential", "restricted"]),
    (Memory, "CrossSessionMemory.merge_strategy", ["latest", "highest_confidence", "manual"]),
    (Workflow, "default_process", ["sequential", "parallel", "adaptive"]),
    (Workflow, "Handoff.context_transfer", ["full", "summary", "minimal"]),
    (Workflow, "Reporting.format", ["structured", "narrative", "minimal"]),
]


@pytest.mark.parametrize(("layer", "field", "values"), ENUMS, ids=lambda part: str(part)[:40])
def test_a_field_takes_these_words_only(layer: type[Contract], field: str, values: list[str]) -> None:
    schema = layer.model_json_schema()
    owner, _, name = field.rpartition(".")
    assert (schema["$defs"][owner] if owner else schema)["properties"][name]["enum"] == values


def test_every_layer_knows_the_same_risks() -> None:
    for schema in (Tools.model_json_schema(), Skill.model_json_schema(), PackManifest.model_json_schema()):
        assert schema["$defs"]["Risk"]["enum"] == ["low", "medium", "high", "critical"]


@pytest.mark.parametrize(
    ("layer", "value", "field"),
    [
        (Soul, {"principles": ["a", "b"]}, "principles"),
        (Soul, {"principles": list("abcdefgh")}, "principles"),
        (Soul, {"identity": {"name": "A"}}, "identity.language"),
        (Soul, {"schema_version": "1"}, "schema_version"),
        (Soul, {"mood": "good"}, "mood"),
        (Role, {"title": "T", "domain": "D"}, "goal"),
        (Role, {**ROLE, "goal": {"secondary": []}}, "goal.primary"),
        (Role, {**ROLE, "competency_graph": {"skills": [{"id": "a"}]}}, "competency_graph.skills.0.name"),
        (Tools, {"available": [{"id": "a"}]}, "available.0.name"),
        (Memory, {"factual": {"confidence_threshold": 1.01}}, "factual.confidence_threshold"),
        (Guardrails, {"output": {"hallucination_check": {"confidence_threshold": -1}}}, "output"),
        (Workflow, {"sop": [{"id": "a", "name": "A", "trigger": "T"}]}, "sop.0.steps"),
        (Workflow, {"handoffs": [{"target_agent": "a"}]}, "handoffs.0.conditions"),
        (WorkflowStep, {"id": "a"}, "action"),
        (Skill, {"id": "a", "name": "A"}, "trigger"),
    ],
)
def test_what_breaks_a_layer(layer: type[Contract], value: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        layer.model_validate(value)
    (error,) = caught.value.errors()
    assert ".".join(map(str, error["loc"])).startswith(field)


@pytest.mark.parametrize("pack_id", ["Demo", "1demo", "-demo", "de_mo", "de mo", ""])
def test_ids_of_packs_that_are_none_are_refused(pack_id: str) -> None:
    with pytest.raises(ValidationError):
        PackManifest.model_validate(
            {"schema_version": "1.0", "pack_id": pack_id, "version": "1.0.0", "author": {"name": "A"}}
        )


def test_a_layer_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Soul().schema_version = "2.0"  # type: ignore[misc]  # that it cannot is what is tested
