"""The role layer: what the agent is for and what it can do. The only layer without a default."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.schema_version import SchemaVersion


class RoleGoal(Contract):
    """What the role is for."""

    primary: str = Field(description="The one goal that comes first.")
    secondary: tuple[str, ...] = Field(default=(), description="Further goals.")


class SkillMetric(Contract):
    """A figure a competency is measured by."""

    name: str = Field(description="Name of the figure.")
    target: float = Field(description="Value to reach.")


class CompetencySkill(Contract):
    """One competency."""

    id: str = Field(description="Id within the role.")
    name: str = Field(description="Name for people.")
    level: Literal["novice", "competent", "proficient", "expert", "master"] = Field(
        default="competent", description="How well it is mastered."
    )
    evidence: tuple[str, ...] = Field(default=(), description="What shows it.")
    tasks: tuple[str, ...] = Field(default=(), description="What it is used for.")
    metrics: tuple[SkillMetric, ...] = Field(default=(), description="Figures it is measured by.")


class CompetencyGraph(Contract):
    """Competencies of the role."""

    skills: tuple[CompetencySkill, ...] = Field(default=(), description="One entry a competency.")


class DomainKnowledge(Contract):
    """Fields the role knows."""

    primary: tuple[str, ...] = Field(default=(), description="Known well.")
    secondary: tuple[str, ...] = Field(default=(), description="Known in passing.")


class Role(Contract):
    """Title, goal, competencies and limits of the role."""

    schema_version: SchemaVersion = Field(default="1.0", description="Version of the pack format.")
    title: str = Field(description="Name of the profession.")
    domain: str = Field(description="Field of work.")
    seniority: Literal["junior", "middle", "senior", "lead", "principal"] = Field(
        default="middle", description="How experienced."
    )
    goal: RoleGoal = Field(description="What the role is for.")
    backstory: str = Field(default="", description="Where the experience comes from.")
    competency_graph: CompetencyGraph = Field(
        default_factory=CompetencyGraph, description="Competencies with their levels."
    )
    domain_knowledge: DomainKnowledge = Field(
        default_factory=DomainKnowledge, description="Fields the role knows."
    )
    limitations: tuple[str, ...] = Field(default=(), description="What it does not do.")
