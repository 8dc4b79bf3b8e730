"""The memory layer: what the agent remembers, for how long and how surely."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.quantity import Duration
from engine.contracts.schema_version import SchemaVersion


class ShortTermMemory(Contract):
    """Within a session."""

    enabled: bool = Field(default=True, description="Whether it is kept.")
    ttl: Duration = Field(default="24h", description="How long an entry lives.")
    max_entries: int = Field(default=100, ge=0, description="Most entries.")


class EpisodicMemory(Contract):
    """What happened."""

    enabled: bool = Field(default=False, description="Whether it is kept.")
    confidence_threshold: float = Field(default=0.75, ge=0, le=1, description="Least confidence stored.")
    retrieval_top_k: int = Field(default=10, ge=1, description="Entries recalled at once.")
    similarity_threshold: float = Field(default=0.7, description="Least similarity recalled.")
    source_required: bool = Field(default=True, description="Whether an entry names its source.")


class FactualMemory(Contract):
    """What is known."""

    enabled: bool = Field(default=False, description="Whether it is kept.")
    confidence_threshold: float = Field(default=0.95, ge=0, le=1, description="Least confidence stored.")
    requires_evidence: bool = Field(default=True, description="Whether a fact names its evidence.")
    requires_approval: bool = Field(default=False, description="Whether a person approves each fact.")
    versioned: bool = Field(default=True, description="Whether earlier values are kept.")


class CrossSessionMemory(Contract):
    """Between sessions."""

    enabled: bool = Field(default=False, description="Whether it is kept.")
    merge_strategy: Literal["latest", "highest_confidence", "manual"] = Field(
        default="latest", description="Which of two entries counts."
    )


class Memory(Contract):
    """Short-term, episodic, factual and cross-session memory."""

    schema_version: SchemaVersion = Field(default="1.0", description="Version of the pack format.")
    short_term: ShortTermMemory = Field(default_factory=ShortTermMemory, description="Within a session.")
    episodic: EpisodicMemory = Field(default_factory=EpisodicMemory, description="What happened.")
    factual: FactualMemory = Field(default_factory=FactualMemory, description="What is known.")
    cross_session: CrossSessionMemory = Field(
        default_factory=CrossSessionMemory, description="Between sessions."
    )
