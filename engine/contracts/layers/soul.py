"""The soul layer: who the agent is and how it speaks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.schema_version import SchemaVersion


class SoulIdentity(Contract):
    """Name and languages."""

    name: str = Field(description="What the agent is called.")
    language: str = Field(description="Language it answers in, such as `en`.")
    languages: tuple[str, ...] = Field(default=(), description="Languages it understands.")


class SoulPersonality(Contract):
    """How it carries itself."""

    communication_style: Literal["formal", "professional", "casual", "academic"] = Field(
        default="professional", description="Register of its language."
    )
    verbosity: Literal["concise", "balanced", "detailed"] = Field(
        default="balanced", description="How much it says."
    )
    proactivity: Literal["reactive", "balanced", "proactive"] = Field(
        default="balanced", description="How much it suggests unasked."
    )
    confidence_expression: Literal["cautious", "balanced", "assertive"] = Field(
        default="balanced", description="How firmly it states what it is sure of."
    )


class SoulTone(Contract):
    """Tone by situation."""

    default: str = Field(default="", description="Tone when nothing special happens.")
    on_success: str = Field(default="", description="Tone when something worked.")
    on_error: str = Field(default="", description="Tone when something failed.")
    on_uncertainty: str = Field(default="", description="Tone when it is not sure.")


class SoulAdaptations(Contract):
    """What changes with the person or the moment."""

    beginner_user: str = Field(default="", description="With somebody new to the subject.")
    expert_user: str = Field(default="", description="With somebody who knows the subject.")
    crisis_mode: str = Field(default="", description="When there is no time.")


class Soul(Contract):
    """Identity, personality, tone and principles."""

    schema_version: SchemaVersion = Field(default="1.0", description="Version of the pack format.")
    identity: SoulIdentity = Field(
        default_factory=lambda: SoulIdentity(name="Agent", language="en"), description="Name and languages."
    )
    personality: SoulPersonality = Field(
        default_factory=SoulPersonality, description="How it carries itself."
    )
    tone: SoulTone = Field(default_factory=SoulTone, description="Tone by situation.")
    principles: tuple[str, ...] = Field(
        default=(), min_length=3, max_length=7, description="What it holds to; 3 to 7 when there are any."
    )
    adaptations: SoulAdaptations = Field(
        default_factory=SoulAdaptations, description="What changes with the person or the moment."
    )
