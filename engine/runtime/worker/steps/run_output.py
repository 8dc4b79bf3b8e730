"""A run's output: what its outermost list has to show, normalized and held to policies and guardrails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.governance.pipeline import Point, Subject, characters_of, check
from engine.governance.redactor import JOINED_DEPTH
from engine.machine.events.placing import EMPTY
from engine.machine.model.inputs import OutputPrepared
from engine.machine.transition_builder import failure
from engine.values import canonical_json, resolve_value

if TYPE_CHECKING:
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.value_store import ValueStore


def prepare_output(
    value: Any, now: int, values: ValueStore, flow: PinnedFlow
) -> tuple[OutputPrepared, dict[str, bytes]]:
    """The input that ends the run, and the blobs it refers to. Raises BlobNeeded."""
    full = resolve_value(value, values.resolve)
    if full in EMPTY:
        message = "no step of the flow brought an output"
        return OutputPrepared(now=now, error=failure(StepErrorCode.MISSING_RUN_OUTPUT, message)), {}
    output = normalize(full)
    size, characters = values.apart(output, "measure", lambda: _measured(output))
    subject = Subject(
        size_bytes=size,
        characters=characters,
        max_characters=flow.guardrails.output.max_length if flow.guardrails is not None else None,
    )
    verdict = check(Point.OUTPUT, subject, flow.policies)
    if verdict.denied:
        details = {**verdict.details, "reason": verdict.reason.value}
        error = failure(StepErrorCode.OUTPUT_DENIED, verdict.message, **details)
        return OutputPrepared(now=now, error=error, verdict=verdict.record(Point.OUTPUT)), {}
    stored = values.store(output, levels=JOINED_DEPTH)
    return OutputPrepared(now=now, value=stored.value), stored.blobs


def _measured(output: Any) -> tuple[int, int]:
    return len(canonical_json(output)), characters_of(output)


def normalize(data: Any) -> dict[str, Any]:
    """An object: `summary` + `details` merged where no field is lost by it, files left to the run's folder,
    lists and scalars wrapped.

    Of files alone it says so.
    """
    if isinstance(data, list):
        return {"items": data}
    if not isinstance(data, dict):
        return {"value": data}
    kept = {key: value for key, value in data.items() if key != "output_files"}
    if not kept and data["output_files"]:
        return {"kind": "files"}
    told, beside = kept.get("details"), {key: value for key, value in kept.items() if key != "details"}
    if isinstance(kept.get("summary"), str) and isinstance(told, dict) and not told.keys() & beside.keys():
        return {**told, **beside}
    return kept
