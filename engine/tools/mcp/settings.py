"""What an operator says about MCP servers: each by a name, how it is reached, what its word is worth."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from engine.contracts.sandbox_level import SandboxWish
from engine.contracts.status import Effects, Risk
from engine.safe_files.naming import at_home

RESERVED = frozenset({"command", "data", "files", "flow", "git", "http", "outside", "person", "run", "text"})
"""What the names of built-in tools and of flows as tools begin with: no server is called so."""
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts to which headers may be sent in the clear."""

VALUE_MARKS = (_SECRET, _TEXT) = ("[secret]", "[text]")
"""What pydantic's places of faults hold beside what was written."""


def variable_name(name: str) -> str:
    """The name, if a program may be given a variable of that name. Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or name.startswith("VASINI_"):
        raise ValueError("must be the name of an environment variable, and none of vasini's own")
    return name


def _header_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name):
        raise ValueError("must be the name of a header")
    return name


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("may hold no line ends and no other control characters")
    return text


def plain_url(text: str) -> str:
    """The URL, if it holds nothing that opens it. Raises ValueError."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("must be an http or https URL")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError(
            "may hold no user name, password or fragment; what opens it is a header by reference"
        )
    return text


def _free_name(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"is what built-in tools begin with ({', '.join(sorted(RESERVED))})")
    return name


def _absolute(path: Path) -> Path:
    expanded = at_home(path)
    if not expanded.is_absolute():
        raise ValueError("must be an absolute path")
    return expanded


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class SecretReference(_Group):
    """`{$secret: name}`: the secret of that name."""

    secret: Annotated[str, Field(alias="$secret", pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]


VariableName = Annotated[str, AfterValidator(variable_name)]
ServerName = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40), AfterValidator(_free_name)
]
PlainText = Annotated[str, AfterValidator(_plain), Field(max_length=10_000)]


def _mark_of(value: object) -> str:
    return _SECRET if isinstance(value, dict | SecretReference) else _TEXT


TextOrSecret = Annotated[
    Annotated[SecretReference, Tag(_SECRET)] | Annotated[PlainText, Tag(_TEXT)], Discriminator(_mark_of)
]
"""A text, or a secret by reference: a fault is told of the one that was written."""
HeaderName = Annotated[str, AfterValidator(_header_name)]
_Place = Annotated[Path, AfterValidator(_absolute)]


class McpServer(_Group):
    """One server: `command` (an argument vector, started here) or `url` (streamable HTTP).

    `trusted`: its hints may say that a tool does little; else they can only say that it does more than
    `effects` and `risk`, which are `outside` and `high` unless given. An isolated one has its own folder,
    `reads`, `writes` and, with `network`, the network.
    """

    command: tuple[PlainText, ...] = ()
    url: Annotated[str, AfterValidator(plain_url)] | None = None
    env: dict[VariableName, TextOrSecret] = Field(default_factory=dict)
    headers: dict[HeaderName, TextOrSecret] = Field(default_factory=dict)
    trusted: bool = False
    effects: Effects | None = None
    risk: Risk | None = None
    sandbox: SandboxWish = "process"
    network: bool = False
    reads: tuple[_Place, ...] = ()
    writes: tuple[_Place, ...] = ()
    start_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0

    @model_validator(mode="after")
    def _is_one_of_two(self) -> McpServer:
        if bool(self.command) == (self.url is not None):
            raise ValueError("a server has either `command`, an argument vector, or `url`")
        if self.command and not self.command[0].strip():
            raise ValueError("`command` begins with a program")
        of_the_other = ("headers",) if self.command else ("env", "reads", "writes", "network", "sandbox")
        wrong = sorted(self.model_fields_set.intersection(of_the_other))
        if wrong:
            raise ValueError(f"`{wrong[0]}` is not of a server with `{'command' if self.command else 'url'}`")
        return self

    @model_validator(mode="after")
    def _secrets_are_not_sent_in_the_clear(self) -> McpServer:
        url = urlsplit(self.url or "")
        if self.headers and url.scheme == "http" and url.hostname not in THIS_MACHINE:
            raise ValueError("headers are sent over https, or http on this machine")
        return self


class McpSettings(_Group):
    """All servers by name. Their tools are called `<name>.<tool>`."""

    servers: dict[ServerName, McpServer] = Field(default_factory=dict)


def server_of(tool: str) -> str:
    """What a tool's name begins with: the server's, if it is one of a server."""
    return tool.partition(".")[0]
