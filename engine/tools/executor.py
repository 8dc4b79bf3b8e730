"""The only door to tools: a call passes the stages below in order, and ends in an envelope.

The executor never raises: whatever a tool does ends in a ToolResult. The one exception is
`asyncio.CancelledError`, which passes through once the tool is gone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from engine.contracts.model import unchecked
from engine.contracts.runs.preview import Preview
from engine.contracts.tool import AwaitedAnswer, ToolError, ToolMeta, ToolResult, ToolSpec
from engine.frozen import replace
from engine.governance.pipeline import ALLOWED, Outcome, Point, Subject, Verdict, check
from engine.large_values import off_loop_if_large
from engine.tools.awaiting import AnswerAwaited
from engine.tools.context import CallRules, ToolContext, ToolLimits
from engine.tools.failure import (
    ToolFailure,
    crashed,
    from_exception,
    invalid_input,
    late,
    permission_denied,
    require_fitting,
    unknown_tool,
)
from engine.tools.narrowing import narrowed
from engine.tools.output import json_output
from engine.tools.pack_code.pack_tools import PackBackEnd
from engine.tools.registry import BackEnds, FunctionBackEnd
from engine.tools.sandbox.bubblewrap import bubblewrap
from engine.tools.sandbox.confining import confined, require_level
from engine.tools.secret_references import Redaction, resolve_references
from engine.tools.slots import ToolSlot, ToolSlots

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.contracts.sandbox_level import SandboxLevel
    from engine.governance.tools_layer import ToolBounds, ToolsLayer
    from engine.tools.context import PackCode
    from engine.tools.mcp.servers import McpServers
    from engine.tools.registry import BackEnd, RegisteredTool, ToolRegistry
    from engine.tools.sandbox.bubblewrap import Bubblewrap

_LAYER_TIMEOUT = "sandbox.timeout of the pack's tools layer"
_MAX_MESSAGE = 2000
_NO_SECRETS: Mapping[str, str] = MappingProxyType({})
_NO_RULES = CallRules()


@dataclass(slots=True)
class ToolCall:
    """A call on its way through the stages; each fills in what it finds out."""

    name: str
    params: Any
    context: ToolContext
    rules: CallRules
    code: PackCode | None
    started: float = field(default_factory=time.perf_counter)
    tool: RegisteredTool | None = None
    back_end: BackEnd | None = None
    bounds: ToolBounds | None = None
    verdict: Verdict = ALLOWED
    level: SandboxLevel = "policy"
    seconds: float = 0.0
    deadline_name: str = ""
    secrets: set[str] = field(default_factory=set)
    data: Any = None
    error: ToolError | None = None
    awaits: AwaitedAnswer | None = None

    @property
    def found(self) -> RegisteredTool:
        """The tool, once it is resolved."""
        assert self.tool is not None
        return self.tool


Stage = Callable[[ToolCall], Awaitable[None] | None]
"""What waits for nothing is a plain function: a call takes its way through all of them."""


class ToolExecutor:
    """Runs tools of a registry, and of a pack's own code, under the operator's limits."""

    def __init__(
        self,
        registry: ToolRegistry,
        limits: ToolLimits,
        secrets: Mapping[str, str] = _NO_SECRETS,
        bubblewrap: Callable[[], Bubblewrap] = bubblewrap,
        servers: McpServers | None = None,
    ) -> None:
        self._servers: McpServers | None = None
        self._limits = limits
        self._slots = ToolSlots(limits)
        self._bubblewrap = bubblewrap
        self._secrets = secrets
        self._builtin = registry
        self.back_ends = BackEnds()
        self.back_ends.register(FunctionBackEnd("local", "policy", registry))
        self.back_ends.register(FunctionBackEnd("command", "process", registry))
        self.back_ends.register(FunctionBackEnd("http", "policy", registry))
        self.back_ends.register(PackBackEnd(limits, lambda name: registry.find(name) is not None, bubblewrap))
        if servers is not None:
            self.serve(servers)
        self.stages: tuple[tuple[str, Stage], ...] = (
            ("resolve", self._resolve),
            ("layer", self._layer),
            ("policy", self._policy),
            ("approval", self._approval),
            ("limits", self._held_to_limits),
            ("sandbox", self._sandbox),
            ("back end", self._back_end),
        )
        """In order; whatever comes of them is redacted and recorded in the envelope."""

    def serve(self, servers: McpServers) -> None:
        """Tools of these servers can be called from now on."""
        self._servers = servers
        self.back_ends.register(servers)

    def use_secrets(self, secrets: Mapping[str, str]) -> None:
        """Calls that begin from now on get these."""
        self._secrets = secrets

    def secret(self, name: str) -> str | None:
        """The secret of that name, as calls get it that begin now."""
        return self._secrets.get(name)

    def spec(self, name: str) -> ToolSpec | None:
        """The spec of a built-in tool, or what is known of one of an MCP server."""
        tool = self._builtin.find(name)
        if tool is None and self._servers is not None:
            return self._servers.spec(name)
        return tool.spec if tool is not None else None

    def faults(self, name: str, params: Any) -> list[tuple[str, str]]:
        """What of the parameters does not fit the tool of that name, by place; packs' are not known."""
        tool = self._builtin.find(name)
        if tool is None and self._servers is not None:
            tool = self._servers.known(name)
        return tool.check(params) if tool is not None else []

    def listed(self, name: str) -> str | None:
        """Digest of a tool as its MCP server lists it; None for every other one."""
        return self._servers.digest(name) if self._servers is not None else None

    async def get_ready(self, names: Iterable[str]) -> None:
        """Start what these tools need before they are planned. What cannot be started is told by a call."""
        if self._servers is not None:
            await self._servers.get_ready(names)

    async def offered(self, name: str, code: PackCode | None) -> ToolSpec | None:
        """The spec of a tool that can be called now, also of a pack's code. Raises PackInvalid."""
        try:
            found = await self.back_ends.find(name, code)
        except ToolFailure:
            return None
        return found[0].spec if found is not None else None

    def slot(self, name: str, tenant: str, timeout: float, layer: ToolsLayer | None) -> ToolSlot:
        """What a call of that tool holds while it is made: no more are made at once than the limits say.

        `timeout` is that of its rules, which the wait is a part of.
        """
        bounds = layer.bounds(name) if layer is not None else None
        return ToolSlot(self._slots, name, tenant, _deadline(timeout, "", bounds)[0])

    def may_preview(self, name: str) -> bool:
        """Whether a call of that tool may have something to show before it is made."""
        tool = self._builtin.find(name)
        return tool is None or tool.preview is not None or tool.spec.backend != "local"

    async def call(
        self,
        name: str,
        params: Any,
        context: ToolContext,
        *,
        rules: CallRules = _NO_RULES,
        code: PackCode | None = None,
    ) -> ToolResult:
        """Run one tool; `code` adds a pack's own tools.

        Parameters may hold `{"$secret": "NAME"}`; the value reaches the tool only. Raises nothing
        but CancelledError.
        """
        call = ToolCall(name, params, context, rules, code)
        try:
            for _, stage in self.stages:
                if (waiting := stage(call)) is not None:
                    await waiting
        except ToolFailure as failure:
            _redact_error(call, failure)
        except asyncio.CancelledError:
            if _cancel_requested():
                raise
            _redact_error(call, crashed("the tool cancelled itself"))
        except (Exception, SystemExit) as crash:  # noqa: BLE001 - the edge: any failure of a tool is recorded
            _redact_error(call, from_exception(crash))
        return _record(call)

    async def preview(
        self,
        name: str,
        params: Any,
        context: ToolContext,
        *,
        rules: CallRules = _NO_RULES,
        code: PackCode | None = None,
    ) -> Preview | None:
        """What the call would do, for tools that can say so; secrets stay references.

        A call that could not be made says so in its summary. Raises nothing but CancelledError.
        """
        call = ToolCall(name, params, context, rules, code)
        try:
            await self._resolve(call)
            self._layer(call)
            self._held_to_limits(call)
            await self._sandbox(call)
            named = resolve_references(params, "[SECRET {}]".format, set())
            if call.found.preview is not None:
                require_fitting(name, call.found.check(named))
                async with asyncio.timeout(call.seconds):
                    return await call.found.preview(named, call.context)
            sandbox = call.context.limits.isolated_in
            if sandbox is None:
                return None
            return Preview(kind="call", summary=f"calls {name}, isolated", text="\n".join(sandbox.told()))
        except ToolFailure as failure:
            return Preview(kind="unavailable", summary=failure.message)
        except TimeoutError:
            return Preview(kind="unavailable", summary=late(name, call.seconds, call.deadline_name).message)
        except Exception as crash:  # noqa: BLE001 - the edge: any failure of a tool is one of its call
            return Preview(kind="unavailable", summary=from_exception(crash).message)

    async def _resolve(self, call: ToolCall) -> None:
        found = await self.back_ends.find(call.name, call.code)
        if found is None:
            raise unknown_tool(call.name)
        call.tool, call.back_end = found
        call.level = call.tool.level or call.back_end.sandbox

    def _layer(self, call: ToolCall) -> None:
        """Which bounds the pack's tools layer gives this tool."""
        layer = call.rules.layer
        call.bounds = layer.bounds(call.name) if layer is not None else None

    def _policy(self, call: ToolCall) -> None:
        subject = Subject(tool=call.name, layer=call.rules.layer)
        call.verdict = check(Point.TOOL_CALL, subject, call.rules.policies)
        if call.verdict.denied:
            raise _refused(call.verdict)

    def _approval(self, call: ToolCall) -> None:
        """The run asks; here it only must have been asked."""
        if call.verdict.outcome is Outcome.PENDING_APPROVAL and not call.rules.approved:
            raise _refused(call.verdict)

    def _held_to_limits(self, call: ToolCall) -> None:
        rules = call.rules
        call.seconds, call.deadline_name = _deadline(rules.timeout, rules.timeout_of, call.bounds)

    async def _sandbox(self, call: ToolCall) -> None:
        tool, limits = call.found, self._limits
        if call.bounds is not None:
            limits = narrowed(limits, call.bounds, call.rules.scopes.get(call.name, ()))
        rules = call.rules
        if tool.wish is not None:
            rules = rules.wanting(tool.wish(call.params))
        if tool.level is not None:
            require_level(tool.spec, tool.level, rules, call.bounds)
            return
        call.level, limits = await confined(
            tool.spec, call.level, rules, call.bounds, limits, call.context, self._bubblewrap
        )
        call.context = replace(call.context, limits=limits)

    async def _back_end(self, call: ToolCall) -> None:
        tool = call.found
        arguments = resolve_references(call.params, self._secrets.get, call.secrets)
        if call.secrets and not tool.takes_secrets:
            raise invalid_input(f"{call.name} takes no secret: what it is given is kept and shown")
        if call.secrets and call.context.output is not None:
            call.context.output.hide(Redaction(call.secrets).text)
        require_fitting(call.name, await _faults(tool, arguments))
        task = asyncio.current_task()
        cancels = task.cancelling() if task else 0
        waited = call.rules.waited
        try:
            async with asyncio.timeout(call.seconds - waited) as deadline:
                data = await tool.function(arguments, call.context)
        except AnswerAwaited as awaiting:
            call.awaits = awaiting.awaited.without(Redaction(call.secrets).value)
            return
        except TimeoutError as error:
            raise late(call.name, call.seconds, call.deadline_name, waited) from error
        if deadline.expired():
            raise late(call.name, call.seconds, call.deadline_name, waited)
        if task and task.cancelling() > cancels:  # the tool swallowed the cancellation
            raise asyncio.CancelledError
        call.data = await off_loop_if_large(data, lambda: self._told(data, call.secrets))

    def _told(self, data: Any, secrets: set[str]) -> Any:
        """What the tool brought, as it may be kept. Raises ToolFailure."""
        plain = json_output(data, self._limits.max_output_bytes)
        return Redaction(secrets).value(plain) if secrets else plain


