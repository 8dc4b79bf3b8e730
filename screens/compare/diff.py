"""What differs between two runs: values part by part, and how long each step took. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from engine.line_diff import compared

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.contracts.runs.run import StepView
    from screens.widgets.json.json_tree import Path

ALIGNED_ITEMS = 1_000
"""Longer lists are compared place by place; shorter ones are aligned first."""
_ALIGNING_STEPS = 200_000
"""Of one list; so are lists that hold the same items over and over."""

_DEEPEST = 100
_LEAST_SECONDS, _LEAST_SHARE = 0.05, 0.1


class Change(StrEnum):
    """What the right side is to the left one: the same, changed, added, removed."""

    SAME = "same"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of a value: where, and what it is on either side (None where it is missing)."""

    path: Path
    change: Change
    left: Any = None
    right: Any = None


@dataclass(frozen=True, slots=True)
class StepPair:
    """One step in both runs; seconds are None while it has not ended."""

    step_id: str
    change: Change
    left: StepView | None
    right: StepView | None
    left_seconds: float | None = None
    right_seconds: float | None = None


def compare_values(left: Any, right: Any, path: Path = ()) -> list[Difference]:
    """The parts that differ, each alone, and the parts that are the same as a whole."""
    if len(path) > _DEEPEST:
        return [_as_a_whole(left, right, path)]
    if isinstance(left, dict) and isinstance(right, dict):
        found = _keys(left, right, path)
    elif isinstance(left, list) and isinstance(right, list):
        found = _items(left, right, path)
    else:
        return [_as_a_whole(left, right, path)]
    if all(part.change is Change.SAME for part in found):
        return [Difference(path, Change.SAME, left, right)]
    return found


def compare_steps(left: Iterable[StepView], right: Iterable[StepView]) -> list[StepPair]:
    """Every step of either run, in the order of the left one, then of the right one.

    Durations differ when they are more than a tenth and more than 0.05 s apart.
    """
    others = {step.step_id: step for step in right}
    pairs = [_pair(step, others.pop(step.step_id, None)) for step in left]
    return pairs + [_pair(None, step) for step in others.values()]


def _as_a_whole(left: Any, right: Any, path: Path) -> Difference:
    same = type(left) is type(right) and _canonical(left) == _canonical(right)
    return Difference(path, Change.SAME if same else Change.CHANGED, left, right)


def _keys(left: dict[str, Any], right: dict[str, Any], path: Path) -> list[Difference]:
    found: list[Difference] = []
    for key, value in left.items():
        if key in right:
            found += compare_values(value, right[key], (*path, key))
        else:
            found.append(Difference((*path, key), Change.REMOVED, left=value))
    found += [Difference((*path, key), Change.ADDED, right=right[key]) for key in right if key not in left]
    return found


def _items(left: list[Any], right: list[Any], path: Path) -> list[Difference]:
    found: list[Difference] = []
    for start, stop, other_start, other_stop in _blocks(left, right):
        paired = min(stop - start, other_stop - other_start)
        for place in range(paired):
            at = (*path, start + place)
            found += compare_values(left[start + place], right[other_start + place], at)
        found += [
            Difference((*path, place), Change.REMOVED, left=left[place])
            for place in range(start + paired, stop)
        ]
        found += [
            Difference((*path, place), Change.ADDED, right=right[place])
            for place in range(other_start + paired, other_stop)
        ]
    return found


def _blocks(left: Sequence[Any], right: Sequence[Any]) -> Iterable[tuple[int, int, int, int]]:
    """Places that belong together, so that an item put in does not change all that follow."""
    matcher = None
    if max(len(left), len(right)) <= ALIGNED_ITEMS:
        texts = [*map(_canonical, left)], [*map(_canonical, right)]
        matcher = compared(*texts, _ALIGNING_STEPS, autojunk=False)
    if matcher is None:
        return [(0, len(left), 0, len(right))]
    return [block[1:] for block in matcher.get_opcodes()]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _pair(left: StepView | None, right: StepView | None) -> StepPair:
    if left is None or right is None:
        step = left or right
        name = step.step_id if step else ""
        change = Change.ADDED if left is None else Change.REMOVED
        return StepPair(name, change, left, right, seconds(left), seconds(right))
    took, other = seconds(left), seconds(right)
    differs = left.status is not right.status or _apart(took, other)
    return StepPair(left.step_id, Change.CHANGED if differs else Change.SAME, left, right, took, other)


def _apart(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return left is not right
    apart = abs(left - right)
    return apart > _LEAST_SECONDS and apart > _LEAST_SHARE * max(left, right)


def seconds(step: StepView | None) -> float | None:
    """How long a step took; None while it has not ended."""
    if step is None or step.started_at is None or step.finished_at is None:
        return None
    return (step.finished_at - step.started_at).total_seconds()
