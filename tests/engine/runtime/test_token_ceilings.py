"""The ceiling of tokens of a run: a question that may pass it is not put, and what was used stays counted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.contracts.governing.budget import TokenCeiling
from engine.contracts.runs.snapshot import TerminalCause, UsedLimit
from engine.contracts.status import RunStatus
from engine.governance.policies import Policies
from engine.machine.model.graph import RunLimits
from engine.machine.model.state import Counters, RunState, Scope
from engine.models.conversation import Message, MessageRole, ModelRequest
from engine.runtime.worker.steps.agents.paying import BudgetExhausted
from engine.runtime.worker.steps.agents.token_ceiling import TokenCeilings
from tests.engine.models.loopback import serving
from tests.engine.runtime.embedded_home import Home, failed, finished, rest, retry, until
from tests.engine.runtime.test_agents import agent, answering_in_turn, models_at, spoken
from tests.engine.runtime.test_outside_agents import agent as outside
from tests.engine.runtime.test_outside_agents import agents
from tests.engine.runtime.test_spending import usages

if TYPE_CHECKING:
    from engine.runtime.worker.steps.calls.tool_call import CallSite

ONE = 110
"""Tokens that the server tells of each answer."""


def capped(limit: int | None, **by_pack: int | None) -> Policies:
    own = {pack: Policies(max_tokens_per_run=one) for pack, one in by_pack.items()}
    return Policies(max_tokens_per_run=limit, by_pack=own)


def calls(number: int) -> bytes:
    return spoken("", ("fake__echo", f'{{"n": {number}}}'))


async def test_a_question_that_may_pass_the_ceiling_is_not_put_and_the_run_says_why(home: Home) -> None:
    home.flow("ask", agent(max_tokens=50))
    answers = answering_in_turn(*map(calls, range(9)))
    async with (
        serving(answers) as server,
        home.working(models=models_at(server.url), policies=capped(400)) as engine,
    ):
        run = await failed(engine, "ask")
        assert run.error is not None
        assert (run.error.code, run.error.details["reason"]) == (
            "budget_exhausted",
            "run_token_budget_exceeded",
        )
        used = ONE * len(server.asked)
        assert 0 < used <= 400
        assert (run.tokens_used, run.error.details["used"], run.error.details["limit"]) == (used, used, 400)
        assert used + run.error.details["needed"] > 400
        assert "policies.max_tokens_per_run" in run.error.message
        found = await engine.runs.snapshot(run.run_id)
        assert found.limits == (UsedLimit(name="policies.max_tokens_per_run", limit=400, used=used),)
        assert found.agents[0].terminal_cause is TerminalCause.TOKEN_BUDGET


async def test_what_was_used_stays_counted_in_another_worker_and_a_retry_goes_on_where_more_is_allowed(
    home: Home,
) -> None:
    home.flow("ask", agent(max_tokens=50))
    answers = answering_in_turn(calls(1), calls(2), spoken("Done."))
    async with serving(answers) as server:
        models = models_at(server.url)
        async with home.working(models=models, policies=capped(300)) as engine:
            run = await failed(engine, "ask")
            put = len(server.asked)
        async with home.working(models=models, policies=capped(300)) as engine:
            await retry(engine, run.run_id)
            again = await rest(engine, run.run_id, expect=RunStatus.FAILED)
            assert (len(server.asked), again.tokens_used) == (put, ONE * put)
        async with home.working(models=models, policies=capped(1_000)) as engine:
            await retry(engine, run.run_id)
            done = await rest(engine, run.run_id, expect=RunStatus.COMPLETED)
            assert (done.tokens_used, len(server.asked)) == (3 * ONE, 3)


async def test_an_answer_that_nothing_else_bounds_is_bounded_below_a_ceiling(home: Home) -> None:
    home.flow("ask", agent())
    async with (
        serving(answering_in_turn(spoken("Done."))) as server,
        home.working(models=models_at(server.url), policies=capped(10_000)) as engine,
    ):
        await finished(engine, "ask")
        assert server.asked[0].body["max_tokens"] == 4096


async def test_a_ceiling_holds_for_a_run_with_those_it_starts_and_is_that_of_its_pack(home: Home) -> None:
    home.flow("leaf", agent(max_tokens=50))
    steps = [{"id": f"s{number}", "type": "subflow", "subflow": "leaf"} for number in range(4)]
    home.flow("tree", *steps)
    answers = answering_in_turn(*[spoken("Done.")] * 4)
    async with (
        serving(answers) as server,
        home.working(models=models_at(server.url), policies=capped(100_000, demo=300)) as engine,
    ):
        run = await failed(engine, "tree")
        assert run.error is not None
        assert "300" in run.error.message
        assert 0 < len(server.asked) < 4
        assert (await engine.budget.caps()).run_tokens == (
            TokenCeiling(pack="*", limit=100_000),
            TokenCeiling(pack="demo", limit=300),
        )


async def test_a_program_that_asks_models_by_itself_does_not_begin_where_all_is_used(home: Home) -> None:
    home.flow("ask", outside(), outside(id="next"))
    async with home.working(agents=agents(home, "tells_usage"), policies=capped(100)) as engine:
        run = await failed(engine, "ask")
        assert run.error is not None
        assert (run.error.step_id, run.error.code) == ("next/0/prompt", "budget_exhausted")
        assert len(await usages(engine, run.run_id)) == 1


@dataclass
class FakeGraph:
    limits: RunLimits


@dataclass
class FakeFlow:
    graph: FakeGraph


@dataclass
class FakeSite:
    flow: FakeFlow
    outermost: str = "run_1"
    usage: None = None


@dataclass
class Asking:
    """Questions of one run below one ceiling."""

    limit: int
    ceilings: TokenCeilings = field(default_factory=lambda: TokenCeilings(50))
    heard: list[str] = field(default_factory=list)

    async def begin(self, known: int = 0) -> Any:
        site = cast("CallSite", FakeSite(FakeFlow(FakeGraph(RunLimits(max_tokens=self.limit)))))
        share = await self.ceilings.share(
            site, RunState(root=Scope(path=""), counters=Counters(tokens_used=known))
        )
        assert share is not None
        try:
            await share.take(ModelRequest((Message(MessageRole.USER, "x" * 196),)), self.hear)
        except BaseException:
            share.end(None)
            raise
        return share

    async def hear(self, words: str) -> None:
        self.heard.append(words)


async def test_questions_that_are_put_side_by_side_do_not_pass_the_ceiling_together() -> None:
    """Each takes 50 tokens of input, and 50 of an answer at the most."""
    asking = Asking(limit=270)
    first, second = await asking.begin(), await asking.begin()
    async with asyncio.TaskGroup() as group:
        third = group.create_task(asking.begin())

        async def waits() -> bool:
            return bool(asking.heard)

        await until(waits)
        assert not third.done()
        first.end({"input": 50, "output": 10})
    third.result().end({"input": 50, "output": 50})
    second.end({"input": 50, "output": 0})
    with pytest.raises(BudgetExhausted):  # 210 are used, though the run's state does not know it yet
        await asking.begin(known=0)


async def test_a_question_that_waited_for_nothing_is_refused() -> None:
    asking = Asking(limit=250)
    first, second = await asking.begin(), await asking.begin()
    third = asyncio.create_task(asking.begin())

    async def waits() -> bool:
        return bool(asking.heard)

    await until(waits)
    first.end({"input": 60, "output": 50})
    second.end({"input": 60, "output": 50})
    with pytest.raises(BudgetExhausted):
        await third


async def test_a_question_of_which_nothing_came_takes_no_room_any_more() -> None:
    asking = Asking(limit=100)
    for _ in range(3):
        (await asking.begin()).end(None)