async def _faults(tool: RegisteredTool, arguments: Any) -> list[tuple[str, str]]:
    """What of the arguments does not fit: of a schema that is not ours in a thread, since it may have any
    number of choices for each value."""
    if tool.own_check is not None:
        return await asyncio.to_thread(tool.own_check, arguments)
    return await off_loop_if_large(arguments, lambda: tool.check(arguments))


def _deadline(seconds: float, set_by: str, bounds: ToolBounds | None) -> tuple[float, str]:
    """Seconds that a call may take, and what sets them: the smaller ones count."""
    if bounds is not None and bounds.timeout < seconds:
        return bounds.timeout, _LAYER_TIMEOUT
    return seconds, set_by


def _refused(verdict: Verdict) -> ToolFailure:
    return permission_denied(verdict.message, {"reason": verdict.reason.value, **verdict.details})


def _cancel_requested() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _redact_error(call: ToolCall, failure: ToolFailure) -> None:
    """The failure as data that is safe to store and show; redacted before it is cut."""
    redaction = Redaction(call.secrets)
    try:
        details = redaction.value(json_output(failure.details, 64 * 1024))
    except ToolFailure:
        details = {}
    message = redaction.text(failure.message)[:_MAX_MESSAGE].encode("utf-8", "backslashreplace").decode()
    call.error = ToolError(
        code=failure.code, message=message, recoverable=failure.recoverable, details=details
    )


def _record(call: ToolCall) -> ToolResult:
    meta = unchecked(
        ToolMeta,
        tool=call.name,
        backend=call.back_end.name if call.back_end is not None else "none",
        sandbox=call.level,
        latency_ms=(time.perf_counter() - call.started) * 1000,
        cost=None,
    )
    if call.error is not None:
        return ToolResult.failure(call.error, meta)
    if call.awaits is not None:
        return ToolResult(ok=True, awaits=call.awaits, meta=meta)
    return unchecked(ToolResult, ok=True, data=call.data, error=None, awaits=None, meta=meta)
