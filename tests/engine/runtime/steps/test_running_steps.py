from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RUN_TERMINAL, RunStatus, StepErrorCode
from engine.contracts.tool import ToolSpec
from engine.governance.policies import Policies
from engine.tools.context import ToolLimits
from engine.tools.failure import ToolFailure
from tests.engine.runtime.embedded_home import (
    Home,
    approval,
    error_of,
    failed,
    finished,
    kinds,
    rest,
    start,
    statuses,
    tool,
    until,
)
from tests.engine.runtime.fake_clock import slow_clock
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from engine.tools.context import ToolContext


async def test_a_failing_tool_is_retried_until_it_works(home: Home) -> None:
    policy = {"max_attempts": 3, "backoff_seconds": 0.02, "backoff": "exponential"}
    home.flow("try", tool("a", "fake.flaky", params={"fails": 2}, retry=policy))
    async with home.working() as engine:
        run = await finished(engine, "try")
        assert run.output == {"attempt": 3}
        assert run.tool_calls == 3
        history = await kinds(engine, run.run_id)
        assert history.count("tool_call_retry_scheduled") == 2
        assert history.count("tool_call_attempt_started") == 2
        (step,) = (await engine.runs.steps(run.run_id)).items
        assert (step.attempt, step.retry_at, step.recoveries) == (3, None, 0)
    assert home.tools.attempts == [1, 2, 3]
    assert len(set(home.tools.keys)) == 1


@pytest.mark.parametrize(("codes", "attempts"), [(["rate_limited"], 1), (["temporary", "timeout"], 3)])
async def test_only_the_named_codes_are_retried(home: Home, codes: list[str], attempts: int) -> None:
    policy = {"max_attempts": 3, "retry_on_codes": codes}
    home.flow("try", tool("a", "fake.flaky", params={"fails": 9}, retry=policy))
    async with home.working() as engine:
        run = await failed(engine, "try")
        assert run.error is not None
        assert (run.error.code, run.error.step_id) == ("temporary", "a")
    assert home.tools.attempts == list(range(1, attempts + 1))


@pytest.mark.parametrize(("says", "attempts"), [(False, 1), (True, 2), (None, 2)])
async def test_a_tool_that_says_that_no_other_try_helps_is_not_tried_again(
    home: Home, says: bool | None, attempts: int
) -> None:
    async def refuse(params: dict[str, Any], context: ToolContext) -> Any:
        raise ToolFailure(StepErrorCode.BACKEND_ERROR, "not today", recoverable=says)

    home.tools.registry.register(ToolSpec(name="fake.refuse"), home.tools.counted(refuse))
    home.flow("try", tool("a", "fake.refuse", retry={"max_attempts": 2, "backoff_seconds": 0}))
    async with home.working() as engine:
        await failed(engine, "try")
    assert home.tools.attempts == list(range(1, attempts + 1))


@pytest.mark.parametrize(
    ("own", "setting", "limit"),
    [({"timeout": 0.02}, 300.0, "timeout of the step"), ({}, 0.02, "engine.default_step_timeout")],
    ids=["own", "setting"],
)
async def test_a_tool_that_takes_too_long_is_stopped_and_told_by_which_limit(
    home: Home, own: dict[str, float], setting: float, limit: str
) -> None:
    home.flow("late", tool("a", "fake.slow", **own))
    async with home.working(default_step_timeout=setting) as engine:
        run = await failed(engine, "late")
        assert run.error is not None
        assert (run.error.code, run.error.details["limit"], run.error.details["timeout"]) == (
            "timeout",
            limit,
            0.02,
        )
    assert home.tools.under_way == 0


async def test_a_bug_in_a_tool_is_a_failed_step(home: Home) -> None:
    home.flow("bug", tool("a", "fake.crash"))
    async with home.working() as engine:
        run = await failed(engine, "bug")
        assert await error_of(engine, run.run_id) == ("backend_error", "ZeroDivisionError: a bug in the tool")


async def test_what_a_tool_returns_is_handed_on_as_it_is(home: Home) -> None:
    home.flow("odd", tool("a", "fake.give", params={"value": "{{ payload.v }}"}))
    async with home.working() as engine:
        run = await finished(engine, "odd", {"v": {"deep": [1, None]}})
        assert run.output == {"deep": [1, None]}


async def test_failures_and_successes_jump_where_they_are_told(home: Home) -> None:
    home.flow(
        "jump",
        tool("a", "fake.fail", on_failure="c"),
        tool("b"),
        tool("c", params={"said": "{{ steps.a.error.message }}"}, on_success="e"),
        tool("d"),
        tool("e", "fake.fail", on_failure="continue"),
        tool("f", params={"e": "{{ steps.e.status }}"}),
    )
    async with home.working() as engine:
        run = await finished(engine, "jump")
        assert run.output == {"e": "FAILED"}
        assert await statuses(engine, run.run_id) == {
            "a": "FAILED",
            "c": "COMPLETED",
            "e": "FAILED",
            "f": "COMPLETED",
        }
    assert home.tools.given("c") == [{"said": "it does not work"}]


async def test_a_success_can_end_the_flow_as_failed(home: Home) -> None:
    home.flow("stop", tool("a", on_success="fail"), tool("b"))
    async with home.working() as engine:
        run = await failed(engine, "stop")
        assert (await error_of(engine, run.run_id))[0] == "flow_failed"


