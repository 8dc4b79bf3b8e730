"""command.run: a listed command as an argument vector, no shell."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.preview import Preview
from engine.contracts.status import Effects, Risk, StepErrorCode
from engine.contracts.tool import ToolSpec
from engine.foreign_json import whole_characters
from engine.threads import run_stoppable
from engine.tools.builtin.effects.command_effect import CommandEffect, require_plain
from engine.tools.builtin.files.paths import path_scope
from engine.tools.failure import ToolFailure, from_os_error, invalid_input, not_found, permission_denied
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from engine.contracts.sandbox_level import SandboxWish
    from engine.tools.context import ToolContext, ToolLimits
    from engine.tools.process.command_runner import CommandOutcome, CommandRunner

RUN = ToolSpec(
    name="command.run",
    effects=Effects.OUTSIDE,
    description="Run a listed command without a shell, in its own process group with limits.",
    output={
        "returncode": "the status it ended with; negative: the signal",
        "stdout": "what it wrote, as `parse` says: a text, a list of lines, or a JSON value",
        "stderr": "what it wrote there, a text",
    },
    parameters={
        "type": "object",
        "properties": {
            "argv": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 10_000},
            "cwd": {"type": "string", "minLength": 1},
            "stdin": {"type": "string"},
            "timeout": {"type": "number", "exclusiveMinimum": 0},
            "check": {"type": "boolean"},
            "env": {"type": "object", "additionalProperties": {"type": "string"}},
            "parse": {"enum": ["text", "lines", "json"]},
            "effect": {"enum": ["preview"], "description": "What is approved is what it changes, on a copy."},
        },
        "required": ["argv"],
        "additionalProperties": False,
    },
    backend="command",
    risk=Risk.HIGH,
)


def command_tools(runner: CommandRunner) -> Iterator[RegisteredTool]:
    """The command tool."""

    async def act(
        params: dict[str, Any], cwd: Path, context: ToolContext, limits: ToolLimits
    ) -> dict[str, Any]:
        outcome = await runner.run(
            params["argv"],
            cwd,
            limits=limits,
            home=context.workdir,
            stdin=params.get("stdin", "").encode(),
            timeout=params.get("timeout"),
            env_extra=params.get("env", {}),
            sink=context.output,
        )
        return _output(params, outcome, limits)

    async def run(params: dict[str, Any], context: ToolContext) -> Any:
        _require_listed(params["argv"][0], context.limits)
        _require_listed_names(params.get("env", {}), context.limits)
        cwd = await run_stoppable(lambda _stop: _working_directory(params.get("cwd"), context))
        if params.get("effect") == "preview":
            require_plain(params)
            return await CommandEffect(cwd, params, context).commit()
        return await act(params, cwd, context, context.limits)

    async def preview(params: dict[str, Any], context: ToolContext) -> Preview:
        from engine.tools.process.command_runner import child_environment  # noqa: PLC0415 - seldom

        names = child_environment(context.workdir, context.limits, params.get("env", {}))
        shown = await run_stoppable(lambda _stop: _preview(params, context, sorted(names)))
        if params.get("effect") != "preview":
            return shown
        require_plain(params)
        path_scope(context.limits).require_writable(params.get("cwd", "the work folder"))
        cwd = await run_stoppable(lambda _stop: _working_directory(params.get("cwd"), context))
        effect = CommandEffect(cwd, params, context)
        return await effect.look(
            shown.text.splitlines()[:2], lambda limits: act(params, cwd, context, limits)
        )

    yield RegisteredTool(RUN, run, preview, _wish)


def _wish(params: Any) -> SandboxWish:
    """What is looked at before it is approved is run isolated."""
    looked_at = isinstance(params, dict) and params.get("effect") == "preview"
    return "isolated" if looked_at else "process"


def _output(params: dict[str, Any], outcome: CommandOutcome, limits: ToolLimits) -> dict[str, Any]:
    """What the tool brings. Raises ToolFailure for a command that failed or wrote too much."""
    name = params["argv"][0]
    if outcome.returncode != 0 and params.get("check", True):
        raise command_failed(name, outcome)
    if outcome.truncated:
        raise ToolFailure(
            StepErrorCode.CONTRACT_VIOLATION,
            f"command {name!r} met the limit tools.max_output_bytes: {limits.max_output_bytes}",
            recoverable=False,
            details={"limit": limits.max_output_bytes, **_ends(outcome)},
        )
    return {
        "returncode": outcome.returncode,
        "stdout": _parsed(name, outcome, params.get("parse", "text")),
        "stderr": outcome.stderr.decode("utf-8", "replace"),
    }


def _preview(params: dict[str, Any], context: ToolContext, names: Sequence[str]) -> Preview:
    """The argument vector, where it runs and what it sees. Raises ToolFailure."""
    argv: list[str] = params["argv"]
    _require_listed(argv[0], context.limits)
    _require_listed_names(params.get("env", {}), context.limits)
    cwd = params.get("cwd")
    folder = path_scope(context.limits).root(cwd) if cwd is not None and cwd.startswith("/") else None
    sandbox = context.limits.isolated_in
    if sandbox is not None and sandbox.folder == "write" and folder is not None:
        sandbox = replace(sandbox, writes=(*sandbox.writes, folder))
    lines = [
        f"argv: {json.dumps(argv, ensure_ascii=False)}",
        f"folder: {folder or context.workdir / (cwd or '.')}",
        f"environment: {', '.join(names)}",
        f"stdin: {len(params.get('stdin', '').encode())} bytes",
        *(["sandbox: process"] if sandbox is None else sandbox.told()),
    ]
    return Preview(kind="command", summary=f"runs {shlex.join(argv)[:200]}", text="\n".join(lines))


def command_failed(name: str, outcome: CommandOutcome) -> ToolFailure:
    """The failure of a command that ended with another status than 0; the ends of what it wrote are kept."""
    how = f"status {outcome.returncode}" if outcome.returncode >= 0 else f"signal {-outcome.returncode}"
    limit = f": {outcome.met_limit}" if outcome.met_limit else ""
    return ToolFailure(
        StepErrorCode.BACKEND_ERROR,
        f"command {name!r} ended with {how}{limit}",
        details={"returncode": outcome.returncode, **_ends(outcome)},
    )


def _ends(outcome: CommandOutcome) -> dict[str, str]:
    return {"stdout": outcome.stdout_end, "stderr": outcome.stderr_end}


def _parsed(name: str, outcome: CommandOutcome, parse: str) -> Any:
    """Standard output as text, as lines without their ends, or as the JSON value it is."""
    text = outcome.stdout.decode("utf-8", "replace")
    if parse == "lines":
        return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []
    if parse == "json":
        try:
            whole = whole_characters(text.encode()).decode()
            return json.loads(whole, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ToolFailure(
                StepErrorCode.CONTRACT_VIOLATION,
                f"command {name!r}: what it wrote is no JSON: {error}",
                details={"returncode": outcome.returncode, **_ends(outcome)},
            ) from None
    return text


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _require_listed_names(environment: Mapping[str, str], limits: ToolLimits) -> None:
    for name, value in environment.items():
        if name not in limits.command_env:
            raise permission_denied(f"env {name!r} is not listed in the setting tools.command_env")
        if "\0" in value:
            raise invalid_input(f"env {name!r} may not hold NUL")


def _require_listed(name: str, limits: ToolLimits) -> None:
    if not limits.command_allowlist:
        raise permission_denied(
            f"command {name!r} is refused: no command is allowed until the setting tools.command_allowlist "
            "names it"
        )
    if name not in limits.command_allowlist:
        raise permission_denied(f"command {name!r} is not listed in the setting tools.command_allowlist")


def _working_directory(cwd: str | None, context: ToolContext) -> Path:
    scope = path_scope(context.limits)
    try:
        context.workdir.mkdir(parents=True, exist_ok=True)  # it is HOME, wherever the command runs
    except OSError as error:
        raise from_os_error(error, "cannot make the run's working directory") from error
    if cwd is not None and cwd.startswith("/"):
        return scope.root(cwd)
    if cwd is None:
        return context.workdir
    inside = scope.resolve(str(context.workdir), cwd).real
    if not inside.is_dir():
        raise not_found(f"cwd {cwd!r} is not a directory of the run's working directory")
    return inside
