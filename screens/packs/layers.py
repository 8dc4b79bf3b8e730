"""The layers of a pack as values, and the files that the one under the cursor is composed of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.contracts.packs.agent import ComposedAgent

_LAYERS = ("soul", "role", "tools", "skills", "guardrails", "memory", "workflow")
_SKILL = re.compile(r"skills\[(\d+)\]")


def layer_values(agent: ComposedAgent | None) -> dict[str, object]:
    """Every layer with its defaults, by its name."""
    if agent is None:
        return {}
    document = agent.model_dump(mode="json", by_alias=True)
    return {name: document[name] for name in _LAYERS}


def format_sources(agent: ComposedAgent | None, path: str) -> str:
    """From which files comes the layer, or the skill, that a path of the tree is in: what overrides first."""
    if agent is None:
        return "The layers cannot be composed: see Problems."
    layer = re.split(r"[.\[]", path, maxsplit=1)[0]
    if skill := _SKILL.match(path):
        layer = f"skills.{skill[1]}"
    return " · ".join(
        f"{source.layer}: {' ← '.join(source.files) or source.form}"
        for source in agent.sources
        if source.layer == layer or source.layer.startswith(f"{layer}.")
    )
