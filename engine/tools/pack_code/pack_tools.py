"""A pack's own tools: described once per digest, called in a killable process each time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.contracts.packs.pack import Problem
from engine.contracts.tool import ToolSpec
from engine.errors import PackInvalid
from engine.tools.awaiting import AnswerAwaited, awaited_answer
from engine.tools.failure import ToolFailure, from_os_error, returned_failure, told_failure
from engine.tools.process.ask import ask
from engine.tools.registry import RegisteredTool
from engine.tools.sandbox.bubblewrap import bubblewrap
from engine.tools.sandbox.confining import isolating
from engine.tools.sandbox_spec import SandboxSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.contracts.sandbox_level import SandboxLevel
    from engine.tools.context import PackCode, ToolContext, ToolLimits
    from engine.tools.sandbox.bubblewrap import Bubblewrap

_HOST = Path(__file__).with_name("pack_host.py")
_FILE = "tools.py"
_DESCRIBE_SECONDS = 30.0
_MAX_CACHED = 64


@dataclass(frozen=True, slots=True)
class PackFunction:
    """A public function of `tools.py` as a tool."""

    spec: ToolSpec
    function: str
    takes_context: bool


class PackBackEnd:
    """Finds and runs the tools of packs; descriptions are kept per pack and digest."""

    name: str = "pack"
    sandbox: SandboxLevel = "process"

    def __init__(
        self,
        limits: ToolLimits,
        reserved: Callable[[str], bool],
        bubblewrap: Callable[[], Bubblewrap] = bubblewrap,
    ) -> None:
        self._limits = limits
        self._reserved = reserved
        self._bubblewrap = bubblewrap
        self._described: dict[tuple[str, str], dict[str, RegisteredTool]] = {}
        self._describing: dict[tuple[str, str], asyncio.Lock] = {}

    async def find(self, tool: str, code: PackCode | None) -> RegisteredTool | None:
        """The tool of that name, if the pack's code defines it. Raises PackInvalid."""
        if code is None or not tool.startswith(tool_prefix(code.pack)):
            return None
        return (await self._tools(code)).get(tool)

    async def _tools(self, code: PackCode) -> dict[str, RegisteredTool]:
        key = (code.pack, code.digest)
        if (known := self._described.get(key)) is not None:
            return known
        # side by side, each caller would start a process for the same answer
        async with self._describing.setdefault(key, asyncio.Lock()):
            try:
                known = self._described.get(key)
                return known if known is not None else await self._read(key, code)
            finally:
                self._describing.pop(key, None)

    async def _read(self, key: tuple[str, str], code: PackCode) -> dict[str, RegisteredTool]:
        functions = await describe_functions(code, await self._limits_to_read(code))
        self._refuse_reserved(functions)
        tools = {function.spec.name: self._registered(code, function) for function in functions}
        while len(self._described) >= _MAX_CACHED:
            del self._described[next(iter(self._described))]
        self._described[key] = tools
        return tools

    async def _limits_to_read(self, code: PackCode) -> ToolLimits:
        """Reading what it offers runs its code, too."""
        program = await isolating(self._limits, code.sandbox, f"the code of {code.pack}", self._bubblewrap)
        return self._limits if program is None else replace(self._limits, isolated_in=SandboxSpec(program))

    def _refuse_reserved(self, functions: tuple[PackFunction, ...]) -> None:
        taken = [function for function in functions if self._reserved(function.spec.name)]
        if taken:
            raise _invalid(
                [Problem(file=_FILE, message=f"{tool.spec.name} is a built-in tool's name") for tool in taken]
            )

    def _registered(self, code: PackCode, function: PackFunction) -> RegisteredTool:
        async def call(params: dict[str, Any], context: ToolContext) -> Any:
            return await call_function(code, function, params, context)

        return RegisteredTool(function.spec, call)


def tool_prefix(pack: str) -> str:
    """What the names of a pack's tools start with."""
    return pack.replace("-", "_") + "."


async def describe_functions(code: PackCode, limits: ToolLimits) -> tuple[PackFunction, ...]:
    """The public functions in a pack's `tools.py`, read in a process of its own.

    Raises PackInvalid with every problem's line.
    """
    try:
        async with asyncio.timeout(_DESCRIBE_SECONDS):
            request = {"mode": "describe", **_source(code)}
            answer = await ask(_HOST, request, Path("/"), limits, f"reading {_FILE}")
    except TimeoutError as error:
        message = f"reading {_FILE} did not end within {_DESCRIBE_SECONDS:g} s"
        raise _invalid([Problem(file=_FILE, message=message)]) from error
    except ToolFailure as failure:
        raise _invalid([Problem(file=_FILE, message=failure.message)]) from failure
    problems = [
        Problem(file=found.get("file", _FILE), line=found["line"], message=found["message"])
        for found in answer["problems"]
    ]
    functions: list[PackFunction] = []
    for found in answer.get("tools", []):
        try:
            functions.append(_function(code, found))
        except ValidationError:
            message = f"function {found['name']}: a tool's name has lower-case letters, digits and `_` only"
            problems.append(Problem(file=_FILE, message=message))
    if problems:
        raise _invalid(problems)
    return tuple(functions)


async def call_function(
    code: PackCode, tool: PackFunction, params: dict[str, Any], context: ToolContext
) -> Any:
    """Run one function of a pack. Raises ToolFailure, AnswerAwaited."""
    limits = context.limits
    request = {
        "mode": "call",
        **_source(code),
        "function": tool.function,
        "takes_context": tool.takes_context,
        "params": params,
        "context": {
            "run_id": context.run_id,
            "tenant": context.tenant,
            "pack": context.pack,
            "flow": context.flow,
            "step_id": context.step_id,
            "attempt": context.attempt,
            "idempotency_key": context.idempotency_key,
            "workdir": str(context.workdir),
            "input_dir": str(context.input_dir) if context.input_dir is not None else None,
            "data": dict(context.data),
        },
        "max_output_bytes": limits.max_output_bytes,
    }
    try:
        await asyncio.to_thread(context.workdir.mkdir, parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, "cannot make the run's working directory") from error
    answer = await ask(_HOST, request, context.workdir, limits, f"tool {tool.spec.name!r}", context.output)
    if "error" in answer:
        raise _failure(code, answer["error"])
    if (returned := returned_failure(answer["data"])) is not None:
        raise returned
    awaited = awaited_answer(answer["data"])
    if awaited is not None:
        raise AnswerAwaited(awaited)
    return answer["data"]


def _failure(code: PackCode, error: dict[str, Any]) -> ToolFailure:
    file, line = error.get("file"), error.get("line")
    place = f" ({code.pack}/{file}:{line})" if line else ""
    failure = told_failure(
        error["code"], error["message"] + place, error.get("recoverable"), error.get("details")
    )
    failure.details |= {"file": file, "line": line} if line else {}
    return failure


def _function(code: PackCode, found: dict[str, Any]) -> PackFunction:
    spec = ToolSpec(
        name=tool_prefix(code.pack) + found["name"],
        description=found["description"],
        parameters=found["parameters"],
        backend="pack",
    )
    return PackFunction(spec, found["name"], found["takes_context"])


def _source(code: PackCode) -> dict[str, Any]:
    return {"pack": code.pack, "files": dict(code.files)}


def _invalid(problems: list[Problem]) -> PackInvalid:
    return PackInvalid(
        "; ".join(str(problem) for problem in problems),
        {"problems": [problem.model_dump() for problem in problems]},
    )
