"""A pack's layers: composed, checked against their contracts, procedures compiled to flows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.layers.guardrails import Guardrails
from engine.contracts.layers.memory import Memory
from engine.contracts.layers.role import Role
from engine.contracts.layers.skill import Skill
from engine.contracts.layers.soul import Soul
from engine.contracts.layers.tools import Tools
from engine.contracts.layers.workflow import Workflow
from engine.contracts.packs.agent import ComposedAgent, LayerSource
from engine.packs.checks.field_effects import not_in_force
from engine.packs.checks.schemas.schema_problems import problem_at, validate
from engine.packs.layers.composed import Origin
from engine.packs.layers.composer import SKILL_SUFFIXES, Composer
from engine.packs.layers.layer_rules import handoff_problems, skills_problems
from engine.packs.layers.sandbox_rules import tools_problems
from engine.packs.layers.sop import CompiledSop, compile_sop
from engine.packs.source.content import MANIFEST
from engine.tools.pack_code.pack_tools import tool_prefix

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from engine.contracts.model import Contract
    from engine.contracts.packs.pack import PackManifest, Problem
    from engine.contracts.status import Risk
    from engine.packs.source.pack_files import PackFiles
    from engine.packs.source.yaml_source import Document

LAYERS: Mapping[str, type[Contract]] = {
    "soul": Soul,
    "role": Role,
    "tools": Tools,
    "guardrails": Guardrails,
    "memory": Memory,
    "workflow": Workflow,
}


@dataclass(slots=True)
class AgentLayers:
    """The layers as far as they could be composed; `found` misses those that are broken."""

    found: dict[str, Any] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    skills: list[tuple[Skill, Document]] = field(default_factory=list)
    sources: list[LayerSource] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    not_in_force: list[Problem] = field(default_factory=list)
    broken: bool = False

    @property
    def tools(self) -> Tools | None:
        """The tools layer, when the pack gives one and it is whole."""
        found: Tools | None = self.found.get("tools") if "tools" in self.documents else None
        return found

    def agent(self, manifest: PackManifest) -> ComposedAgent | None:
        """The agent, when every layer is whole."""
        if self.broken or self.found.keys() != LAYERS.keys():
            return None
        return ComposedAgent(
            pack_id=manifest.pack_id,
            version=manifest.version,
            risk_level=manifest.risk_level,
            skills=tuple(skill for skill, _ in self.skills),
            sources=tuple(self.sources),
            **self.found,
        )


def compose_layers(manifest: Document, files: PackFiles, tool_names: Collection[str] | None) -> AgentLayers:
    """Every layer of the manifest, with every problem of every one."""
    layers = AgentLayers()
    composer = Composer(files, MANIFEST, layers.problems)
    for name, model in LAYERS.items():
        _layer(layers, composer, manifest, name, model)
    _skills(layers, composer, manifest)
    tools = layers.found.get("tools")
    if "tools" in layers.documents and tools is not None:
        own = tool_prefix(str(manifest.value.get("pack_id")))
        layers.problems += tools_problems(tools, layers.documents["tools"], tool_names, own)
    layers.problems += skills_problems(layers.skills, tool_names)
    workflow = layers.found.get("workflow")
    if "workflow" in layers.documents and workflow is not None:
        own = manifest.value.get("pack_id")
        layers.problems += handoff_problems(workflow, layers.documents["workflow"], str(own))
    return layers


def compile_sops(layers: AgentLayers, risk: Risk) -> list[CompiledSop]:
    """The flow of each procedure of the workflow layer."""
    workflow, document = layers.found.get("workflow"), layers.documents.get("workflow")
    if workflow is None or document is None:
        return []
    tools = layers.found.get("tools")
    # what a broken tools layer offers is not known: it has its problems already
    return [
        compile_sop(sop, Origin(document, ("sop", index)), tools or Tools(), risk)
        for index, sop in enumerate(workflow.sop)
    ]


def _layer(
    layers: AgentLayers, composer: Composer, manifest: Document, name: str, model: type[Contract]
) -> None:
    reference = manifest.value.get(name)
    if reference is None:
        if name == "role":
            message = "the layer `role` is missing: a pack says what it is for (title, domain, goal)"
            layers.problems.append(problem_at(manifest, ("role",), message, expected="the layer `role`"))
            return
        layers.found[name] = model()
        layers.sources.append(LayerSource(layer=name, form="default", files=()))
        return
    if not isinstance(reference, dict):  # the manifest's contract has said so
        layers.broken = True
        return
    layer = composer.layer(name, Origin(manifest, (name,)), reference)
    if layer is None:
        return
    layers.documents[name] = layer.document
    layers.sources.append(layer.source)
    value, problems = validate(model, layer.document.value, layer.document)
    layers.problems += problems
    if value is not None:
        layers.found[name] = value
        layers.not_in_force += not_in_force(name, layer.document)


def _skills(layers: AgentLayers, composer: Composer, manifest: Document) -> None:
    references = manifest.value.get("skills")
    if not isinstance(references, list):
        return
    for index, reference in enumerate(references):
        if not isinstance(reference, dict):
            layers.broken = True
            continue
        name = f"skills.{index}"
        layer = composer.layer(name, Origin(manifest, ("skills", index)), reference, SKILL_SUFFIXES)
        if layer is None:
            layers.broken = True
            continue
        layers.sources.append(layer.source)
        skill, problems = validate(Skill, layer.document.value, layer.document)
        layers.problems += problems
        if skill is None:
            layers.broken = True
        else:
            layers.skills.append((skill, layer.document))
