"""Versions of packs: what is in force, what was published, what changed, and whose code was trusted."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.packs.agent import ComposedAgent, FlowOutline
from engine.contracts.packs.pack import PackView, Problem
from engine.contracts.times import Timestamp


class SignatureState(StrEnum):
    """What is known about a signature."""

    NONE = "none"
    UNCHECKED = "unchecked"
    VERIFIED = "verified"


class PackVersion(Contract):
    """One published version; its content never changes."""

    pack: str
    version: str
    digest: str
    latest: bool = Field(description="Highest version; a pre-release only while there is nothing else.")
    published_at: Timestamp
    published_by: str
    author: str
    provenance: str | None = None
    signature: str | None = None
    signature_state: SignatureState = SignatureState.NONE
    signed_by: str | None = Field(default=None, description="Name of the configured key that verified it.")
    sbom: str | None = Field(default=None, description="Software bill of materials, as it was handed in.")


class CodeReview(Contract):
    """A pack's own code as it would run, and whether anybody trusted exactly this text."""

    pack: str
    label: str
    file: str
    digest: str
    text: str
    trusted: bool
    trusted_by: str | None = Field(default=None, description="None also for shipped packs.")
    trusted_at: Timestamp | None = None


class DiffLine(Contract):
    """One line: kept, added or removed, with its numbers before and after."""

    kind: Literal["same", "added", "removed"]
    before: int | None = None
    after: int | None = None
    text: str


class TextDiff(Contract):
    """What changed in one file or layer; `lines` are the changes with some lines around them."""

    name: str
    change: Literal["added", "removed", "changed"]
    lines: tuple[DiffLine, ...]
    added: int = Field(description="Lines added in all.")
    removed: int = Field(description="Lines removed in all.")
    shortened: bool = Field(default=False, description="There are more lines than `lines` holds.")


class PackSide(Contract):
    """One side of a diff."""

    pack: str
    label: str
    digest: str


class PackDiff(Contract):
    """What lies between two contents; nothing when they are the same."""

    before: PackSide
    after: PackSide
    layers: tuple[TextDiff, ...] = Field(
        default=(), description="Manifest, layers, skills, flows, code: what they amount to, as YAML."
    )
    files: tuple[TextDiff, ...] = Field(default=(), description="Files as they are written.")


class SourceFile(Contract):
    """The text of a file with problems, as it was read, and what is wrong with it."""

    file: str
    text: str | None = Field(description="None when there is no text: missing, too large, not UTF-8.")
    problems: tuple[Problem, ...]


class PackDetail(Contract):
    """A pack in full."""

    view: PackView
    agent: ComposedAgent | None = Field(description="Every layer; None while one of them is broken.")
    outlines: tuple[FlowOutline, ...] = Field(default=(), description="Flows that can be started.")
    files: tuple[str, ...] = Field(description="Files of the content in force.")
    sources: tuple[SourceFile, ...] = Field(default=(), description="Files with problems.")
    versions: tuple[PackVersion, ...] = Field(default=(), description="Newest version first.")
    last_change: PackDiff | None = Field(
        default=None, description="From the content before to the one in force; None until it changed."
    )
    rejected: PackDiff | None = Field(
        default=None, description="From the content in force to the broken files of a stale pack."
    )
    signing_digest: str = Field(description="What an Ed25519 signature of this content signs.")


class PackOutcome(StrEnum):
    """How looking at a pack again ended."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    FAILED = "failed"


class PackNotice(Contract):
    """One pack that changed on disk, as the feed tells it."""

    pack: str
    label: str
    outcome: PackOutcome
    problems: int = 0
    first_problem: Problem | None = None
