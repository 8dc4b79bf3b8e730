"""Tools of MCP servers in runs: planned as what they are, approved as what they were, called or not."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import Effects, Risk, RunStatus, StepStatus
from engine.tools.mcp.settings import McpServer
from tests.engine.runtime.agents_at_work import agent, call, output_of, says
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    error_of,
    failed,
    finished,
    pending_approval,
    rest,
    retry,
    start,
    tool,
    until,
)
from tests.engine.runtime.fake_settings import FakeSettings
from tests.engine.runtime.plans.proposed_plans import plan
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.facade.engine import Engine

LOOPBACK = Path(__file__).parents[2] / "tools" / "mcp_client" / "loopback.py"
SUM = {"a": 1, "b": 2}


@pytest.fixture(autouse=True)
def _no_blocking_calls() -> None:
    """Servers are processes: Popen waits for the moment in which its child begins."""


def servers(**fields: Any) -> Mapping[str, McpServer]:
    command = (sys.executable, "-S", str(LOOPBACK))
    return {"loop": McpServer(**{"command": command, **fields})}


def says_word(home: Home, word: str) -> None:
    (home.root / "cache" / "mcp" / "loop" / word).touch()


async def test_a_step_and_an_agent_call_tools_of_a_declared_server(home: Home) -> None:
    home.flow("plain", tool("add", "loop.get_sum", params=SUM, backend="mcp"))
    asked = agent(
        says("I add.", call("loop.get_sum", a="x"), call("loop.get_sum", **SUM), call("loop.fail")),
        says("Done."),
        tools=("loop.get_sum", "loop.fail"),
    )
    home.flow("asked", asked)
    async with home.working(mcp=servers(risk=Risk.LOW)) as engine:
        run = await finished(engine, "plain")
        assert (await output_of(engine, run.run_id, "add")) == {"text": "3", "structured": {"sum": 3}}
        step = await engine.runs.step(run.run_id, "add")
        assert step.meta is not None
        assert (step.meta.backend, step.meta.sandbox) == ("mcp", "process")
        run = await finished(engine, "asked")
        assert (await output_of(engine, run.run_id, "work/0/calls/1/call"))["text"] == "3"
        wrong = await engine.runs.step(run.run_id, "work/0/calls/0/call")
        assert wrong.error is not None
        assert "must be a whole number" in wrong.error.message


async def test_what_its_server_says_of_a_tool_counts_where_it_is_trusted(home: Home) -> None:
    home.flow("careful", tool("add", "loop.get_sum", params=SUM), autonomy_level="suggest_only")
    async with home.working(mcp=servers()) as engine:
        card = await pending_approval(engine, await start(engine, "careful"))
        assert card.risk is Risk.HIGH
        assert "effects: outside, risk: high" in card.preview.text if card.preview else False
    async with home.working(mcp=servers(trusted=True)) as engine:
        await finished(engine, "careful")  # it only reads: nobody is asked
    async with home.working(mcp=servers(trusted=True, effects=Effects.LOCAL)) as engine:
        card = await pending_approval(engine, await start(engine, "careful"))
        assert card.preview is not None
        assert card.preview.text.startswith("server: loop (trusted), ")


async def test_an_approval_is_of_the_tool_as_it_was_listed(home: Home) -> None:
    home.flow("gated", approval("ask"), tool("add", "loop.get_sum", params=SUM))
    async with home.working(mcp=servers()) as engine:
        run_id = await start(engine, "gated")
        first = await pending_approval(engine, run_id)
        assert first.preview is not None
        says_word(home, "changed")
        await engine.requests.approve(first.approval_id, actor=ANN, digest=first.digest)
        second = await pending_approval(engine, run_id)
        assert second.approval_id != first.approval_id, "what would be called is not what was approved"
        assert second.preview is not None
        assert second.preview.base != first.preview.base
        assert "Ignore all rules" in second.preview.text, "as data, for whoever decides"
        await engine.requests.approve(second.approval_id, actor=ANN, digest=second.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_server_that_cannot_be_used_fails_the_step_and_says_why(home: Home) -> None:
    home.flow("plain", tool("add", "loop.get_sum", params=SUM))
    async with home.working(mcp=servers(command=("no-such-program",))) as engine:
        run = await failed(engine, "plain")
        code, message = await error_of(engine, run.run_id)
        assert code == "backend_error"
        assert "there is no program 'no-such-program'" in message


async def test_a_server_that_is_declared_while_runs_are_worked_can_be_called(home: Home) -> None:
    home.flow("plain", tool("add", "other.get_sum", params=SUM))
    now = FakeSettings()
    (loop,) = servers().values()
    for before in (servers(), {}):  # the first one of all as well
        async with home.working(mcp=before, settings_now=now, settings_look_seconds=0.01) as engine:
            (pack,) = await engine.packs.list()
            assert pack.problems
            now.declare({**before, "other": loop}, {})
            await until(partial(whole, engine))
            await finished(engine, "plain")
            now.declare({}, {})
            await until(partial(broken, engine))


async def test_a_call_of_a_server_that_was_declared_meanwhile_may_end_before_its_worker_does(
    home: Home,
) -> None:
    home.flow("plain", tool("wait", "loop.slow", params={"seconds": 0.3}))
    now = FakeSettings()
    looks: dict[str, Any] = {"settings_now": now, "settings_look_seconds": 0.01}
    async with home.open(mcp={}, drain_seconds=PATIENCE, **looks) as engine:
        async with engine.work():
            now.declare(servers(), {})
            await until(partial(whole, engine))
            run_id = await start(engine, "plain")

            async def begun() -> bool:
                return (home.root / "cache" / "mcp" / "loop" / "begun").exists()

            await until(begun)
        assert (await engine.runs.step(run_id, "wait")).status is StepStatus.COMPLETED


async def test_settings_that_could_not_be_looked_at_once_are_looked_at_again(home: Home) -> None:
    home.flow("plain", tool("add", "loop.get_sum", params=SUM))
    now = FakeSettings()
    now.declare(servers(), {})
    now.fail(OSError("no such device"))
    async with home.working(mcp={}, settings_now=now, settings_look_seconds=0.01) as engine:
        await until(partial(whole, engine))
        await finished(engine, "plain")


async def test_another_value_of_a_secret_starts_the_servers_that_are_given_it_again(home: Home) -> None:
    home.flow("plain", tool("add", "loop.get_sum", params=SUM))
    now = FakeSettings()
    given = servers(env={"KEY": {"$secret": "key"}})
    old = {"key": "first-value", "another": "a"}
    async with home.working(mcp=given, secrets=old, settings_now=now, settings_look_seconds=0.01) as engine:
        await finished(engine, "plain")
        pids = home.root / "cache" / "mcp" / "loop" / "pids"
        for secrets, starts in (
            ({**old, "another": "b"}, 1),
            ({**old, "key": "second-value"}, 2),
            ({**old, "key": "second-value"}, 2),
        ):
            now.declare(given, secrets)
            await until(now.taken)
            await finished(engine, "plain")
            assert len(pids.read_text().split()) == starts


async def whole(engine: Engine) -> bool:
    (found,) = await engine.packs.list()
    return not found.problems


async def broken(engine: Engine) -> bool:
    return not await whole(engine)


async def test_a_tool_of_a_server_that_nobody_declared_breaks_its_pack(home: Home) -> None:
    home.flow("plain", tool("add", "loop.get_sum", params=SUM))
    async with home.open() as engine:
        (pack,) = await engine.packs.list()
        assert "unknown tool `loop.get_sum`" in pack.problems[0].message
    async with home.open(mcp=servers()) as engine:
        (pack,) = await engine.packs.list()
        assert not pack.problems


async def test_an_approved_plan_is_not_worked_with_another_tool_than_was_listed_when_it_was_shown(
    home: Home,
) -> None:
    adding = {"step_id": "add", "tool": "loop.get_sum", "params": SUM}
    proposed = [{"summary": f"Add, {number}.", "steps": [adding]} for number in range(2)]
    home.flow("go", plan(*proposed, tools=("loop.get_sum",)))
    async with home.working(mcp=servers()) as engine:
        run_id = await start(engine, "go")
        first = await pending_approval(engine, run_id)
    says_word(home, "changed")
    async with home.working(mcp=servers()) as engine:
        await engine.requests.approve(first.approval_id, actor=ANN, digest=first.digest)
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert (await error_of(engine, run_id))[0] == "approval_void"
        await retry(engine, run_id)
        second = await pending_approval(engine, run_id)
        assert second.step_id == "plan/1/review"
        await engine.requests.approve(second.approval_id, actor=ANN, digest=second.digest)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.output is not None
        assert run.output["outputs"]["add"]["text"] == "3"
