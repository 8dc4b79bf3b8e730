"""Tools that do what a test asks of them, and remember what they were given."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.contracts.tool import ToolSpec
from engine.tools.failure import ToolFailure
from engine.tools.registry import ToolRegistry

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.tools.context import ToolContext


class FakeTools:
    """A registry of fake tools; `calls` holds (step path, parameters) of every attempt, in order."""

    def __init__(self) -> None:
        self.registry = ToolRegistry()
        self.calls: list[tuple[str, Any]] = []
        self.attempts: list[int] = []
        self.gives: list[Any] = []
        self.keys: list[str] = []
        self.contexts: list[ToolContext] = []
        self.under_way = 0
        self.most_at_once = 0
        self._gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        functions: dict[str, Callable[[dict[str, Any], ToolContext], Any]] = {
            "fake.echo": self._echo,
            "fake.flaky": self._flaky,
            "fake.fail": self._fail,
            "fake.slow": self._slow,
            "fake.crash": self._crash,
            "fake.big": self._big,
            "fake.give": self._give,
            "fake.files": self._files,
            "fake.parse": self._parse,
        }
        for name, function in functions.items():
            self.registry.register(ToolSpec(name=name), self.counted(function))

    def release(self, key: str = "all") -> None:
        """Let the slow calls with this `key` go on, those under way and those to come."""
        self._gates[key].set()

    def given(self, step: str) -> list[Any]:
        """Parameters of every call of one step."""
        return [params for path, params in self.calls if path == step]

    def counted(self, function: Callable[[dict[str, Any], ToolContext], Any]) -> Any:
        """The same, and its calls are remembered."""

        async def call(params: dict[str, Any], context: ToolContext) -> Any:
            self.calls.append((context.step_id, params))
            self.attempts.append(context.attempt)
            self.keys.append(context.idempotency_key)
            self.contexts.append(context)
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
            try:
                return await function(params, context)
            finally:
                self.under_way -= 1

        return call

    async def _echo(self, params: dict[str, Any], _context: ToolContext) -> Any:
        await asyncio.sleep(0)
        return params

    async def _flaky(self, params: dict[str, Any], context: ToolContext) -> Any:
        """Fails until attempt `fails` + 1, with `code`."""
        if context.attempt <= params["fails"]:
            raise ToolFailure(StepErrorCode(params.get("code", "temporary")), f"attempt {context.attempt}")
        return {"attempt": context.attempt}

    async def _fail(self, params: dict[str, Any], _context: ToolContext) -> Any:
        raise ToolFailure(StepErrorCode.BACKEND_ERROR, params.get("message", "it does not work"))

    async def _slow(self, params: dict[str, Any], _context: ToolContext) -> Any:
        """Ends when the test releases `key`."""
        await self._gates[params.get("key", "all")].wait()
        return {"slow": params.get("key", "all")}

    async def _crash(self, _params: dict[str, Any], _context: ToolContext) -> Any:
        raise ZeroDivisionError("a bug in the tool")

    async def _big(self, params: dict[str, Any], _context: ToolContext) -> Any:
        return {"text": "x" * params["size"]}

    async def _give(self, params: dict[str, Any], _context: ToolContext) -> Any:
        """Returns `value` as it is, the next of `gives`, or nothing."""
        return self.gives.pop(0) if self.gives else params.get("value")

    async def _files(self, params: dict[str, Any], _context: ToolContext) -> Any:
        """Brings a file for every name in `names`, holding the name."""
        files = [
            {"name": name, "content_base64": base64.b64encode(name.encode()).decode()}
            for name in params["names"]
        ]
        return {"summary": "made files", "output_files": files}

    async def _parse(self, params: dict[str, Any], _context: ToolContext) -> Any:
        return json.loads(params["json"])