async def test_a_loop_ends_at_its_visit_limit(home: Home) -> None:
    home.flow(
        "loop", tool("a", params={"x": 1}, max_visits=3), tool("b", "fake.fail", on_failure="a", max_visits=9)
    )
    async with home.working() as engine:
        run = await failed(engine, "loop")
        assert (await error_of(engine, run.run_id))[0] == "visit_limit"
        assert list(await statuses(engine, run.run_id)) == ["a", "b", "a~2", "b~2", "a~3", "b~3"]


async def test_a_step_whose_condition_is_false_is_skipped(home: Home) -> None:
    home.flow(
        "when",
        tool("a", when="payload.n > 5"),
        tool("b", params={"n": "{{ payload.n }}"}, when="steps.a.status == 'SKIPPED' and payload.n == 1"),
        tool("c", when=False),
    )
    async with home.working() as engine:
        run = await finished(engine, "when", {"n": 1})
        assert run.output == {"n": 1}
        assert await statuses(engine, run.run_id) == {"a": "SKIPPED", "b": "COMPLETED", "c": "SKIPPED"}


@pytest.mark.parametrize("value", [None, {}, [], ""])
async def test_a_run_without_output_fails(home: Home, value: object) -> None:
    home.flow("empty", tool("a", "fake.give", params={"value": value}))
    async with home.working() as engine:
        run = await failed(engine, "empty")
        assert (await error_of(engine, run.run_id))[0] == "missing_run_output"
        assert (await engine.runs.list()).items[0].error == run.error


async def test_an_empty_output_at_the_end_does_not_hide_the_one_before(home: Home) -> None:
    home.flow("last", tool("a", params={"x": 1}), tool("b", "fake.give"))
    async with home.working() as engine:
        assert (await finished(engine, "last")).output == {"x": 1}


async def test_an_output_over_the_policys_limit_is_denied(home: Home) -> None:
    home.flow("big", tool("a", "fake.big", params={"size": 2_000}))
    async with home.working(policies=Policies(max_payload_bytes=1_000)) as engine:
        run = await failed(engine, "big")
        assert (await error_of(engine, run.run_id))[0] == "output_denied"
        assert run.output is None


async def test_a_tool_that_returns_too_much_breaks_its_contract(home: Home) -> None:
    home.flow("big", tool("a", "fake.big", params={"size": 2_000}))
    async with home.working(limits=ToolLimits(max_output_bytes=1_000)) as engine:
        assert (await error_of(engine, (await failed(engine, "big")).run_id))[0] == "contract_violation"


async def test_a_packs_policy_can_block_a_tool(home: Home) -> None:
    home.flow("say", tool("a", params={"x": 1}))
    home.flow("say", tool("a", params={"x": 1}), pack="free")
    policies = Policies(by_pack={"demo": Policies(blocked_tools=frozenset({"fake.echo"}))})
    async with home.working(policies=policies) as engine:
        run = await failed(engine, "say")
        code, message = await error_of(engine, run.run_id)
        assert code == "permission_denied"
        assert "fake.echo" in message
        free = await start(engine, "say", pack="free")
        await rest(engine, free, expect=RunStatus.COMPLETED)
    assert len(home.tools.calls) == 1


async def test_a_run_that_uses_up_its_tool_calls_fails(home: Home) -> None:
    policy = {"max_attempts": 9}
    home.flow("busy", tool("a", "fake.flaky", params={"fails": 9}, retry=policy))
    async with home.working(policies=Policies(max_tool_calls=3)) as engine:
        run = await failed(engine, "busy")
        assert (await error_of(engine, run.run_id))[0] == "step_limit_exceeded"
    assert home.tools.attempts == [1, 2, 3]


async def test_a_run_that_takes_too_long_fails(home: Home) -> None:
    home.flow("long", approval("ok"), tool("a"), max_duration=0.05)
    async with home.working() as engine:
        run_id = await start(engine, "long")

        async def over() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.FAILED

        await until(over)
        code, message = await error_of(engine, run_id)
        assert code == "max_duration_exceeded"
        assert "0.05" in message
        assert (await engine.runs.get(run_id)).approvals[0].status == "EXPIRED"


async def test_a_tool_under_way_is_stopped_when_the_run_took_too_long(home: Home) -> None:
    home.flow("long", tool("a", "fake.slow"), max_duration=0.05)
    async with home.working() as engine:
        run = await failed(engine, "long")
        assert await statuses(engine, run.run_id) == {"a": "CANCELLED"}
    assert home.tools.under_way == 0


@pytest.mark.parametrize("depth", [150, 220, 300])
async def test_a_deep_output_is_handed_on_or_fails_the_step(home: Home, depth: int) -> None:
    text = "[" * depth + "]" * depth
    home.flow("deep", tool("a", "fake.parse", params={"json": text}), tool("b", params={"x": 1}))
    home.flow("fine", tool("a", params={"x": 1}))
    async with home.working(clock=slow_clock(), lease_seconds=0.3) as engine:
        run_id = await start(engine, "deep")
        async with asyncio.timeout(PATIENCE):
            run = await engine.runs.wait(run_id)
        assert run.status in RUN_TERMINAL
        assert len(home.tools.given("a")) == 1
        assert (await engine.runs.get(run_id)).run.run_id == run_id
        await finished(engine, "fine")
