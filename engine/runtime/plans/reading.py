"""What a model wrote, read as a plan and held against the tools it may name. Nothing is repaired."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.contracts.runs.plan import OUTPUT_KEY, PlanProposal
from engine.models.answered_json import json_in
from engine.runtime.plans.onward import Onward

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from engine.contracts.runs.plan import PlannedStep

MOST_CHARACTERS = 400_000
"""Of what a model wrote: longer ones are no plans that a person reads."""
MOST_FAULTS = 10
MOST_DEPTH = 32
_WORDS = 200
_REFERENCE = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9_-]*(\.[^.\s]+)*\Z")


class PlanUnfit(Exception):
    """It is no plan, or one that cannot be; `faults` are sentences, ten at the most."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__(faults[0])
        self.faults = [fault[:_WORDS] for fault in faults[:MOST_FAULTS]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a plan may name. `refused` says why policy does not let a tool be called, None if it does;
    `faults` what of parameters does not fit a tool, by place (a JSON pointer); `onward` is its flow."""

    tools: Sequence[str]
    max_steps: int
    refused: Callable[[str], str | None]
    faults: Callable[[str, Any], Sequence[tuple[str, str]]]
    onward: Onward = field(default_factory=Onward)


def read_plan(text: str, max_steps: int) -> PlanProposal:
    """What a model wrote as a plan; whether it can be is another question. Raises PlanUnfit."""
    if len(text) > MOST_CHARACTERS:
        raise PlanUnfit([f"it has {len(text):,} characters; {MOST_CHARACTERS:,} are the most"])
    try:
        value = json_in(text)
    except ValueError:
        raise PlanUnfit(["it is no JSON"]) from None
    steps = value.get("steps") if isinstance(value, dict) else None
    if isinstance(steps, list) and len(steps) > max_steps:
        raise PlanUnfit([f"it has {len(steps):,} steps; {max_steps} are the most"])
    try:
        return PlanProposal.model_validate(value)
    except ValidationError as error:
        raise PlanUnfit([_fault(one) for one in error.errors()[:MOST_FAULTS]]) from None


def plan_faults(plan: PlanProposal, bounds: Bounds) -> Iterator[str]:
    """What of a plan cannot be."""
    names = [step.step_id for step in plan.steps]
    if len(names) > bounds.max_steps:
        yield f"it has {len(names)} steps; {bounds.max_steps} are the most"
    if len(set(names)) < len(names):
        yield "two of its steps have the same step_id"
    yield from bounds.onward.faults(plan)
    if plan.estimated_cost is not None and _depth(plan.estimated_cost.details) > MOST_DEPTH:
        yield f"estimated_cost.details are nested deeper than {MOST_DEPTH} levels"
    for approval in plan.approvals:
        if approval.step_id not in names:
            yield f"approvals names {approval.step_id}, which is no step of it"
    for tool in dict.fromkeys((*plan.required_tools, *(step.tool for step in plan.steps))):
        if tool not in bounds.tools:
            words = ", ".join(bounds.tools) or "none"
            yield f"the tool {tool[:120]} is not offered to you; yours are: {words}"
        elif (why := bounds.refused(tool)) is not None:
            yield f"the tool {tool}: {why}"
    for number, step in enumerate(plan.steps):
        if step.tool in bounds.tools:
            yield from _params_faults(step, names[:number], bounds)


def _params_faults(step: PlannedStep, before: Sequence[str], bounds: Bounds) -> Iterator[str]:
    at = f"step {step.step_id}"
    if _depth(step.params) > MOST_DEPTH:
        yield f"{at}: its params are nested deeper than {MOST_DEPTH} levels"
        return
    if _holds_key(step.params, "$secret"):
        yield f"{at}: its params name a secret; only the flow itself may"
    if OUTPUT_KEY in step.params:
        yield f"{at}: {OUTPUT_KEY} is no name of a parameter: it stands as the value of one"
    taken = dict(outputs_taken(step.params))
    for name, value in step.params.items():
        if name not in taken and _holds_key(value, OUTPUT_KEY):
            yield f"{at}: {name}: {OUTPUT_KEY} stands alone, as the whole of a parameter"
    for name, reference in taken.items():
        if not _REFERENCE.match(reference):
            yield f"{at}: {name}: {OUTPUT_KEY} is written step_id or step_id.part"
        elif reference.partition(".")[0] not in before:
            yield f"{at}: {name}: {reference[:80]} is the output of no step before it"
    for where, what in bounds.faults(step.tool, step.params):
        if where.split("/")[1:2] and where.split("/")[1] in taken:
            continue  # what an earlier step brings is checked when it is known
        yield f"{at}: params{where}: {what}"


def outputs_taken(params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Parameters that are the output of an earlier step, with the reference."""
    for name, value in params.items():
        if isinstance(value, dict) and len(value) == 1 and isinstance(value.get(OUTPUT_KEY), str):
            yield name, value[OUTPUT_KEY]


def part_of(output: Any, reference: str) -> Any:
    """The part of a step's output that a reference names. Raises KeyError when it has none."""
    for part in reference.split(".")[1:]:
        if isinstance(output, dict) and part in output:
            output = output[part]
        elif isinstance(output, list) and part.isdecimal() and len(part) < 7 and int(part) < len(output):
            output = output[int(part)]
        else:
            raise KeyError(part)
    return output


def _holds_key(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return key in value or any(_holds_key(item, key) for item in value.values())
    return isinstance(value, list) and any(_holds_key(item, key) for item in value)


def _depth(value: Any) -> int:
    """How deep it is nested; looks no deeper than is of interest."""
    level, depth = [value], 0
    while depth <= MOST_DEPTH:
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            break
        depth += 1
        level = [one for item in containers for one in (item.values() if isinstance(item, dict) else item)]
    return depth


def _fault(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    return f"{place or 'the whole'}: {error['msg']}"
