"""A graph of steps as lines of text: what needs more stands further in, below what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.flows.step_layers import step_layers

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
    layers = step_layers(needs)
    last = next(reversed(layers), "")
    return [
        DrawnStep(step, f"{'└' if step == last else '├'}{'──' * min(layer, _DEEPEST)}")
        for step, layer in layers.items()
    ]
