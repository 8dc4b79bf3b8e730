"""Names of a pack's tools compared with what MCP servers listed last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.flows.plan_step import PlanProposalStep
from engine.contracts.flows.tool_step import ToolStep
from engine.contracts.packs.pack import Problem
from engine.machine.model.graph import walk_steps
from engine.tools.mcp.settings import server_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.packs.loaded_pack import LoadedPack
    from engine.tools.mcp.records import ServerView


def compared(pack: LoadedPack, servers: Sequence[ServerView]) -> tuple[list[Problem], list[Problem]]:
    """Names that their server did not list, and notes on those that could not be checked."""
    known = {server.server: server for server in servers}
    problems: list[Problem] = []
    notes: list[Problem] = []
    for file, tool in sorted(set(_named(pack))):
        server = known.get(server_of(tool))
        if server is None:
            continue
        if server.state != "ready":
            why = "was never asked" if server.state == "unasked" else "could not be used"
            message = f"`{tool}` is not checked: the MCP server {server.server} {why} (`vasini tools --ask`)"
            notes.append(Problem(file=file, message=message, found=tool))
        elif tool not in {spec.name for spec in server.tools}:
            message = f"the MCP server {server.server} listed no `{tool}` when it was last asked"
            problems.append(Problem(file=file, message=message, found=tool))
    return problems, notes


def _named(pack: LoadedPack) -> Iterator[tuple[str, str]]:
    """Tools of steps and agents, with the file of their flow."""
    for flow in pack.flows.values():
        file = pack.flow_files.get(flow.id, "")
        for step in walk_steps(flow.outermost):
            if isinstance(step, ToolStep) and not step.chosen:
                yield file, step.tool
            elif isinstance(step, AgentStep | PlanProposalStep):
                for tool in step.tools or ():
                    yield file, tool
