"""What holds agents of other programs: hooks of the pack, and the level they are started at."""

from __future__ import annotations

from typing import Any

import pytest

from engine.tools.context import ToolLimits
from engine.tools.sandbox.bubblewrap import Bubblewrap
from tests.engine.runtime.calls.test_bound_calls import layers
from tests.engine.runtime.embedded_home import BOB, Home, error_of, failed, kinds, pending_approval, start
from tests.engine.runtime.outside_programs import AGENT, agent, agents, ended, made, notes, said

pytestmark = pytest.mark.on_disk

SEES_THE_PROGRAM = ToolLimits(sandbox_reads=(AGENT.parent,))


def hooked(home: Home, **hook: Any) -> None:
    home.flow("ask", agent())
    layers(home, guardrails={"hooks": [{"id": "no", "reason": "Not here.", **hook}]})


async def test_a_call_that_a_hook_refuses_nobody_is_asked_for(home: Home) -> None:
    hooked(home, at="before_tool", tool="acp.plain.*", contains=["made.txt"])
    async with home.working(agents=agents(home, "file")) as engine:
        run_id = await start(engine, "ask")
        assert (await ended(engine, run_id)).output["text"] == "I leave it."
        assert "pending_human" not in await kinds(engine, run_id)
        step = await engine.runs.step(run_id, "work/1/call")
        assert step.error is not None
        assert step.error.message == "Not here. (hook no)"
        assert not made(home)


async def test_an_agent_that_a_hook_stops_at_its_start_has_no_program(home: Home) -> None:
    hooked(home, at="start", contains=["make it"])
    async with home.working(agents=agents(home, "file")) as engine:
        run = await failed(engine, "ask")
        assert (await error_of(engine, run.run_id))[0] == "permission_denied"
        assert notes(home) == []


@pytest.mark.parametrize("point", ["before_model", "after_model", "after_tool", "completed"])
async def test_where_hooks_look_at_what_such_an_agent_does_not_show_it_does_not_start(
    home: Home, point: str
) -> None:
    hooked(home, at=point, contains=["x"])
    async with home.working(agents=agents(home, "file")) as engine:
        run = await failed(engine, "ask")
        assert f"hooks look at {point}" in (await error_of(engine, run.run_id))[1]
        assert notes(home) == []


async def test_an_isolated_agent_sees_its_own_folders_and_nothing_else(home: Home) -> None:
    home.flow("ask", agent())
    (home.root / "journal of somebody").touch()
    seen = agents(home, "looks_about", sandbox="isolated", cwd=str(home.root / "deeds"))
    async with home.working(agents=seen, limits=SEES_THE_PROGRAM) as engine:
        run_id = await start(engine, "ask")
        await ended(engine, run_id)
        assert await said(engine, run_id) == "deeds, runs"
        step = await engine.runs.step(run_id, "work/0/prompt")
        assert step.meta is not None
        assert step.meta.sandbox == "isolated"


async def test_an_isolated_agent_asks_and_acts_as_any_other(home: Home) -> None:
    home.flow("ask", agent())
    isolated = agents(home, "file", sandbox="isolated", cwd=str(home.root / "deeds"), network=False)
    async with home.working(agents=isolated, limits=SEES_THE_PROGRAM) as engine:
        card = await pending_approval(engine, await start(engine, "ask"))
        await engine.requests.approve(card.approval_id, actor=BOB, digest=card.digest)
        assert (await ended(engine, card.run_id)).output["text"] == "It is made."
        assert made(home)
        asked, answer = (await engine.runs.conversation(card.run_id, "work")).turns
        assert (asked.text, answer.text) == ("I make a file.", "It is made.")
        (call,) = asked.calls
        assert (call.decided, call.arguments) == ("APPROVED by bob", '{"path":"made.txt","text":"x\\n"}')


async def test_where_nothing_isolates_an_agent_that_is_to_be_isolated_does_not_start(home: Home) -> None:
    home.flow("ask", agent())
    nothing = Bubblewrap(None, "bubblewrap is not there")
    isolated = agents(home, "file", sandbox="isolated")
    async with home.working(agents=isolated, bubblewrap=lambda: nothing) as engine:
        run = await failed(engine, "ask")
        code, message = await error_of(engine, run.run_id)
        assert code == "agent_error"
        assert "bubblewrap is not there" in message
        assert notes(home) == []
