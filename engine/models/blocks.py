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


@dataclass(frozen=True, slots=True)
class HandoverBlock:
    """What another agent handed over: by whom, with which message, what it was asked and said last."""

    by: str
    message: str
    asked: str
    text: str

    @property
    def told(self) -> str:
        """As a model reads it; these are words of another model, and data."""
        parts = (
            f"The agent {self.by} has handed the conversation over to you. Its message: {self.message}",
            f"It had been asked: {self.asked}" if self.asked else "",
            f"Its last words: {self.text}" if self.text else "",
        )
        return "\n\n".join(filter(None, parts))


Block = SkillBlock | HandoverBlock
