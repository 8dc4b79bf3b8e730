"""What a server lists, as tools: names that flows can write, effects and risk, a digest of what it said."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.status import Effects, Risk
from engine.contracts.tool import ToolSpec
from engine.safe_text import sanitize
from engine.values import canonical_json, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.tools.mcp.settings import McpServer

BACK_END = "mcp"
MAX_TOOLS = 500
"""Tools of one server; those that it lists after these are left out."""
_MAX_NAME = 120
_MAX_DESCRIPTION = 2_000
_MAX_SCHEMA_BYTES = 64 * 1024
_MAX_LEFT_OUT = 20
_EFFECTS = tuple(Effects)
_RISKS = tuple(Risk)


@dataclass(frozen=True, slots=True)
class Hints:
    """What a server says of a tool; None where it says nothing."""

    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None


@dataclass(frozen=True, slots=True)
class RemoteTool:
    """A tool as its server told it; nothing of it is believed yet."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    hints: Hints = Hints()


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool that can be called. `digest` covers everything that its server said of it."""

    spec: ToolSpec
    remote_name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What a server offers, by our names; `left_out` says in words what it lists that cannot be called."""

    tools: Mapping[str, ListedTool] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def listing_of(server: str, settings: McpServer, found: Iterable[RemoteTool]) -> Listing:
    """The tools under names of ours. Of two that would have the same name neither is called."""
    named: dict[str, list[ListedTool]] = {}
    left_out: list[str] = []
    for number, remote in enumerate(found):
        if number >= MAX_TOOLS:
            left_out.append(f"what it lists after {MAX_TOOLS} tools")
            break
        listed = _listed(server, settings, remote)
        if isinstance(listed, str):
            left_out.append(f"{sanitize(remote.name, limit=80)}: {listed}")
        else:
            named.setdefault(listed.spec.name, []).append(listed)
    tools = {name: several[0] for name, several in sorted(named.items()) if len(several) == 1}
    for name, several in named.items():
        if len(several) > 1:
            words = ", ".join(sanitize(each.remote_name, limit=80) for each in several[:5])
            left_out.append(f"{words}: they would all be {name}")
    return Listing(tools, tuple(left_out[:_MAX_LEFT_OUT]))


def closed_spec(tool: str, settings: McpServer) -> ToolSpec:
    """A tool of which its server has said nothing yet: it may do whatever a tool of that server may."""
    effects, risk = judged(Hints(), settings)
    return ToolSpec(name=tool, backend=BACK_END, effects=effects, risk=risk)


def judged(hints: Hints, settings: McpServer) -> tuple[Effects, Risk]:
    """Effects and risk of a tool: what the operator says at the least, and what its server's hints add.

    Of a trusted server all hints count, with the protocol's defaults for those it does not give. Of another
    one only those that say that the tool does more.
    """
    if settings.trusted:
        reads = hints.read_only is True
        effects = Effects.OUTSIDE if hints.open_world is not False else Effects.LOCAL
        risk = Risk.HIGH if hints.destructive is not False else Risk.MEDIUM
        said = (Effects.NONE, Risk.LOW) if reads else (effects, risk)
        floor = (settings.effects or Effects.NONE, settings.risk or Risk.LOW)
    else:
        effects = Effects.LOCAL if hints.read_only is False else Effects.NONE
        if hints.destructive is True:
            effects = Effects.LOCAL
        if hints.open_world is True and hints.read_only is not True:
            effects = Effects.OUTSIDE
        said = (effects, Risk.HIGH if hints.destructive is True else Risk.LOW)
        floor = (settings.effects or Effects.OUTSIDE, settings.risk or Risk.HIGH)
    return (
        max(said[0], floor[0], key=_EFFECTS.index),
        max(said[1], floor[1], key=_RISKS.index),
    )


def our_name(server: str, remote_name: str) -> str | None:
    """`<server>.<tool>` in lower case, with `_` for what no name may hold; None where nothing is left."""
    own = re.sub(r"[^a-z0-9]+", "_", remote_name[:_MAX_NAME].lower()).strip("_")
    name = f"{server}.{own}"
    return name if own and len(name) <= _MAX_NAME else None


def _listed(server: str, settings: McpServer, remote: RemoteTool) -> ListedTool | str:
    """The tool, or why it cannot be called."""
    name = our_name(server, remote.name)
    if name is None or len(remote.name) > _MAX_NAME:
        return "no name for a tool"
    schema = dict(remote.schema) or {"type": "object"}
    if schema.get("type", "object") != "object":
        return "its parameters are no object"
    try:
        if len(canonical_json(schema)) > _MAX_SCHEMA_BYTES:
            return f"its schema has more than {_MAX_SCHEMA_BYTES // 1024} kB"
        hints = remote.hints
        said = [hints.read_only, hints.destructive, hints.idempotent, hints.open_world]
        digest = digest_of([remote.name, remote.description, schema, said])
    except (ValueError, TypeError, RecursionError):
        return "its schema is no JSON"
    effects, risk = judged(remote.hints, settings)
    spec = ToolSpec(
        name=name,
        description=sanitize(remote.description, multiline=True, limit=_MAX_DESCRIPTION),
        parameters=schema,
        backend=BACK_END,
        effects=effects,
        risk=risk,
        idempotent=settings.trusted and remote.hints.idempotent is True,
    )
    return ListedTool(spec, remote.name, digest)
