"""A graph of steps as lines of text: what needs more stands further in, below what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DEEPEST = 6
"""Steps further in are drawn no further, so that their names can be read."""


@dataclass(frozen=True, slots=True)
class DrawnStep:
    """One line: its step, and the rails before its name."""

    id: str
    rails: str


def drawn_graph(needs: Mapping[str, Sequence[str]]) -> list[DrawnStep]:
    """One line for each step, what it needs above it; needs that are not there count for nothing."""
    depth: dict[str, int] = {}
    left = list(needs)
    while left:
        ready = [step for step in left if all(need in depth for need in needs[step] if need in needs)]
        for step in ready or left[:1]:  # in a circle, which no loaded flow has, somebody comes first
            depth[step] = max((depth[need] + 1 for need in needs[step] if need in depth), default=0)
        left = [step for step in left if step not in depth]
    order = sorted(needs, key=lambda step: depth[step])
    return [
        DrawnStep(step, f"{'└' if step == order[-1] else '├'}{'──' * min(depth[step], _DEEPEST)}")
        for step in order
    ]
