"""What an operator says about tools that are called over HTTP: each by its name, where it is."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from engine.contracts.status import Effects, Risk
from engine.tools.mcp.settings import (
    RESERVED,
    THIS_MACHINE,
    HeaderName,
    SecretReference,
    TextOrSecret,
    plain_url,
    server_of,
)

_OWN_HEADERS = frozenset(
    {
        *("host", "connection", "content-length", "transfer-encoding"),
        *("content-type", "accept", "accept-encoding", "idempotency-key"),
    }
)
"""What every call says itself: a second one beside it is no request."""


def _free_name(name: str) -> str:
    if server_of(name) in RESERVED:
        raise ValueError(f"begins as built-in tools do ({', '.join(sorted(RESERVED))})")
    return name


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    from engine.json_schema.check import check_schema  # noqa: PLC0415 - for the few who give one

    found = check_schema(schema)
    if found or schema.get("type") != "object":
        raise ValueError(f"must be a JSON Schema of the type object{': ' + found[0] if found else ''}")
    return schema


def _free_header(name: str) -> str:
    if name.lower() in _OWN_HEADERS:
        raise ValueError("is a header that the call has itself")
    return name


def _sendable(value: str | SecretReference) -> str | SecretReference:
    if isinstance(value, str) and (not value.isascii() or value != value.strip()):
        raise ValueError("must be ASCII without spaces around it, as headers are")
    return value


RemoteName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$", max_length=120),
    AfterValidator(_free_name),
]

_FreeHeader = Annotated[HeaderName, AfterValidator(_free_header)]
_Sendable = Annotated[TextOrSecret, AfterValidator(_sendable)]


class RemoteTool(BaseModel):
    """One tool: `endpoint` takes a POST for each call, and answers with the envelope of tools."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    endpoint: Annotated[str, AfterValidator(plain_url)]
    headers: dict[_FreeHeader, _Sendable] = Field(default_factory=dict)
    timeout_seconds: Annotated[float, Field(gt=0, le=86_400)] = 30.0
    description: Annotated[str, Field(max_length=2_000)] = ""
    parameters: Annotated[dict[str, Any], AfterValidator(_schema)] = Field(
        default_factory=lambda: {"type": "object"}
    )
    effects: Effects = Effects.OUTSIDE
    risk: Risk = Risk.HIGH

    @model_validator(mode="after")
    def _headers_are_single_and_not_sent_in_the_clear(self) -> RemoteTool:
        if len({name.lower() for name in self.headers}) < len(self.headers):
            raise ValueError("a header stands there twice: their names have no case")
        url = urlsplit(self.endpoint)
        if self.headers and url.scheme == "http" and url.hostname not in THIS_MACHINE:
            raise ValueError("headers are sent over https, or http on this machine")
        return self
