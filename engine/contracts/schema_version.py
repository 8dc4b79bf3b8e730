"""The version of the pack format that a manifest or layer file is written in."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

KNOWN_SCHEMA_VERSIONS = ("1.0",)


def _known(version: str) -> str:
    if version not in KNOWN_SCHEMA_VERSIONS:
        known = ", ".join(KNOWN_SCHEMA_VERSIONS)
        raise PydanticCustomError("unknown_schema_version", "{known}", {"known": known})
    return version


SchemaVersion = Annotated[
    str,
    Field(pattern=r"^\d+\.\d+$", json_schema_extra={"enum": list(KNOWN_SCHEMA_VERSIONS)}),
    AfterValidator(_known),
]
