"""At which level a call is made: what is wanted of it, and what can be had."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.contracts.sandbox_level import SandboxLevel, SandboxWish, highest_wish
from engine.tools.failure import permission_denied
from engine.tools.sandbox_spec import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.contracts.tool import ToolSpec
    from engine.governance.tools_layer import ToolBounds
    from engine.tools.context import CallRules, ToolContext, ToolLimits
    from engine.tools.sandbox.bubblewrap import Bubblewrap

_LAYER = "the pack's tools layer"


async def confined(
    spec: ToolSpec,
    level: SandboxLevel,
    rules: CallRules,
    bounds: ToolBounds | None,
    limits: ToolLimits,
    context: ToolContext,
    bubblewrap: Callable[[], Bubblewrap],
) -> tuple[SandboxLevel, ToolLimits]:
    """The level in force for a call, and its limits. `level` is that of its back end.

    Raises ToolFailure (permission_denied) where a level that is demanded cannot be had.
    """
    own = highest_wish(spec.sandbox, bounds.level if bounds is not None else None, rules.sandbox)
    if level != "process":
        if level == "policy" and own == "isolated":
            message = f"{spec.name} works in the engine's own process, which cannot be isolated"
            raise permission_denied(message, {"reason": "sandbox_unavailable"})
        return level, limits
    wish = highest_wish(own, rules.layer.level if rules.layer is not None else None)
    program = await isolating(limits, wish, spec.name, bubblewrap)
    if program is None:
        return level, limits
    sandbox = await asyncio.to_thread(_sandbox, program, bounds, limits, context)
    return "isolated", replace(limits, isolated_in=sandbox)


def require_level(spec: ToolSpec, level: SandboxLevel, rules: CallRules, bounds: ToolBounds | None) -> None:
    """For a tool of something that runs already. Raises ToolFailure where a call of it is to be isolated."""
    of_tool = bounds.level if bounds is not None else None
    of_layer = rules.layer.level if rules.layer is not None else None
    wish = highest_wish(of_tool, of_layer, rules.sandbox)
    if wish == "isolated" and level != "isolated":
        message = f"{spec.name} is to be isolated, and its server is not: `sandbox` of the server says so"
        raise permission_denied(message, {"reason": "sandbox_unavailable"})


async def isolating(
    limits: ToolLimits, wish: SandboxWish, what: str, bubblewrap: Callable[[], Bubblewrap]
) -> str | None:
    """The program that isolates; None where the call is not isolated. Raises ToolFailure as `confined`."""
    demanded = limits.sandbox == "isolated" or wish == "isolated"
    if not demanded and not (wish == "isolated_if_possible" and limits.sandbox == "auto"):
        return None
    found = await asyncio.to_thread(bubblewrap)
    if found.program is None and demanded:
        by = "the setting tools.sandbox" if limits.sandbox == "isolated" else "its pack, step or parameters"
        message = f"{what} is to be isolated ({by}), which cannot be had here: {found.words}"
        raise permission_denied(message, {"reason": "sandbox_unavailable"})
    return found.program


def only(limits: ToolLimits, *, reads: tuple[Path, ...] = (), writes: tuple[Path, ...] = ()) -> ToolLimits:
    """The limits of a call that, where it is isolated, needs no more than these: places that it may enter."""
    if limits.isolated_in is None:
        return limits
    sandbox = SandboxSpec(limits.isolated_in.program, reads=reads, writes=writes, denied=limits.denied_roots)
    return replace(limits, isolated_in=sandbox)


def _sandbox(
    program: str, bounds: ToolBounds | None, limits: ToolLimits, context: ToolContext
) -> SandboxSpec:
    """What the call sees. Raises ToolFailure for bounds that this level cannot hold."""
    workdir, attached = context.workdir, context.input_dir
    reads = (*limits.sandbox_reads, *(() if attached is None else (attached,)))
    bare = SandboxSpec(program, reads=reads, hidden=limits.hidden_roots, denied=limits.denied_roots)
    if bounds is None:
        return replace(bare, writes=(workdir,), folder="write")
    if bounds.network == "egress_allowlist":
        message = f"{_LAYER} lets single hosts be reached, which holds for no process: say none or full"
        raise permission_denied(message, {"reason": "sandbox_unavailable"})
    bare = replace(bare, network=bounds.network == "full")
    match bounds.filesystem:
        case "none":
            return replace(bare, reads=limits.sandbox_reads, empty=(workdir,))
        case "read_only":
            return replace(bare, reads=(*bare.reads, *limits.allowed_roots), writes=(workdir,), folder="read")
        case "read_write":
            return replace(bare, writes=(*limits.allowed_roots, workdir), folder="write")
        case "scoped":
            scopes = limits.scoped_roots or ()
            for scope in scopes:
                _require_unmoved(scope)
            return replace(bare, writes=(*scopes, workdir), folder="write")


def _require_unmoved(scope: Path) -> None:
    """Raises ToolFailure for a scope that somebody has put a link in the place of: it was resolved before."""
    if scope.resolve() != scope:
        raise permission_denied(f"{str(scope)!r}, a scoped path of {_LAYER}, is a symbolic link by now")
