"""The snapshot of a run: what its agents stand at, at work, left by their worker, and after the end."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from docs.snapshot_schema import FILE
from engine.contracts.actor import Actor
from engine.contracts.runs.snapshot import AgentPhase, RunSnapshot, TerminalCause
from engine.contracts.status import CancelMode, RequestKind, RunStatus, StepStatus
from engine.errors import NotFound
from engine.json_schema.forms import check_values
from tests.engine.models.loopback import head, serving
from tests.engine.runtime.agents.test_agent_skills import skill
from tests.engine.runtime.agents.test_conversations import say, talker, waiting
from tests.engine.runtime.agents_at_work import agent, answering_in_turn, call, models_at, says, spoken
from tests.engine.runtime.asking_models.test_narrowed_tools import called
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    failed,
    finished,
    pending_approval,
    rest,
    start,
    tool,
    until,
)
from tests.engine.runtime.outside_programs import agent as program
from tests.engine.runtime.outside_programs import agents, ended
from tests.engine.runtime.plans.proposed_plans import call as planned
from tests.engine.runtime.plans.proposed_plans import plan, proposes

if TYPE_CHECKING:
    from engine.contracts.runs.snapshot import AgentSnapshot
    from engine.facade.engine import Engine


async def snapshot(engine: Engine, run_id: str) -> RunSnapshot:
    """The snapshot, which fits its schema."""
    found = await engine.runs.snapshot(run_id)
    assert not list(check_values(json.loads(FILE.read_text("utf-8")), found.model_dump(mode="json")))
    return found


async def of_agent(engine: Engine, run_id: str) -> AgentSnapshot:
    (found,) = (await snapshot(engine, run_id)).agents
    return found


async def test_a_run_at_work_tells_its_turn_its_calls_and_its_bounds(home: Home) -> None:
    slow = call("fake.slow", key="one")
    script = says("", call("fake.fail", code="backend_error", message="no")), says("", slow), says("Done.")
    home.flow("ask", agent(*script, tools=("fake.slow", "fake.fail"), max_turns=5, deferred=["fake.give"]))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        await called(home, 2)
        await engine.runs.narrow(run_id, actor=ANN, without=["fake.give"])
        await engine.runs.narrow(run_id, actor=ANN, only=["fake.slow"], once=True)
        await engine.runs.tell(run_id, "Be brief.", actor=ANN)

        async def heard() -> bool:
            return bool((await snapshot(engine, run_id)).messages_waiting)

        await until(heard)
        found = await snapshot(engine, run_id)
        (at,) = found.agents
        assert (found.status, found.messages_waiting) == (RunStatus.RUNNING, 1)
        assert found.held_by is not None
        assert found.narrowed is not None
        assert found.narrowed_once is not None
        assert (found.narrowed.without, found.narrowed_once.only) == (("fake.give",), ("fake.slow",))
        assert (at.phase, at.turn, at.max_turns, at.terminal_cause) == (AgentPhase.CALLING, 2, 5, None)
        assert [(one.tool, one.status, one.code) for one in at.last_calls] == [
            ("fake.fail", StepStatus.FAILED, "backend_error"),
            ("fake.slow", StepStatus.RUNNING, None),
        ]
        assert (at.tools.own, at.tools.deferred) == (("fake.slow", "fake.fail", "find_tools"), 1)
        assert at.tools.hidden == ("fake.fail", "find_tools", "fake.give")
        assert (at.model.provider, at.model.attempt, at.model.max_attempts) == ("scripted", 1, 3)
        assert at.calls_pending == 1
        home.tools.release("one")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_an_agent_tells_which_skills_it_has_and_why_it_lacks_others(home: Home) -> None:
    home.flow("ask", agent(says("Seen."), skills=["look", "{{ payload.more }}"]))
    skill(home, "look")
    skill(home, "other", required_tools=["Fake.Echo"])
    skill(home, "write", required_tools=["fake.give"])
    async with home.working() as engine:
        run_id = (await finished(engine, "ask", {"more": "lost"})).run_id
        skills = (await of_agent(engine, run_id)).skills
        assert skills is not None
        assert (skills.told, skills.listed, skills.fault) == (("demo/look",), 2, None)
        assert [(one.key, one.reason, one.tool) for one in skills.left_out] == [
            ("demo/lost", "not_found", None),
            ("demo/write", "tool_not_visible", "fake.give"),
        ]


async def test_a_pack_that_cannot_be_read_any_more_is_told_of_its_skills_not_taken_for_one_without_any(
    home: Home,
) -> None:
    home.flow("ask", agent(says("Seen."), skills=["look"]))
    skill(home, "look")
    async with home.working() as engine:
        run_id = (await finished(engine, "ask")).run_id
    with closing(sqlite3.connect(home.config().journal_path)) as journal, journal:
        journal.execute("UPDATE pack_contents SET content = '{}'")
    async with home.open() as engine:
        skills = (await of_agent(engine, run_id)).skills
        assert skills is not None
        assert (skills.told, skills.listed, skills.fault) == (("demo/look",), None, "pack_invalid")


async def test_whoever_looks_at_what_a_worker_left_sees_the_same(home: Home) -> None:
    home.flow("ask", talker(says("Yes?")))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        await waiting(engine, run_id)
        before = await snapshot(engine, run_id)
    async with home.open() as engine:
        after = await snapshot(engine, run_id)
    assert after.agents == before.agents
    (at,), (asked,) = after.agents, after.requests
    assert (at.phase, at.turn) == (AgentPhase.MESSAGE, 1)
    assert (asked.kind, asked.step_id) == (RequestKind.FORM, "work/1/message")


async def test_where_another_program_is_the_agent_that_is_told(home: Home) -> None:
    home.flow("ask", program())
    async with home.working(agents=agents(home, "file")) as engine:
        run_id = await start(engine, "ask")
        card = await pending_approval(engine, run_id)
        at = await of_agent(engine, run_id)
        assert (at.phase, at.turn, at.max_turns, at.skills) == (AgentPhase.PROGRAM, 0, None, None)
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
        await ended(engine, run_id)
        assert (await of_agent(engine, run_id)).phase is AgentPhase.ENDED


async def test_an_end_that_a_person_says_is_no_turn(home: Home) -> None:
    home.flow("ask", talker(says("Yes?")))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        await say(engine, run_id, "")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        at = await of_agent(engine, run_id)
        assert (at.turn, at.terminal_cause) == (1, TerminalCause.COMPLETED)


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"script": [says("", call(a=1))], "max_turns": 1}, TerminalCause.TURN_LIMIT),
        ({"script": [says("", call(a=1))] * 9, "max_turns": 9}, TerminalCause.LOOP_DETECTED),
        ({"script": [says("no")] * 3, "output": {"type": "object"}}, TerminalCause.CONTRACT_VIOLATION),
        ({"script": [], "model": "nobody"}, TerminalCause.FAILED),
    ],
)
async def test_an_ended_agent_tells_why(home: Home, fields: dict[str, Any], cause: TerminalCause) -> None:
    home.flow("ask", agent(*fields.pop("script"), **fields))
    async with home.working() as engine:
        run = await failed(engine, "ask")
        at = await of_agent(engine, run.run_id)
        assert (at.phase, at.terminal_cause, at.error is not None) == (AgentPhase.ENDED, cause, True)
        if cause is TerminalCause.CONTRACT_VIOLATION:
            assert (at.unfit_answers, at.max_unfit_answers) == (3, 2)


@pytest.mark.parametrize("fields", [{}, {"finally": [tool("last")]}])
async def test_an_agent_whose_run_is_out_of_time_was_cancelled_by_nobody(
    home: Home, fields: dict[str, Any]
) -> None:
    slow = agent(says("", call("fake.slow")), says("Done."), tools=("fake.slow",))
    home.flow("ask", slow, max_duration=0.2, **fields)
    async with home.working() as engine:
        run = await failed(engine, "ask")
        found = await of_agent(engine, run.run_id)
        assert (found.status, found.terminal_cause) == (StepStatus.CANCELLED, TerminalCause.TIME_BUDGET)


async def test_calls_that_nobody_waits_for_any_more_are_not_pending_and_forgiven_attempts_count(
    home: Home,
) -> None:
    away = [head(503, "application/json") + b"{}"] * 2
    answers = answering_in_turn(*away, spoken("", *[("fake__slow", f'{{"key": "{n}"}}') for n in range(12)]))
    home.flow("ask", agent(tools=("fake.slow",), retry={"max_attempts": 2, "backoff_seconds": 0}))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run_id = (await failed(engine, "ask")).run_id
        assert (await of_agent(engine, run_id)).model.max_attempts == 2
        await engine.runs.retry(run_id, actor=ANN)
        await called(home, 4)
        at = await of_agent(engine, run_id)
        assert (at.model.attempt, at.model.max_attempts) == (3, 4)
        assert (len(at.last_calls), at.calls_pending) == (10, 12)
        await engine.runs.cancel(run_id, actor=ANN, mode=CancelMode.NOW)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        assert (await of_agent(engine, run_id)).calls_pending == 0


async def test_one_that_is_done_is_completed_and_nothing_that_was_said_stands_in_it(home: Home) -> None:
    home.flow("ask", agent(says("Well.", call(secret="hush")), says("Very private.")))
    async with home.working() as engine:
        run = await finished(engine, "ask")
        found = await snapshot(engine, run.run_id)
        assert found.agents[0].terminal_cause is TerminalCause.COMPLETED
        assert (found.held_by, found.requests, found.tool_calls) == (None, (), 1)
        assert not any(words in found.model_dump_json() for words in ("private", "hush", "Do it"))


async def test_a_plan_waits_for_a_decision_then_tells_its_calls(home: Home) -> None:
    home.flow("go", plan("no plan", proposes(planned("one"))))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        card = await pending_approval(engine, run_id)
        found = await snapshot(engine, run_id)
        (at,) = found.agents
        assert (at.type, at.phase, at.turn) == ("plan_proposal", AgentPhase.DECISION, 2)
        assert [one.request_id for one in found.requests] == [card.approval_id]
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert [one.tool for one in (await of_agent(engine, run_id)).last_calls] == ["fake.echo"]


async def test_a_model_that_is_asked_again_later_is_waited_for(home: Home) -> None:
    busy = head(503, "application/json") + b"{}"
    home.flow("ask", agent(retry={"max_attempts": 2, "backoff_seconds": 60}))
    answers = answering_in_turn(busy, spoken("Done."))
    async with serving(answers) as server, home.working(models=models_at(server.url)) as engine:
        run_id = await start(engine, "ask")

        async def waits() -> bool:
            at = await first_agent(engine, run_id)
            return at is not None and at.phase is AgentPhase.WAITING_TO_ASK

        await until(waits)
        model = (await of_agent(engine, run_id)).model
        assert model.retry_at is not None
        assert (model.attempt, model.max_attempts) == (1, 2)
        await engine.runs.cancel(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        assert (await of_agent(engine, run_id)).terminal_cause is TerminalCause.CANCELLED


async def first_agent(engine: Engine, run_id: str) -> AgentSnapshot | None:
    return next(iter((await snapshot(engine, run_id)).agents), None)


async def test_a_run_that_an_agent_started_tells_which_run_stands_above_it(home: Home) -> None:
    home.flow("below", {"id": "a", "type": "wait", "duration": 3_600})
    home.flow("ask", agent(says("", call("flow.below")), tools=(), flows=["below"]))
    async with home.working() as engine:
        run_id = await start(engine, "ask")

        async def begun() -> bool:
            at = await first_agent(engine, run_id)
            return at is not None and bool(at.child_run_ids)

        await until(begun)
        above = await snapshot(engine, run_id)
        child = await snapshot(engine, above.agents[0].child_run_ids[0])
        assert (above.parent_run_id, above.depth) == (None, 0)
        assert (child.parent_run_id, child.depth) == (run_id, 1)
        await engine.runs.cancel(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)


async def test_a_run_without_agents_has_a_snapshot_and_one_of_another_tenant_has_none(home: Home) -> None:
    home.flow("wait", {"id": "a", "type": "wait", "duration": 3_600})
    async with home.working() as engine:
        run_id = await start(engine, "wait")
        assert (await snapshot(engine, run_id)).agents == ()
        elsewhere = engine.for_(Actor(name="eve", via="cli"), tenant="beta")
        with pytest.raises(NotFound):
            await elsewhere.runs.snapshot(run_id)
        await engine.runs.cancel(run_id, actor=ANN)
