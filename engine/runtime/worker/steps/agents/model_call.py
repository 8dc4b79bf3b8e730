"""Asking the model of an agent once: the conversation, the tools on offer, and what it answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import AgentStep
from engine.contracts.status import StepErrorCode
from engine.errors import VasiniError
from engine.governance.pipeline import Point, Subject, check
from engine.machine.model.inputs import StepFinished
from engine.machine.model.state import find_execution, scope_path_of
from engine.machine.transition_builder import failure
from engine.models.asking import ask
from engine.models.conversation import (
    CallArguments,
    CallStarted,
    ModelRequest,
    TextDelta,
    ToolCall,
    ToolOffer,
)
from engine.models.failure import ModelFailure
from engine.models.routing import Asker
from engine.models.scripted import ScriptedReply
from engine.runtime.worker.steps.agents.conversation import Briefing, LoopDetected, messages_of
from engine.runtime.worker.steps.agents.messages import message_of_turn, text_of
from engine.runtime.worker.steps.agents.meter import Meter, request_bytes
from engine.runtime.worker.steps.agents.paying import BudgetExhausted
from engine.runtime.worker.steps.agents.told.skills import skill_blocks
from engine.runtime.worker.steps.calls.failed_call import failed_call
from engine.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from engine.budget.price_book import PriceBook
    from engine.journal.rows import RunRow
    from engine.machine.model.state import Execution, RunState
    from engine.models.catalog import ModelCatalog
    from engine.models.conversation import Delta, Reply
    from engine.models.routing import Route
    from engine.runtime.clock import Clock
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.steps.agents.paying import Paying
    from engine.runtime.worker.steps.calls.tool_call import CallSite
    from engine.tools.context import OutputSink
    from engine.tools.executor import ToolExecutor


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of which model."""

    route: Route
    request: ModelRequest
    script: list[ScriptedReply]
    said: str
    """What a person says to it in this turn."""


