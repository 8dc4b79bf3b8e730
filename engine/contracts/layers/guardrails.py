"""The guardrails layer: what goes in, what goes out, what the agent may not do."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.contracts.layers.hook import Hook
from engine.contracts.model import Contract
from engine.contracts.schema_version import SchemaVersion


class PiiDetection(Contract):
    """Personal data in what comes in."""

    enabled: bool = Field(default=False, description="Whether input is searched for personal data.")
    action: Literal["warn", "redact", "block"] = Field(default="warn", description="What happens then.")


class ContentFilter(Contract):
    """Unwanted content in what comes in."""

    enabled: bool = Field(default=False, description="Whether input is filtered.")
    categories: tuple[str, ...] = Field(default=(), description="What is filtered.")


class InputGuardrails(Contract):
    """Checks of what comes in."""

    max_length: int = Field(default=50_000, ge=1, description="Most characters of input.")
    sanitization: bool = Field(default=True, description="Whether control characters are removed.")
    jailbreak_detection: bool = Field(
        default=False, description="Whether attempts to break rules are sought."
    )
    pii_detection: PiiDetection = Field(default_factory=PiiDetection, description="Personal data in input.")
    content_filter: ContentFilter = Field(
        default_factory=ContentFilter, description="Unwanted content in input."
    )


class HallucinationCheck(Contract):
    """Claims nothing supports."""

    enabled: bool = Field(default=False, description="Whether output is checked.")
    confidence_threshold: float = Field(default=0.8, ge=0, le=1, description="Least confidence accepted.")


class OutputGuardrails(Contract):
    """Checks of what goes out."""

    max_length: int = Field(default=100_000, ge=1, description="Most characters of output.")
    pii_check: bool = Field(default=False, description="Whether output is searched for personal data.")
    hallucination_check: HallucinationCheck = Field(
        default_factory=HallucinationCheck, description="Claims nothing supports."
    )
    format_validation: bool = Field(default=False, description="Whether the output's format is checked.")
    source_citation_required: bool = Field(default=False, description="Whether sources must be named.")


class BehavioralGuardrails(Contract):
    """What the agent may not do, must say, and must hand on."""

    prohibited_actions: tuple[str, ...] = Field(default=(), description="What it may never do.")
    required_disclaimers: tuple[str, ...] = Field(default=(), description="What it must say.")
    escalation_triggers: tuple[str, ...] = Field(default=(), description="When it asks a person.")
    max_autonomous_steps: int = Field(default=10, ge=1, description="Steps before it asks a person.")


class Compliance(Contract):
    """Rules from outside."""

    framework: tuple[str, ...] = Field(default=(), description="Standards that apply.")
    audit_all_decisions: bool = Field(default=False, description="Whether every decision is audited.")
    data_classification: Literal["public", "internal", "confidential", "restricted"] = Field(
        default="internal", description="How sensitive its data is."
    )


class Guardrails(Contract):
    """Input, output, behavior and compliance."""

    schema_version: SchemaVersion = Field(default="1.0", description="Version of the pack format.")
    input: InputGuardrails = Field(default_factory=InputGuardrails, description="Checks of what comes in.")
    output: OutputGuardrails = Field(default_factory=OutputGuardrails, description="Checks of what goes out.")
    behavioral: BehavioralGuardrails = Field(
        default_factory=BehavioralGuardrails, description="What it may not do, must say, must hand on."
    )
    hooks: tuple[Hook, ...] = Field(
        default=(), max_length=100, description="Rules that stop an agent, or one of its calls."
    )
    compliance: Compliance = Field(default_factory=Compliance, description="Rules from outside.")
