"""Rules between layers: tools that exist, ids that are unique, handoffs, what the pack needs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.contracts.flows.agent_step import MAX_SKILL_BYTES
from engine.contracts.packs.pack import PACK_ID
from engine.packs.checks.flow_shape import sequences
from engine.packs.checks.schemas.schema_problems import close_match, problem_at, shortened, shown
from engine.packs.checks.schemas.tool_names import is_known
from engine.packs.layers.sandbox_rules import unknown_tool
from engine.packs.versions import engine_version, framework_fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from engine.contracts.layers.skill import Skill
    from engine.contracts.layers.workflow import Workflow
    from engine.contracts.packs.pack import PackManifest, Problem
    from engine.packs.source.yaml_source import Document

AVAILABLE_MEMORY: frozenset[str] = frozenset()
"""Kinds of memory this version has."""


def skills_problems(
    skills: Sequence[tuple[Skill, Document]], names: Collection[str] | None
) -> Iterator[Problem]:
    """Faults of the skills together; `names` None leaves tool names unchecked."""
    first: dict[str, str] = {}
    for skill, document in skills:
        if skill.id in first:
            message = f"the skill id `{skill.id}` is used by {first[skill.id]} already"
            yield problem_at(document, ("id",), message, found=shown(skill.id))
        first.setdefault(skill.id, document.place(("id",)).file)
        for index, tool in enumerate(skill.required_tools):
            yield from unknown_tool(document, ("required_tools", index), tool, names)


def skill_choice_problems(document: Document, skills: Sequence[Skill]) -> Iterator[Problem]:
    """Agents of a flow that name skills which the pack has not, or more text than they may be told."""
    sizes = {skill.id: len(skill.body.encode()) for skill in skills}
    for sequence in sequences(document.value):
        for node in sequence.nodes:
            if node.type != "agent":
                continue
            named = list(node.texts("skills"))
            for place, name in named:
                if name not in sizes and "{" not in name:
                    message = f"the pack has no skill `{shortened(name)}`{close_match(name, sizes)}"
                    yield problem_at(document, (*node.path, *place), message, found=shown(name))
            size = sum(sizes.get(name, 0) for name in {name for _, name in named})
            if size > MAX_SKILL_BYTES:
                message = f"these skills have {size} bytes together, an agent is told {MAX_SKILL_BYTES}"
                yield problem_at(document, (*node.path, "skills"), message)


def handoff_problems(workflow: Workflow, document: Document, pack_id: str) -> Iterator[Problem]:
    """Handoffs that can never be made; a target that is not here is no fault, packs come and go."""
    first: dict[str, int] = {}
    for index, handoff in enumerate(workflow.handoffs):
        target, path = handoff.target_agent, ("handoffs", index, "target_agent")
        message = None
        if re.fullmatch(PACK_ID, target) is None:
            message = f"`{shortened(target)}` is no id of a pack"
        elif target == pack_id:
            message = "a pack does not hand off to itself: use a subflow"
        elif target in first:
            line = document.place(("handoffs", first[target])).line
            message = f"the handoff to `{target}` is here twice (first on line {line}): join their conditions"
        if message is not None:
            yield problem_at(document, path, message, found=shown(target))
        first.setdefault(target, index)


def compatibility_problems(
    manifest: PackManifest, document: Document, names: Collection[str] | None
) -> Iterator[Problem]:
    """What the pack needs and this engine does not have."""
    needs = manifest.compatibility
    root = "compatibility"
    for key, bound in (("framework_min", needs.framework_min), ("framework_max", needs.framework_max)):
        if bound is not None:
            fault = framework_fault(key, bound)
            if fault is not None:
                expected = f"a version that allows {engine_version()}"
                yield problem_at(document, (root, key), fault, found=shown(bound), expected=expected)
    for index, tool in enumerate(needs.required_tools):
        if names is not None and not is_known(tool, names):
            message = (
                f"the pack needs the tool `{shortened(tool)}`, which is not here{close_match(tool, names)}"
            )
            yield problem_at(document, (root, "required_tools", index), message, found=shown(tool))
    for index, kind in enumerate(needs.required_memory):
        if kind not in AVAILABLE_MEMORY:
            message = f"the pack needs `{kind}` memory, which is not available in this version"
            yield problem_at(document, (root, "required_memory", index), message, found=shown(kind))
