"""The only door to tools: resolve, allow, check, run with a deadline, check again, strike out secrets.

The executor never raises: whatever a tool does ends in a ToolResult. The one exception is
`asyncio.CancelledError`, which passes through once the tool is gone.
"""

from __future__ import annotations

import asyncio
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.contracts.tool import ToolError, ToolMeta, ToolResult, ToolSpec
from engine.errors import Refused, VasiniError
from engine.tools.failure import ToolFailure, from_os_error, invalid_input, not_found, permission_denied
from engine.tools.output import json_output
from engine.tools.pack_code.pack_tools import PackTools
from engine.tools.secret_references import Redaction, resolve_references

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.tools.context import PackCode, ToolContext, ToolLimits
    from engine.tools.registry import RegisteredTool, ToolRegistry

_MAX_MESSAGE = 2000
_NO_SECRETS: Mapping[str, str] = MappingProxyType({})
_SILENT = Redaction(set())


class ToolExecutor:
    """Runs tools of a registry, and of a pack's own code, under the operator's limits."""

    def __init__(
        self, registry: ToolRegistry, limits: ToolLimits, secrets: Mapping[str, str] = _NO_SECRETS
    ) -> None:
        self._registry = registry
        self._limits = limits
        self._secrets = secrets
        self._packs = PackTools(limits, reserved=lambda name: registry.find(name) is not None)

    async def pack_specs(self, code: PackCode) -> tuple[ToolSpec, ...]:
        """The tools a pack's code defines, cached by its digest.

        Raises Refused (`pack_untrusted`) and PackInvalid.
        """
        return await self._packs.specs(code)

    async def known(self, name: str, code: PackCode | None = None) -> bool:
        """Whether `call` would find a tool of that name. Raises as `pack_specs`."""
        if self._registry.find(name) is not None:
            return True
        return code is not None and await self._packs.find(name, code) is not None

    async def call(
        self,
        name: str,
        params: Any,
        context: ToolContext,
        *,
        timeout: float | None = None,
        code: PackCode | None = None,
    ) -> ToolResult:
        """Run one tool. `timeout` in seconds replaces the spec's; `code` adds a pack's own tools.

        Parameters may hold `{"$secret": "NAME"}`; the value reaches the tool only. Raises nothing
        but CancelledError.
        """
        started = time.perf_counter()
        tool: RegisteredTool | None = None
        used: set[str] = set()
        error: ToolError
        try:
            tool = await self._resolve(name, code)
            arguments = resolve_references(params, self._lookup(code), used)
            data = await self._run(tool, arguments, context, timeout)
            data = json_output(data, self._limits.max_output_bytes)
            if used:
                data = Redaction(used).value(data)
            return ToolResult.success(data, _meta(name, tool, started))
        except ToolFailure as failure:
            error = _error(failure, Redaction(used) if used else _SILENT)
        except asyncio.CancelledError:
            if _cancel_requested():
                raise
            error = _error(_crash("the tool cancelled itself"), _SILENT)
        except (Exception, SystemExit) as crash:  # noqa: BLE001 - the edge: any failure of a tool is recorded
            error = _error(_unexpected(crash), Redaction(used))
        return ToolResult.failure(error, _meta(name, tool, started))

    async def _resolve(self, name: str, code: PackCode | None) -> RegisteredTool:
        tool = self._registry.find(name)
        if tool is None and code is not None:
            tool = await self._packs.find(name, code)
        if tool is None:
            raise not_found(f"there is no tool named {name!r}")
        if name in self._limits.blocked_tools:
            raise permission_denied(f"tool {name!r} is blocked by the setting tools.blocked_tools")
        if self._limits.allowed_tools and name not in self._limits.allowed_tools:
            raise permission_denied(f"tool {name!r} is not listed in the setting tools.allowed_tools")
        return tool

    def _lookup(self, code: PackCode | None) -> Any:
        if code is None or not code.secrets:
            return self._secrets.get
        return lambda secret: code.secrets.get(secret, self._secrets.get(secret))

    @staticmethod
    async def _run(tool: RegisteredTool, params: Any, context: ToolContext, replaced: float | None) -> Any:
        faults = tool.check(params)
        if faults:
            raise _invalid_parameters(tool.spec.name, faults)
        task = asyncio.current_task()
        cancels = task.cancelling() if task else 0
        seconds = tool.spec.timeout if replaced is None else replaced
        try:
            async with asyncio.timeout(seconds) as deadline:
                data = await tool.function(params, context)
        except TimeoutError as error:
            raise _late(tool.spec.name, seconds) from error
        if deadline.expired():
            raise _late(tool.spec.name, seconds)
        if task and task.cancelling() > cancels:  # the tool swallowed the cancellation
            raise asyncio.CancelledError
        return data


def _cancel_requested() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _late(name: str, seconds: float) -> ToolFailure:
    return ToolFailure(
        StepErrorCode.TIMEOUT,
        f"tool {name!r} did not end within {seconds:g} s",
        recoverable=True,
        details={"timeout": seconds},
    )


def _invalid_parameters(name: str, faults: list[tuple[str, str]]) -> ToolFailure:
    where, what = faults[0]
    return invalid_input(
        f"parameters of {name!r}: {where or 'the whole'}: {what}",
        {"errors": [{"field": where, "message": what} for where, what in faults]},
    )


def _unexpected(error: BaseException) -> ToolFailure:
    if isinstance(error, Refused):
        return permission_denied(error.message, {"reason": error.code.value, **error.details})
    if isinstance(error, VasiniError):
        return ToolFailure(StepErrorCode.BACKEND_ERROR, error.message, details={"reason": error.code.value})
    if isinstance(error, OSError) and error.errno:
        return from_os_error(error, "the tool failed")
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - the edge: a foreign exception may fail to print itself
        words = "(no message)"
    return _crash(f"{type(error).__name__}: {words}")


def _crash(message: str) -> ToolFailure:
    return ToolFailure(StepErrorCode.BACKEND_ERROR, message)


def _error(failure: ToolFailure, redaction: Redaction) -> ToolError:
    """The failure as data that is safe to store and show; redacted before it is cut."""
    try:
        details = redaction.value(json_output(failure.details, 64 * 1024))
    except ToolFailure:
        details = {}
    message = redaction.text(failure.message)[:_MAX_MESSAGE].encode("utf-8", "backslashreplace").decode()
    return ToolError(code=failure.code, message=message, recoverable=failure.recoverable, details=details)


def _meta(name: str, tool: RegisteredTool | None, started: float) -> ToolMeta:
    backend = tool.spec.backend if tool else "none"
    return ToolMeta(
        tool=name,
        backend=backend,
        sandbox="policy" if backend in ("local", "none") else "process",
        latency_ms=(time.perf_counter() - started) * 1000,
    )
