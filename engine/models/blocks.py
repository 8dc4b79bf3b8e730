"""Blocks that stand in a message before its text: what they are, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SkillBlock:
    """A skill of a pack, whole: its key is `pack/skill`, its digest the sha256 of its text."""

    key: str
    digest: str
    name: str
    trigger: str
    text: str

    @property
    def told(self) -> str:
        """As a model reads it: what it is and where it comes from, then its text."""
        head = f"Skill {self.key} (sha256 {self.digest[:12]}): {self.name}. When to use it: {self.trigger}"
        return f"{head}\n\n{self.text}"


Block = SkillBlock