class ModelCalls:
    """Asks models for agents of runs; `outputs` opens what keeps the lines that come while one answers."""

    def __init__(
        self,
        catalog: ModelCatalog,
        executor: ToolExecutor,
        values: ValueStore,
        clock: Clock,
        outputs: Callable[[RunRow, Execution], AbstractAsyncContextManager[OutputSink]],
        prices: PriceBook,
        paying: Paying,
    ) -> None:
        self._paying = paying
        self._catalog = catalog
        self._prices = prices
        self._executor = executor
        self._values = values
        self._clock = clock
        self._outputs = outputs

    async def call(
        self, site: CallSite, execution: Execution, state: RunState
    ) -> tuple[StepFinished, Mapping[str, bytes]]:
        """Ask the model of the agent around the execution: how it ended, and the blobs its answer refers to.

        What went wrong is the step's error.
        """
        meter: Meter | None = None
        asked: _Asked | None = None
        try:
            asked = await self._asked(site, execution, state)
            meter = await self._meter(asked)
            seconds = self._catalog.longest_seconds(asked.route.name)
            request = await self._paying.begin(site, execution, meter, asked.request, seconds)
            reply = await self._reply(site, execution, replace(asked, request=request), meter)
            stored = await self._values.store_any(_as_data(reply, asked.said))
        except ModelFailure as failed:
            details = {**self._noted(failed, asked), "recoverable": failed.retryable}
            error = failure(StepErrorCode.MODEL_ERROR, failed.message, **details)
            return self._failed(execution, error, await self._used(meter)), {}
        except BudgetExhausted as refused:
            return self._failed(execution, refused.error), {}
        except LoopDetected as loop:
            details = {"tool": loop.tool, "times": loop.times, "recoverable": False}
            return self._failed(execution, failure(StepErrorCode.LOOP_DETECTED, str(loop), **details)), {}
        except VasiniError as error:
            told = failure(
                StepErrorCode.INVALID_INPUT, error.message, **{**error.details, "recoverable": False}
            )
            return self._failed(execution, told, await self._used(meter)), {}
        finished = StepFinished(
            now=self._clock.now(),
            path=execution.path,
            attempt=execution.attempt,
            ok=True,
            output=stored.value,
            usage={**meter.whole(reply), "why": asked.route.why},
        )
        return finished, stored.blobs

    def _failed(
        self, execution: Execution, error: dict[str, Any], usage: dict[str, Any] | None = None
    ) -> StepFinished:
        return replace(failed_call(self._clock, self._values, execution, error), usage=usage)

    async def _used(self, meter: Meter | None) -> dict[str, Any] | None:
        """What a call that failed has used; where nothing came nothing is held for it any more."""
        used = meter.partial() if meter is not None else None
        if meter is not None and used is None:
            await self._paying.release(meter)
        return used

    def _noted(self, failed: ModelFailure, asked: _Asked | None) -> dict[str, Any]:
        """What is known of a failure. A server that asks to wait holds up no other model."""
        details = failed.details()
        if asked is None:
            return details
        if failed.retryable:
            self._catalog.router.breaker.failed(asked.route.name)
        details |= {"model": asked.route.name, "why": asked.route.why}
        if asked.route.falls_back and "retry_after_seconds" in details:
            details["asked_to_wait_seconds"] = details.pop("retry_after_seconds")
        return details

    async def _meter(self, asked: _Asked) -> Meter:
        await asyncio.to_thread(self._prices.load)
        sent = request_bytes(asked.request)
        return Meter(self._prices.quote(asked.route.name), self._prices.digest, sent, asked.request)

    async def _asked(self, site: CallSite, execution: Execution, state: RunState) -> _Asked:
        agent_path = scope_path_of(scope_path_of(execution.path))
        agent = find_execution(state.root, agent_path)
        step = site.flow.graph.step_at(agent_path)
        assert isinstance(step, AgentStep), agent_path
        assert agent is not None, agent_path
        assert agent.branches is not None, agent_path
        told = await self._values.load(agent.input)
        heard = message_of_turn(state, scope_path_of(execution.path))
        said = text_of(await self._values.load(heard.output)) if heard is not None else ""
        turns = [await self._values.load(turn) for turn in agent.branches.outputs.in_order()]
        blocks = skill_blocks(told.get("skills", ()))
        briefing = Briefing(site.flow.persona, told["instructions"], told["prompt"], step.output, blocks)
        asker = Asker(step.model, site.row["pack"], site.flow.llm, site.row["tenant"])
        route = self._catalog.router.route(asker, execution.attempt)
        name = route.name
        bounds = [bound for bound in (step.max_tokens, self._catalog.max_tokens(name)) if bound is not None]
        request = ModelRequest(
            messages_of(briefing, turns, said),
            tuple([offer async for offer in self._offers(site, told["tools"])]),
            min(bounds, default=None),
            step.temperature,
        )
        return _Asked(route, request, _script(told["script"]), said)

    async def _reply(self, site: CallSite, execution: Execution, asked: _Asked, meter: Meter) -> Reply:
        async with self._outputs(site.row, execution) as output:
            lines = _Lines(output)

            def heard(delta: Delta) -> None:
                meter.hear(delta)
                lines.heard(delta)

            provider = self._catalog.provider(asked.route.name, asked.script)
            try:
                reply = await ask(provider, asked.request, heard)
            finally:
                output.write("out", b"\n")
        self._catalog.router.breaker.succeeded(asked.route.name)
        return reply

    async def _offers(self, site: CallSite, tools: list[str]) -> Any:
        """The tools that the agent has and that may be called."""
        for tool in tools:
            subject = Subject(tool=tool, layer=site.flow.layer)
            spec = await self._executor.offered(tool, site.flow.code)
            if spec is not None and not check(Point.TOOL_CALL, subject, site.flow.policies).denied:
                yield ToolOffer(tool, spec.description, spec.parameters)


class _Lines:
    """Writes what a model says while it says it, as lines of the call."""

    def __init__(self, output: OutputSink) -> None:
        self._output = output

    def heard(self, delta: Delta) -> None:
        """A piece came."""
        match delta:
            case TextDelta(text) | CallArguments(_, text):
                self._output.write("out", text.encode("utf-8", "replace"))
            case CallStarted(_, _, name):
                self._output.write("out", f"\n→ {name} ".encode("utf-8", "replace"))
            case _:
                pass


def _as_data(reply: Reply, said: str) -> dict[str, Any]:
    return {
        **({"said": said} if said else {}),
        "text": reply.text,
        "calls": [{"id": one.id, "tool": one.name, "arguments": one.arguments} for one in reply.calls],
        "finish": reply.finish.value,
        "provider": reply.provider,
        "model": reply.model,
        "usage": {
            "input_tokens": reply.usage.input_tokens,
            "output_tokens": reply.usage.output_tokens,
            "estimated": reply.usage.estimated,
        },
        "request_id": reply.request_id,
    }


def _script(written: list[dict[str, Any]]) -> list[ScriptedReply]:
    return [
        ScriptedReply(
            str(answer["text"]),
            tuple(
                ToolCall(f"call_{number}", str(call["tool"]), canonical_json(call["arguments"]).decode())
                for number, call in enumerate(answer["calls"])
            ),
        )
        for answer in written
    ]
