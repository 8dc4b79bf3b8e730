"""Asking the model of an agent once: the conversation, the tools on offer, and what it answered."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.contracts.status import StepErrorCode
from engine.errors import Unavailable, VasiniError
from engine.governance.pipeline import Outcome, Point, Reason, Verdict
from engine.large_values import off_loop_if_large
from engine.machine.model.inputs import StepFinished
from engine.machine.transition_builder import failure
from engine.models.asking import ask
from engine.models.conversation import (
    CallArguments,
    CallStarted,
    TextDelta,
    ThoughtDelta,
)
from engine.models.failure import ModelErrorCode, ModelFailure, ModelRefused
from engine.models.routing import Route
from engine.runtime.worker.steps.agents.askers import asker_of, tries_before
from engine.runtime.worker.steps.agents.meter import Meter, request_bytes
from engine.runtime.worker.steps.agents.paying import AtSoftCap, BudgetExhausted, LowerTierWanted, held_back
from engine.runtime.worker.steps.agents.stopping import Stopped
from engine.runtime.worker.steps.agents.told.repeated_calls import LoopDetected
from engine.runtime.worker.steps.calls.failed_call import failed_call

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from engine.budget.caps import Limit
    from engine.budget.price_book import PriceBook
    from engine.journal.rows import RunRow
    from engine.machine.model.inputs import CallHeldBack
    from engine.machine.model.state import Execution, RunState
    from engine.models.catalog import ModelCatalog
    from engine.models.conversation import Carried, Delta, Reply
    from engine.runtime.clock import Clock
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.steps.agents.paying import Paying
    from engine.runtime.worker.steps.agents.told.question import Question, Questions
    from engine.runtime.worker.steps.calls.tool_call import CallSite
    from engine.tools.context import OutputSink

_ANSWERED = frozenset(
    {
        ModelErrorCode.NO_ANSWER,
        ModelErrorCode.REFUSED,
        ModelErrorCode.CONTEXT_LENGTH,
        ModelErrorCode.INVALID_REQUEST,
        ModelErrorCode.AUTH_ERROR,
    }
)
"""What is wrong with one question, or with a key, says that the server answers."""


class ModelCalls:
    """Asks models for agents of runs; `outputs` opens what keeps the lines that come while one answers."""

    def __init__(
        self,
        catalog: ModelCatalog,
        questions: Questions,
        values: ValueStore,
        clock: Clock,
        outputs: Callable[[RunRow, Execution], AbstractAsyncContextManager[OutputSink]],
        prices: PriceBook,
        paying: Paying,
    ) -> None:
        self._paying = paying
        self._catalog = catalog
        self._prices = prices
        self._questions = questions
        self._values = values
        self._clock = clock
        self._outputs = outputs

    async def call(
        self, site: CallSite, execution: Execution, state: RunState
    ) -> tuple[StepFinished | CallHeldBack, Mapping[str, bytes]]:
        """Ask the model of the agent around the execution: how it ended, and the blobs its answer refers to.

        What went wrong is the step's error. Raises Stopped when it is cancelled, once it is paid for, and
        Unavailable.
        """
        meter: Meter | None = None
        asked: Question | None = None
        try:
            asked = await self._questions.of(site, execution, state)
            try:
                meter, asked = await self._begun(site, execution, asked)
            except LowerTierWanted as wanted:
                route, asked = self._below(site, asked, wanted.limit), None
                asked = await self._questions.of(site, execution, state, route)
                meter, asked = await self._begun(site, execution, asked, may_lower=False)
            reply = await self._reply(site, execution, asked, meter)
            reply = replace(reply, carried=await self._kept(reply.carried))
            stored = await self._values.store_any(_as_data(reply, asked))
        except ModelRefused as refused:
            return self._refused(execution, refused), {}
        except ModelFailure as failed:
            times = meter.times() if meter is not None else {}
            details = {**self._noted(failed, asked), **times, "recoverable": failed.retryable}
            error = _with_tries(failure(StepErrorCode.MODEL_ERROR, failed.message, **details), execution)
            return self._failed(execution, error, await self._used(meter)), {}
        except AtSoftCap as above:
            return held_back(self._clock.now(), execution, above.held), {}
        except BudgetExhausted as refused:
            return self._failed(execution, refused.error), {}
        except LoopDetected as loop:
            details = {"tool": loop.tool, "times": loop.times, "recoverable": False}
            return self._failed(execution, failure(StepErrorCode.LOOP_DETECTED, str(loop), **details)), {}
        except Unavailable:  # it is asked when that is over, as everything else goes on then
            with suppress(Unavailable):
                await self._used(meter)
            raise
        except VasiniError as error:
            told = failure(
                StepErrorCode.INVALID_INPUT, error.message, **{**error.details, "recoverable": False}
            )
            return self._failed(execution, told, await self._used(meter)), {}
        except asyncio.CancelledError:
            if meter is None:
                raise
            raise Stopped(meter.stopped()) from None
        finished = StepFinished(
            now=self._clock.now(),
            path=execution.path,
            attempt=execution.attempt,
            ok=True,
            output=stored.value,
            usage={**meter.whole(reply), "why": asked.route.why},
        )
        return finished, stored.blobs

    async def _kept(self, carried: Carried | None) -> Carried | None:
        """What its server can be told again, without the secrets in it."""
        if carried is None:
            return None
        data = dict(carried.data)
        return carried.kept_as(await off_loop_if_large(data, lambda: self._values.scrubbed(data)))

    async def leave(self, usage: Mapping[str, Any]) -> None:
        """A call for which something is held was stopped: it is made again by whoever goes on with its run,
        who counts this one."""
        tokens = usage["input"], usage["output"]
        await self._paying.lower(usage["hold"], usage.get("cost", 0), tokens)

    async def left(self, run_id: str) -> list[dict[str, Any]]:
        """What calls of a run used that nobody makes any more and nobody has counted, each with its path: the
        most that they may have used, where nobody knows more."""
        return [
            {
                "path": hold["step_id"],
                "model": hold["model"],
                "provider": "",
                "asked": hold["model"],
                "prices": "",
                **({"cost": hold["amount"]} if hold["priced"] else {}),
                "input": hold["input_tokens"],
                "output": hold["output_tokens"],
                "sent": hold["sent_bytes"],
                "hold": hold["hold_id"],
                "estimated": True,
                "partial": True,
                "lost": True,
            }
            for hold in await self._paying.left(run_id)
        ]

    async def _begun(
        self, site: CallSite, execution: Execution, asked: Question, *, may_lower: bool = True
    ) -> tuple[Meter, Question]:
        """What is asked once it is paid for. Raises as `Paying.begin`."""
        with self._catalog.router.until_asked(asked.route):
            return await self._paid(site, execution, asked, may_lower=may_lower)

    async def _paid(
        self, site: CallSite, execution: Execution, asked: Question, *, may_lower: bool
    ) -> tuple[Meter, Question]:
        """What is asked once its money is held, where it costs any, and its tokens, where a ceiling holds.
        Raises as `Paying.begin`."""
        meter, ceiling = await self._meter(asked), site.flow.graph.limits.max_tokens
        if ceiling is None and meter.quoted.price is not None and meter.quoted.price.is_free:
            return meter, asked
        seconds = self._catalog.longest_seconds(asked.route.name)
        lower = self._catalog.router.below(asked.route.name, asker_of(site)) if may_lower else None
        request = await self._paying.begin(
            site,
            execution,
            meter,
            asked.request,
            seconds,
            ceiling=ceiling,
            may_lower=lower is not None,
            told=partial(self._told, site, execution),
        )
        return meter, replace(asked, request=request)

    async def _told(self, site: CallSite, execution: Execution, words: str) -> None:
        """Where lines of the call stand, it is said what the call waits for."""
        async with self._outputs(site.row, execution) as output:
            output.write("err", f"{words}\n".encode())

    def _below(self, site: CallSite, asked: Question, limit: Limit) -> Route:
        """To the model of the next lower tier, as a person said at a soft cap: it is asked a question of its
        own, as it may be told less."""
        router = self._catalog.router
        lower = router.below(asked.route.name, asker_of(site)) or asked.route.name
        why = f"{asked.route.why}; a lower tier since the soft cap of {limit.scope} {limit.name} was reached"
        return Route(lower, why, router.breaker.tries(lower))

    def _failed(
        self, execution: Execution, error: dict[str, Any], usage: dict[str, Any] | None = None
    ) -> StepFinished:
        return replace(failed_call(self._clock, self._values, execution, error), usage=usage)

    def _refused(self, execution: Execution, refused: ModelRefused) -> StepFinished:
        """No model was asked, as a policy says."""
        details = {"reason": refused.reason, "rule": refused.rule, "model": refused.model}
        error = failure(StepErrorCode.POLICY_BLOCKED, refused.message, **details, recoverable=False)
        verdict = Verdict(Outcome.DENY, Reason(refused.reason))
        record = verdict.record(Point.MODEL_CALL, model=refused.model)
        return replace(self._failed(execution, error), verdict={**record, "rule": refused.rule})

    async def _used(self, meter: Meter | None) -> dict[str, Any] | None:
        """What a call that failed has used; where nothing came nothing is held for it any more."""
        used = meter.partial() if meter is not None else None
        if meter is not None and used is None:
            await self._paying.release(meter)
        return used

    def _noted(self, failed: ModelFailure, asked: Question | None) -> dict[str, Any]:
        """What is known of a failure. A server that asks to wait holds up no other model."""
        details, router = failed.details(), self._catalog.router
        if asked is None:
            return details
        if failed.code in _ANSWERED:
            router.breaker.succeeded(asked.route.name)
        elif failed.retryable:
            router.breaker.failed(asked.route.name)
            if failed.retry_after is not None:
                router.breaker.asked_to_wait(asked.route.name, failed.retry_after)
        details |= {"model": asked.route.name, "why": asked.route.why}
        if (soonest := router.soonest(asked.asker)) is not None:
            if failed.retry_after is not None:
                details["asked_to_wait_seconds"] = details.pop("retry_after_seconds")
            if soonest:
                details["retry_after_seconds"] = soonest
        return details

    async def _meter(self, asked: Question) -> Meter:
        if not self._prices.loaded:
            await asyncio.to_thread(self._prices.load)
        sent = request_bytes(asked.request)
        quoted = self._prices.quote(asked.route.name)
        return Meter(quoted, self._prices.digest, sent, asked.request, self._clock.uptime)

    async def _reply(self, site: CallSite, execution: Execution, asked: Question, meter: Meter) -> Reply:
        with self._catalog.router.until_asked(asked.route):
            provider = self._catalog.provider(asked.route.name, asked.script)
        async with self._outputs(site.row, execution) as output:
            lines = _Lines(output)

            def heard(delta: Delta) -> None:
                meter.hear(delta)
                lines.heard(delta)

            meter.asks()
            reply = await ask(provider, asked.request, heard)
        self._catalog.router.breaker.succeeded(asked.route.name)
        return reply


def _with_tries(error: dict[str, Any], execution: Execution) -> dict[str, Any]:
    """The error with each model that was asked until now and failed, and why: a chain of tiers that is used
    up names all of them."""
    details, before = error["details"], tries_before(execution)
    if "model" not in details:  # none was asked
        return {**error, "details": {**details, "tried": before}} if before else error
    tried = [*before, {"model": details["model"], "reason": details["reason"]}]
    others = [f"{one['model']} ({one['reason']})" for one in before if one["model"] != details["model"]]
    words = f"; asked before: {', '.join(dict.fromkeys(others))}" if others else ""
    return {**error, "message": f"{error['message']}{words}", "details": {**details, "tried": tried}}


class _Lines:
    """Writes what a model says while it says it, as lines of the call."""

    def __init__(self, output: OutputSink) -> None:
        self._output = output
        self._in_line = self._thinks = False

    def heard(self, delta: Delta) -> None:
        """A piece came."""
        match delta:
            case TextDelta(text) | CallArguments(_, text):
                self._write(text)
            case CallStarted(_, _, name):  # a line of its own
                self._write(f"\n→ {name} " if self._in_line else f"→ {name} ")
            case ThoughtDelta() if not self._thinks:
                self._thinks = True  # for minutes, maybe: that it does is told, what it thinks is not
                self._output.write("err", b"(it thinks before it answers)\n")
            case _:
                pass

    def _write(self, text: str) -> None:
        self._output.write("out", text.encode("utf-8", "replace"))
        self._in_line = not text.endswith("\n") if text else self._in_line


def _as_data(reply: Reply, asked: Question) -> dict[str, Any]:
    carried = reply.carried
    return {
        **({"said": asked.said} if asked.said else {}),
        **({"said_images": list(asked.images)} if asked.images else {}),
        **({"said_skills": list(asked.skills)} if asked.skills else {}),
        **({"unseen": asked.unseen} if asked.unseen else {}),
        **({"since": asked.since} if asked.since else {}),
        **({"found": list(asked.found)} if asked.found else {}),
        **({"hidden": list(asked.hidden)} if asked.hidden else {}),
        **({"blind": list(asked.blind)} if asked.blind else {}),
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
        **({"carried": {"of": carried.of, "data": carried.data}} if carried is not None else {}),
    }
