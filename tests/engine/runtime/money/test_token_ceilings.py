"""The ceiling of tokens of a run: a question that may pass it is not put, and what was used stays counted."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from engine.budget.settings import BudgetSettings
from engine.contracts.governing.budget import TokenCeiling
from engine.contracts.runs.snapshot import TerminalCause, UsedLimit
from engine.contracts.status import CancelMode, RunStatus, WaitKind
from engine.governance.policies import Policies
from engine.models.settings import BreakerSettings
from engine.runtime.worker.steps.agents.token_ceiling import TOKENS_SETTING
from tests.engine.models.loopback import head, serving
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, models_at, spoken
from tests.engine.runtime.embedded_home import ANN, Home, failed, finished, rest, retry, start, until
from tests.engine.runtime.money.test_counted_calls import on_file
from tests.engine.runtime.money.test_spending import usages
from tests.engine.runtime.outside_programs import agent as outside
from tests.engine.runtime.outside_programs import agents

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from tests.engine.models.loopback import Write

ONE = 110
"""Tokens that the server tells of each answer."""
BOUND = 200
"""Tokens of an answer at the most."""


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


def needs(run: Any) -> int:
    """What a question may take at the most, as its refusal tells."""
    assert run.error is not None
    return int(run.error.details["needed"])


async def one_needs(home: Home) -> int:
    """The same of the question of `leaf`, which is not put."""
    home.flow("leaf", agent(tools=(), max_tokens=BOUND))
    async with (
        serving(answering_in_turn()) as server,
        home.working(models=models_at(server.url), policies=capped(1)) as engine,
    ):
        return needs(await failed(engine, "leaf"))


class Gate:
    """A server that answers a question when it is let, and tells how many have come."""

    def __init__(self) -> None:
        self.asked = 0
        self.let = asyncio.Semaphore(0)

    async def answer(self, write: Write) -> None:
        self.asked += 1
        await self.let.acquire()
        await write(spoken("Done."))

    async def has(self, number: int) -> bool:
        return self.asked == number


async def waiting_runs(engine: Engine) -> list[str]:
    found = (await engine.runs.list()).items
    return [
        run.run_id for run in found if run.waiting_for is not None and run.waiting_for.kind is WaitKind.TOKENS
    ]


async def test_two_engines_on_one_journal_do_not_pass_a_ceiling_together(home: Home) -> None:
    """Of four questions, which two processes would put at once, as many are put as fit; the others wait."""
    most, gate = await one_needs(home), Gate()
    branches = [[{"id": f"s{number}", "type": "subflow", "subflow": "leaf"}] for number in range(4)]
    home.flow("tree", {"id": "all", "type": "parallel", "join": "all", "branches": branches})
    ceiling = 2 * most + 10
    async with serving(gate.answer) as server, AsyncExitStack() as stack:
        settings: dict[str, Any] = {"models": models_at(server.url), "policies": capped(ceiling)}
        engines = [await stack.enter_async_context(home.open(**settings)) for _ in range(2)]
        for engine in engines:
            await stack.enter_async_context(engine.work(slots=4))
        run_id = await start(engines[0], "tree")

        async def two_wait() -> bool:
            return len(await waiting_runs(engines[1])) == 2

        await until(two_wait)
        await until(lambda: gate.has(2))
        (waits, _) = await waiting_runs(engines[0])
        waiting_for = (await engines[0].runs.summary(waits)).waiting_for
        assert waiting_for is not None
        assert "below the ceiling of the run" in waiting_for.text

        async def told() -> bool:
            lines = (await engines[0].runs.output(waits)).lines
            words = (
                f"waits for other questions of the run to end: {TOKENS_SETTING} is {ceiling:,}, of which 0"
            )
            return [line.text.startswith(words) for line in lines] == [True]

        await until(told)
        for _ in range(4):
            gate.let.release()
        run = await rest(engines[0], run_id, expect=RunStatus.FAILED)
        assert gate.asked < 4
        assert run.error is not None
        assert TOKENS_SETTING in run.error.message
        assert await on_file(home, "SELECT * FROM holds") == []


async def test_a_question_whose_worker_died_is_counted_with_what_was_held_and_holds_nothing_for_ever(
    home: Home,
) -> None:
    most, gate = await one_needs(home), Gate()
    async with serving(gate.answer) as server:
        settings: dict[str, Any] = {"models": models_at(server.url), "policies": capped(most + ONE)}
        async with home.working(**settings) as engine:
            run_id = await start(engine, "leaf")
            await until(lambda: gate.has(1))
            (held,) = await on_file(home, "SELECT input_tokens, output_tokens FROM holds")
            assert sum(held) == most
        # as one that was killed leaves it, not one that told what it had used
        dead = f"input_tokens = {held[0]}, output_tokens = {held[1]}, boot_id = 'earlier'"
        await on_file(home, f"UPDATE holds SET {dead}")
        gate.let.release()
        async with home.working(**settings) as engine:
            run = await rest(engine, run_id, expect=RunStatus.FAILED)
            (lost,) = await usages(engine, run_id)
            assert (lost.payload["lost"], lost.payload["input"], lost.payload["output"]) == (True, *held)
            assert run.error is not None
            assert (run.tokens_used, run.error.details["used"]) == (most, most)
            assert await on_file(home, "SELECT * FROM holds") == []
        async with home.working(**{**settings, "policies": capped(2 * most)}) as engine:
            gate.let.release()
            await retry(engine, run_id)
            again = await rest(engine, run_id, expect=RunStatus.COMPLETED)
            assert again.tokens_used == most + ONE


async def test_where_no_ceiling_is_set_nothing_is_held_for_what_costs_nothing(home: Home) -> None:
    gate = Gate()
    home.flow("leaf", agent(tools=(), max_tokens=BOUND))
    free = BudgetSettings.model_validate({"prices": {"served": {"input": 0, "output": 0}}})
    async with (
        serving(gate.answer) as server,
        home.working(models=models_at(server.url), budget=free) as engine,
    ):
        run_id = await start(engine, "leaf")
        await until(lambda: gate.has(1))
        assert await on_file(home, "SELECT * FROM holds") == []
        gate.let.release()
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_question_that_is_stopped_while_it_waits_leaves_nothing_held(home: Home) -> None:
    most, gate = await one_needs(home), Gate()
    branches = [[{"id": f"s{number}", "type": "subflow", "subflow": "leaf"}] for number in range(2)]
    home.flow("tree", {"id": "all", "type": "parallel", "join": "all", "branches": branches})
    async with (
        serving(gate.answer) as server,
        home.working(models=models_at(server.url), policies=capped(most + most // 2)) as engine,
    ):
        run_id = await start(engine, "tree")

        async def one_waits() -> bool:
            return len(await waiting_runs(engine)) == 1

        await until(one_waits)
        await engine.runs.cancel(run_id, mode=CancelMode.NOW, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)

        async def nothing_held() -> bool:
            return await on_file(home, "SELECT * FROM holds") == []

        await until(nothing_held)
        assert gate.asked == 1


async def test_a_call_that_is_not_put_leaves_the_try_of_a_model_that_rested_to_another_one(
    home: Home,
) -> None:
    home.flow("ask", agent(retry={"max_attempts": 1}))
    home.flow("asks", agent(), pack="capped")
    answers = answering_in_turn(head(503, "application/json") + b"{}", spoken("Here."))
    async with serving(answers) as server:
        one = models_at(server.url)
        models = one.model_copy(update={"breaker": BreakerSettings(failures=1, seconds=1)})
        async with home.working(models=models, policies=capped(None, capped=1)) as engine:
            await failed(engine, "ask")

            async def may_be_tried() -> bool:
                run = await rest(engine, await start(engine, "asks", pack="capped"), expect=RunStatus.FAILED)
                return run.error is not None and run.error.code == "budget_exhausted"

            await until(may_be_tried)
            await finished(engine, "ask")
        assert len(server.asked) == 2
