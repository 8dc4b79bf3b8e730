"""Packs as data: the manifest, problems with their place, and what readers see."""

from __future__ import annotations

from datetime import date as Date  # noqa: N812 - a field is named `date`
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from engine.contracts.governing.slo import SloTargets
from engine.contracts.model import Contract
from engine.contracts.schema_version import SchemaVersion
from engine.contracts.status import AutonomyLevel, Risk
from engine.contracts.times import Timestamp

PACK_ID = r"^[a-z][a-z0-9-]*$"
# semver.org without build metadata, which is ours: `+edited`
VERSION = (
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?$"
)

MemoryKind = Literal["short_term", "episodic", "factual", "cross_session"]


class Author(Contract):
    """Who made a pack."""

    name: str = Field(min_length=1, max_length=200, description="Name of the person or team.")
    signature: str | None = Field(default=None, description="Signature of the pack's content.")
    provenance: str | None = Field(default=None, description="Where the pack comes from.")


class Compatibility(Contract):
    """What a pack needs from the engine; it is refused where it is not met."""

    framework_min: str | None = Field(
        default=None, description="Lowest version it runs with, such as `0.1.0`."
    )
    framework_max: str | None = Field(
        default=None, description="Highest version it runs with, such as `1.x` or `0.9.3`."
    )
    required_tools: tuple[str, ...] = Field(default=(), description="Tools it cannot do without.")
    required_memory: tuple[MemoryKind, ...] = Field(
        default=(), description="Kinds of memory it cannot do without."
    )


class TestedWith(Contract):
    """One evaluation the pack has passed."""

    __test__ = False

    framework: str | None = Field(default=None, description="Version it was evaluated with.")
    eval_version: str | None = Field(default=None, description="Version of the evaluation.")
    eval_score: float | None = Field(default=None, ge=0, le=1, description="Its result.")
    date: Date | None = Field(default=None, description="Day of the evaluation.")


class FileReference(Contract):
    """A layer in a file of its own."""

    file: str = Field(description="Path of the file, relative to the file that names it.")


class ExtendsReference(Contract):
    """A layer made from another one."""

    extends: str = Field(description="Path of the base, relative to the file that names it.")
    override: dict[str, Any] = Field(
        default_factory=dict, description="Mappings merge into the base, lists and scalars replace."
    )


LayerReference = dict[str, Any]
"""One of `FileReference`, `ExtendsReference` or the layer's own fields; the composer tells which."""


class PackManifest(Contract):
    """`profession-pack.yaml`."""

    schema_version: SchemaVersion = Field(description="Version of the pack format.")
    pack_id: str = Field(pattern=PACK_ID, max_length=80, description="Id of the pack.")
    version: str = Field(
        pattern=VERSION, max_length=40, description="Version of the pack, such as `1.2.0` or `1.3.0-rc.1`."
    )
    name: str | None = Field(default=None, max_length=200, description="Name for people.")
    description: str = Field(default="", max_length=4000, description="What the pack is for.")
    risk_level: Risk = Field(default=Risk.MEDIUM, description="How much harm it could do.")
    author: Author = Field(description="Who made it.")
    compatibility: Compatibility = Field(
        default_factory=Compatibility, description="What it needs from the engine."
    )
    llm: str | None = Field(
        default=None, min_length=1, max_length=60, description="Model or tier that its agents ask."
    )
    soul: LayerReference | None = Field(default=None, description="Who the agent is.")
    role: LayerReference | None = Field(default=None, description="What it is for.")
    tools: LayerReference | None = Field(default=None, description="Tools it may use.")
    skills: tuple[LayerReference, ...] = Field(default=(), description="Procedures it knows.")
    guardrails: LayerReference | None = Field(default=None, description="What it may not do.")
    memory: LayerReference | None = Field(default=None, description="What it remembers.")
    workflow: LayerReference | None = Field(default=None, description="Procedures that run as flows.")
    slo: SloTargets | None = Field(default=None, description="What it promises of its runs.")
    tested_with: tuple[TestedWith, ...] = Field(default=(), description="Evaluations it has passed.")


class Problem(Contract):
    """One fault in a pack file: where, what was found, what was expected."""

    file: str
    line: int | None = None
    column: int | None = None
    field: str = ""
    message: str
    found: str | None = None
    expected: str | None = None

    def __str__(self) -> str:
        place = (
            self.file + (f":{self.line}" if self.line else "") + (f":{self.column}" if self.column else "")
        )
        field = f" {self.field}:" if self.field else ""
        return f"{place}:{field} {self.message}"


class FlowView(Contract):
    """A flow that can be started."""

    pack: str
    flow: str
    description: str = ""
    version: str
    autonomy_level: AutonomyLevel
    input_schema: dict[str, Any]
    steps: int
    converses: bool = Field(default=False, description="It takes a `message`, and its agent waits for more.")


class PackState(StrEnum):
    """Whether a pack can start runs, and why not."""

    OK = "ok"
    STALE = "stale"
    BROKEN = "broken"
    UNTRUSTED_CODE = "untrusted-code"


class RunsOfVersion(Contract):
    """Runs that are not over, by the content they pinned."""

    label: str
    digest: str
    runs: int


class PackView(Contract):
    """A pack as listed. Everything but `problems` is about the content in force.

    A stale pack has problems in its files and goes on with the last content that had none.
    """

    pack: str
    state: PackState
    version: str | None = None
    label: str = Field(
        default="", description="The version; `1.2.0+edited` when that was published with other content."
    )
    published: bool = Field(default=False, description="This very content is published.")
    name: str | None = None
    description: str = ""
    risk_level: Risk | None = None
    llm: str | None = Field(default=None, description="Model or tier that its agents ask.")
    digest: str | None = None
    source: Literal["shipped", "home"]
    directory: str = Field(default="", description="Where its files are.")
    trusted: bool = Field(description="Whether the pack's own code (tools.py) may run.")
    has_code: bool = False
    flows: tuple[FlowView, ...] = ()
    problems: tuple[Problem, ...] = ()
    not_in_force: tuple[Problem, ...] = Field(
        default=(), description="What its layers ask for and this version does not do, with its place."
    )
    runs: tuple[RunsOfVersion, ...] = ()
    runs_in_all: int = Field(default=0, description="Its runs, also those that are over.")
    loaded_at: Timestamp | None = Field(
        default=None, description="When this process last found other files than before."
    )

    @property
    def valid(self) -> bool:
        """True when the pack can be loaded; `untrusted-code` still waits for the operator."""
        return self.state is not PackState.BROKEN
