"""Packs as data: the manifest, problems with their place, and what readers see (design: packs)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from engine.contracts.flow import AutonomyLevel
from engine.contracts.model import Contract
from engine.contracts.status import Risk

PACK_ID = r"^[a-z][a-z0-9-]*$"


class Author(Contract):
    """Who made a pack."""

    name: str = Field(min_length=1, max_length=200)
    signature: str | None = None
    provenance: str | None = None


class Compatibility(Contract):
    """What a pack needs from the engine."""

    framework_min: str | None = None
    framework_max: str | None = None
    required_tools: tuple[str, ...] = ()
    required_memory: tuple[str, ...] = ()


class PackManifest(Contract):
    """`profession-pack.yaml`. Layers come with their own schemas; here they are not yet accepted."""

    schema_version: str = Field(pattern=r"^\d+\.\d+$")
    pack_id: str = Field(pattern=PACK_ID, max_length=80)
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$", max_length=40)
    name: str | None = Field(default=None, max_length=200)
    description: str = Field(default="", max_length=4000)
    risk_level: Risk = Risk.LOW
    author: Author
    compatibility: Compatibility = Field(default_factory=Compatibility)


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


class PackView(Contract):
    """A pack as listed: loaded, or broken with its problems."""

    pack: str
    version: str | None = None
    name: str | None = None
    description: str = ""
    risk_level: Risk | None = None
    digest: str | None = None
    source: Literal["shipped", "home"]
    trusted: bool = Field(description="Whether the pack's own code (tools.py) may run.")
    has_code: bool = False
    flows: tuple[FlowView, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def valid(self) -> bool:
        """True when the pack can start runs."""
        return not self.problems
