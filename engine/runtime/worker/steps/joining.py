"""What a composite step hands on: put together from what its branches brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.governance.redactor import JOINED_DEPTH
from engine.machine.model.inputs import Collected
from engine.runtime.worker.steps.registry import STEP_RENDERERS
from engine.values import resolve_value

if TYPE_CHECKING:
    from engine.contracts.flows.step import Step
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore


def prepare_joined(
    path: str, joined: Any, now: int, values: ValueStore, flow: PinnedFlow
) -> tuple[Collected, dict[str, bytes]]:
    """The input that completes the step, and the blobs it refers to. Raises BlobNeeded."""
    step = flow.graph.step_at(path)
    value = resolve_value(joined, values.resolve)
    renderer = STEP_RENDERERS.get(step.type)
    handed_on = renderer.handed_on(step, value) if renderer is not None else value
    if step.joins_as_stored:
        stored = values.store_joined(joined, handed_on, levels=JOINED_DEPTH)
    else:
        stored = values.store(handed_on, levels=JOINED_DEPTH)
    jump = renderer.jump(step, handed_on) if renderer is not None else None
    stated = _confidence(flow, step, handed_on)
    return Collected(now=now, path=path, value=stored.value, jump=jump, confidence=stated), stored.blobs


def _confidence(flow: PinnedFlow, step: Step, handed_on: Any) -> tuple[float, float] | None:
    """What it states, with the least that its pack accepts; None where that is not checked."""
    check = flow.guardrails.output.hallucination_check if flow.guardrails is not None else None
    renderer = STEP_RENDERERS.get(step.type)
    if check is None or not check.enabled or renderer is None:
        return None
    stated = renderer.confidence(step, handed_on)
    return None if stated is None else (stated, check.confidence_threshold)
