"""Skills: Markdown with YAML front matter, one procedure a file."""

from __future__ import annotations

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.status import Risk


class SkillFrontMatter(Contract):
    """What stands between the two `---` lines of a skill file."""

    id: str = Field(
        min_length=1,
        max_length=80,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        description="Id within the pack.",
    )
    name: str = Field(description="Name for people.")
    description: str = Field(default="", description="What the skill is.")
    trigger: str = Field(description="When the agent uses it.")
    required_tools: tuple[str, ...] = Field(default=(), description="Tools it cannot do without.")
    risk_level: Risk = Field(default=Risk.LOW, description="Risk of using it.")
    estimated_duration: str = Field(default="", description="How long it takes, in words.")


class Skill(SkillFrontMatter):
    """A skill with its text."""

    body: str = Field(default="", description="The Markdown behind the front matter.")
