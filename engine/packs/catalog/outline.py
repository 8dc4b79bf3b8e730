"""Flows and packs as people look at them: a tree of steps to draw, canonical text to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.packs.agent import FlowOutline, LayerText, StepOutline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.flows.step import Step
    from engine.contracts.model import Contract
    from engine.packs.loaded_pack import LoadedPack

_LAYERS = ("soul", "role", "tools", "guardrails", "memory", "workflow")


def flow_outlines(pack: LoadedPack) -> tuple[FlowOutline, ...]:
    """Every flow that can be started, by id; procedures are among them."""
    return tuple(flow_outline(pack, flow_id) for flow_id in sorted(pack.flows))


def flow_outline(pack: LoadedPack, flow_id: str) -> FlowOutline:
    """One flow as a tree of steps. Raises KeyError when the pack has no such flow."""
    flow = pack.flows[flow_id]
    return FlowOutline(
        flow=flow.id,
        description=flow.description or "",
        version=flow.version,
        file=pack.flow_files[flow_id],
        sop=flow_id in pack.sops,
        escalation=flow.escalation,
        steps=_outlines(flow.steps),
        closing=_outlines(flow.finally_),
    )


def pack_texts(pack: LoadedPack) -> tuple[LayerText, ...]:
    """The pack part by part as canonical text, defaults filled in, for comparing two contents of it.

    Parts that cannot be read are left out. Two packs whose texts are equal behave the same.
    """
    return tuple(_texts(pack))


def _texts(pack: LoadedPack) -> Iterator[LayerText]:
    if pack.manifest is not None:
        references = {*_LAYERS, "skills"}
        yield LayerText(name="manifest", text=_yaml(pack.manifest, references))
    if pack.agent is not None:
        for layer in _LAYERS:
            yield LayerText(name=layer, text=_yaml(getattr(pack.agent, layer)))
        for skill in pack.agent.skills:
            front = _yaml(skill, {"body"})
            yield LayerText(name=f"skills/{skill.id}", text=f"---\n{front}---\n{skill.body}\n")
    for flow_id in sorted(pack.flows.keys() - pack.sops):
        yield LayerText(name=f"flows/{flow_id}", text=_yaml(pack.flows[flow_id]))
    for file, text in pack.content.code.items():
        yield LayerText(name=file, text=text)


def _yaml(part: Contract, exclude: set[str] | None = None) -> str:
    value = part.model_dump(mode="json", by_alias=True, exclude=exclude, exclude_none=True)
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)


def _outlines(steps: Sequence[Step]) -> tuple[StepOutline, ...]:
    return tuple(_outline(step, steps[index + 1 : index + 2]) for index, step in enumerate(steps))


def _outline(step: Step, following: Sequence[Step]) -> StepOutline:
    return StepOutline(
        id=step.id,
        type=step.type,
        asks=step.asks,
        name=step.name,
        when=step.when,
        on_success=step.on_success,
        on_failure=step.on_failure,
        max_visits=step.max_visits,
        target=step.target,
        gates=step.gated_id(next((each.id for each in following), None)),
        join=step.joining,
        needs=step.needs,
        run_if=step.run_if,
        skills=step.named_skills if isinstance(step, AgentStep) else (),
        branches=tuple(map(_outlines, _lists(step))),
    )


def _lists(step: Step) -> Sequence[Sequence[Step]]:
    """The lists inside it as its author wrote them: a graph has one."""
    return [[each for steps in step.lists for each in steps]] if step.by_needs else step.lists
