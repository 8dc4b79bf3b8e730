"""How far in a graph each of its steps stands, for whoever draws it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def step_layers(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """0 for steps that need nothing, else one more than the furthest they need; needed ones come first.

    Needs that are not there count for nothing.
    """
    layers: dict[str, int] = {}
    left = list(needs)
    while left:
        ready = [step for step in left if all(need in layers for need in needs[step] if need in needs)]
        for step in ready or left[:1]:  # in a circle, which no loaded flow has, somebody comes first
            layers[step] = max((layers[need] + 1 for need in needs[step] if need in layers), default=0)
        left = [step for step in left if step not in layers]
    return dict(sorted(layers.items(), key=lambda item: item[1]))
