"""`vasini tools`: what flows can call, with parameters, output, effects and risk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import NotFound
from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode
from vasini_tui.output import json_text

if TYPE_CHECKING:
    from engine.contracts.tool import ToolSpec
    from vasini_tui.output import Output
    from vasini_tui.wiring import Session


def tools(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this one, in full.")] = None,
    as_json: AsJson = False,
    act_as: ActAs = None,
) -> Invocation:
    """List the built-in tools, or show one."""
    return Invocation(partial(_tools, name=name), as_json, act_as)


async def _tools(session: Session, *, name: str | None) -> int:
    from engine.tools.builtin.all import builtin_registry  # noqa: PLC0415 - no other command needs it here

    specs = [spec for spec in builtin_registry().specs() if name in {None, spec.name}]
    if not specs:
        words = (
            f"there is no built-in tool {name}; `vasini tools` lists them, `vasini pack show` those of a pack"
        )
        raise NotFound(words, {"tool": name})
    if session.out.as_json:
        session.out.document({"tools": [spec.model_dump(mode="json") for spec in specs]})
    elif name is None:
        rows = ((spec.name, spec.effects, spec.risk, spec.description) for spec in specs)
        session.out.table(("TOOL", "EFFECTS", "RISK", "DOES"), rows)
    else:
        _show(session.out, specs[0])
    return ExitCode.OK


def _show(out: Output, spec: ToolSpec) -> None:
    out.line(f"{spec.name}: {spec.description}")
    level = f", sandbox {spec.sandbox}" if spec.sandbox != "process" else ""
    out.line(f"effects {spec.effects}, risk {spec.risk}, {spec.timeout:g} s{level}")
    out.line("Parameters")
    required = set(spec.parameters.get("required", ()))
    out.pairs(
        (f"  {name}{' (required)' if name in required else ''}", json_text(schema))
        for name, schema in spec.parameters["properties"].items()
    )
    out.line("Output")
    out.pairs((f"  {name}", words) for name, words in spec.output.items())
