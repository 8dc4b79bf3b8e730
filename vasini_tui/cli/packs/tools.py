"""`vasini tools`: what flows can call, with parameters, effects and risk, also over MCP and HTTP."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from engine.contracts.actor import Role
from engine.errors import NotFound
from engine.safe_text import sanitize
from engine.tools.mcp.settings import server_of
from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode
from vasini_tui.output import json_text
from vasini_tui.server_text import server_line
from vasini_tui.settings.places import make_places
from vasini_tui.wiring import engine_config

if TYPE_CHECKING:
    from engine.contracts.tool import ToolSpec
    from engine.tools.mcp.records import ServerView
    from vasini_tui.output import Output
    from vasini_tui.wiring import Session


def tools(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one, in full.")] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Start the MCP servers of the settings and ask what they offer now.")
    ] = False,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """List tools: built in, of MCP servers, over HTTP."""
    return Invocation(partial(_tools, name=name, ask=ask), as_json, act_as)


async def _tools(session: Session, *, name: str | None, ask: bool) -> int:
    from engine.tools.builtin.all import builtin_registry  # noqa: PLC0415 - no other command needs it here

    servers = await _servers(session, ask=ask)
    listed = (
        *builtin_registry().specs(),
        *_over_http(session),
        *(spec for server in servers for spec in server.tools),
    )
    specs = [spec for spec in listed if name in {None, spec.name}]
    if not specs:
        words = f"there is no tool {name}; `vasini tools` lists them, `vasini pack show` those of a pack"
        raise NotFound(words, {"tool": name})
    if session.out.as_json:
        session.out.document(
            {
                "tools": [spec.model_dump(mode="json") for spec in specs],
                "servers": [server.model_dump(mode="json", exclude={"tools"}) for server in servers],
            }
        )
    elif name is None:
        rows = ((spec.name, spec.effects, spec.risk, _in_short(spec)) for spec in specs)
        session.out.table(("TOOL", "EFFECTS", "RISK", "DOES"), rows)
        for server in servers:
            session.out.line(server_line(server))
    else:
        _show(session.out, specs[0])
    return ExitCode.OK


def _over_http(session: Session) -> tuple[ToolSpec, ...]:
    """Tools that the settings declare as called over HTTP."""
    declared = session.loaded.values.tools.remote
    if not declared:
        return ()
    from engine.tools.remote.calling import remote_spec  # noqa: PLC0415 - few have any

    return tuple(remote_spec(name, settings) for name, settings in sorted(declared.items()))


async def _servers(session: Session, *, ask: bool) -> tuple[ServerView, ...]:
    """The declared servers; with `ask` they are started, and gone again."""
    if not session.loaded.values.tools.mcp.servers:
        return ()
    from engine.governance.access import access_of  # noqa: PLC0415 - few have servers
    from engine.runtime.server_changes import declared_servers  # noqa: PLC0415 - few have servers
    from engine.tools.mcp.records import views  # noqa: PLC0415 - likewise

    config = engine_config(session.loaded)
    if ask:
        access = access_of(config.operators, session.actor, session.tenant, all_tenants=session.all_tenants)
        access.require(Role.OPERATOR, session.actor)
        make_places(session.loaded.places)
        async with declared_servers(config).open() as servers:
            await servers.ask_all()
    return await asyncio.to_thread(views, config.servers_dir, config.rules.mcp)


def _in_short(spec: ToolSpec) -> str:
    """A server's words are as long as it likes."""
    first = spec.description.strip().splitlines()[:1]
    return sanitize(first[0] if first else "", limit=100)


def _show(out: Output, spec: ToolSpec) -> None:
    out.line(f"{spec.name}: {spec.description}")
    if spec.backend == "mcp":
        out.line(f"of the MCP server {server_of(spec.name)}, in its words")
    if spec.backend == "http":
        out.line("called over HTTP (tools.remote)")
    level = f", sandbox {spec.sandbox}" if spec.sandbox != "process" else ""
    out.line(f"effects {spec.effects}, risk {spec.risk}{level}")
    out.line("Parameters")
    required = set(spec.parameters.get("required", ()))
    out.pairs(
        (f"  {name}{' (required)' if name in required else ''}", json_text(schema))
        for name, schema in spec.parameters.get("properties", {}).items()
    )
    if not spec.output:
        return
    out.line("Output")
    out.pairs((f"  {name}", words) for name, words in spec.output.items())
