"""An agent that another program brings, in a run: its prompt, what it asks permission for, how it ends."""

from __future__ import annotations

import json

import psutil
import pytest

from engine.acp.settings import AgentSettings
from engine.contracts.status import CancelMode, RunStatus
from engine.errors import VasiniError
from engine.governance.policies import Policies
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    error_of,
    kinds,
    pending_approval,
    rest,
    start,
    statuses,
    tool,
    until,
)
from tests.engine.runtime.outside_programs import agent, agents, ended, made, notes, said


async def test_what_is_approved_is_done_and_the_answer_is_handed_on(home: Home) -> None:
    home.flow("ask", agent(), tool("after", params={"said": "{{ steps.work.output.text }}"}))
    async with home.working(agents=agents(home, "file")) as engine:
        run_id = await start(engine, "ask")
        card = await pending_approval(engine, run_id)
        assert (card.step_id, card.title) == ("work/1/call", "work: Write made.txt")
        assert card.action is not None
        assert card.action.target == "acp.plain.edit"
        assert card.action.params == {
            "title": "Write made.txt",
            "kind": "edit",
            "arguments": {"path": "made.txt", "text": "x\n"},
            "content": [],
            "locations": [],
            "answer": "Allow",
            "never_chosen": ["Always allow", "Never"],
        }
        assert not made(home)
        await engine.requests.approve(card.approval_id, actor=BOB, digest=card.digest)
        run = await ended(engine, run_id)
        assert run.output == {"said": "It is made."}
        assert made(home)
        assert notes(home)[-1] == "chosen yes"
        assert await statuses(engine, run_id) == dict.fromkeys(
            ("work", "work/0/prompt", "work/1/call", "after"), "COMPLETED"
        )
        result = (await engine.runs.step(run_id, "work/1/call")).output
        assert result == {
            "title": "Write made.txt",
            "status": "completed",
            "text": "",
            "output": {"bytes": 2},
        }


async def test_what_is_rejected_is_not_done_and_the_agent_goes_on(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "file")) as engine:
        run_id = await start(engine, "ask")
        card = await pending_approval(engine, run_id)
        await engine.requests.reject(card.approval_id, actor=BOB, digest=card.digest, comment="not there")
        run = await ended(engine, run_id)
        assert run.output["text"] == "I leave it."
        assert not made(home)
        assert notes(home)[-1] == "chosen no"
        step = await engine.runs.step(run_id, "work/1/call")
        assert step.error is not None
        assert step.error.message == "rejected by bob: not there"


async def test_two_questions_at_once_are_answered_one_by_one(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "two")) as engine:
        run_id = await start(engine, "ask")

        async def both() -> bool:
            return len((await engine.requests.approvals(run_id=run_id)).items) == 2

        await until(both)
        cards = {card.step_id: card for card in (await engine.requests.approvals(run_id=run_id)).items}
        second, first = cards["work/2/call"], cards["work/1/call"]
        await engine.requests.reject(second.approval_id, actor=BOB, digest=second.digest, comment="no")
        await engine.requests.approve(first.approval_id, actor=BOB, digest=first.digest)
        await ended(engine, run_id)
        assert await said(engine, run_id) == "a=yes b=no"


async def refused(home: Home, behavior: str) -> tuple[str, str]:
    """What a person is never asked: how the call ended, and what the agent heard."""
    home.flow("ask", agent())
    async with home.working(agents=agents(home, behavior)) as engine:
        run_id = await start(engine, "ask")
        await ended(engine, run_id)
        step = await engine.runs.step(run_id, "work/1/call")
        assert "pending_human" not in await kinds(engine, run_id)
        assert step.error is not None
        return step.error.message, await said(engine, run_id)


async def test_a_call_whose_arguments_nobody_saw_is_refused(home: Home) -> None:
    assert await refused(home, "no_arguments") == (
        "the agent did not say what it would do: no arguments were seen",
        "no",
    )


async def test_answers_that_hold_for_later_calls_are_never_chosen(home: Home) -> None:
    message, heard = await refused(home, "no_once")
    assert message == "the agent offers no answer that allows it once"
    assert heard == "error"


async def test_unknown_answers_are_none(home: Home) -> None:
    assert (await refused(home, "unknown_options"))[1] == "error"


async def test_what_policy_forbids_nobody_is_asked(home: Home) -> None:
    home.flow("ask", agent())
    policies = Policies(blocked_tools=frozenset({"acp.plain.edit"}))
    async with home.working(agents=agents(home, "file"), policies=policies) as engine:
        run_id = await start(engine, "ask")
        run = await ended(engine, run_id)
        assert run.output["text"] == "I leave it."
        assert not made(home)


async def test_an_agent_that_policy_forbids_does_not_start(home: Home) -> None:
    home.flow("ask", agent())
    policies = Policies(blocked_tools=frozenset({"acp.plain"}))
    async with home.working(agents=agents(home, "file"), policies=policies) as engine:
        run_id = await start(engine, "ask")
        assert (await ended(engine, run_id)).status is RunStatus.FAILED
        assert (await error_of(engine, run_id))[0] == "permission_denied"
        assert notes(home) == []


async def test_a_change_to_a_file_is_shown_as_one(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "diff")) as engine:
        card = await pending_approval(engine, await start(engine, "ask"))
        assert card.preview is not None
        assert card.preview.kind == "diff"
        assert card.preview.text.splitlines()[-2:] == ["-one", "+two"]
        await engine.requests.approve(card.approval_id, actor=BOB, digest=card.digest)
        await ended(engine, card.run_id)
        assert await said(engine, card.run_id) == "yes"


async def test_a_call_that_changed_while_it_was_asked_about_is_not_allowed(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "changes")) as engine:
        card = await pending_approval(engine, await start(engine, "ask"))
        await engine.requests.approve(card.approval_id, actor=BOB, digest=card.digest)
        await ended(engine, card.run_id)
        assert await said(engine, card.run_id) == "no"
        step = await engine.runs.step(card.run_id, "work/1/call")
        assert step.error is not None
        assert step.error.message == "the agent changed the call while it was asked about"


async def test_a_question_that_the_agent_does_not_wait_for_is_withdrawn(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "goes_on")) as engine:
        run_id = await start(engine, "ask")
        await ended(engine, run_id)
        assert not (await engine.requests.approvals(run_id=run_id)).items
        assert (await statuses(engine, run_id))["work/1/call"] == "FAILED"


async def test_files_and_terminals_of_ours_are_not_offered(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "wants_files")) as engine:
        run_id = await start(engine, "ask")
        await ended(engine, run_id)
        assert await said(engine, run_id) == "error"


@pytest.mark.parametrize(
    ("behavior", "reason"),
    [
        ("early", "spoke_first"),
        ("version", "version"),
        ("same_id", "asked_twice"),
        ("flood", "flood"),
        ("long_line", "line_too_long"),
        ("stops", "stopped"),
    ],
)
async def test_who_breaks_the_protocol_fails_with_a_reason(behavior: str, reason: str, home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, behavior)) as engine:
        run_id = await start(engine, "ask")
        run = await ended(engine, run_id)
        assert run.error is not None
        assert (run.error.code, run.error.details["reason"]) == ("agent_error", reason)
        assert notes(home).count('prompt "Be a test.\\n\\nMake it."') <= 1


async def test_an_agent_that_ends_tells_how_and_is_tried_again(home: Home) -> None:
    retry = {"max_attempts": 2, "backoff_seconds": 0}
    home.flow("ask", agent(retry=retry))
    async with home.working(agents=agents(home, "exits")) as engine:
        run_id = await start(engine, "ask")
        run = await ended(engine, run_id)
        assert run.error is not None
        details = run.error.details
        assert (details["reason"], details["exit_status"]) == ("ended", 3)
        assert details["stderr"] == "no such model"
        assert len(notes(home)) == 4


async def test_a_question_dies_with_its_agent_which_is_asked_anew(home: Home) -> None:
    home.flow("ask", agent(retry={"max_attempts": 2, "backoff_seconds": 0}))
    async with home.working(agents=agents(home, "exits_asking")) as engine:
        run_id = await start(engine, "ask")

        async def second() -> bool:
            found = (await engine.requests.approvals(run_id=run_id)).items
            return [card.step_id for card in found] == ["work/2/call"]

        await until(second)
        card = (await engine.requests.approvals(run_id=run_id)).items[0]
        assert "You worked on this before" in notes(home)[-1]
        await engine.requests.approve(card.approval_id, actor=BOB, digest=card.digest)
        assert (await ended(engine, run_id)).output["text"] == "It is made."


async def test_names_and_programs_that_are_not_there_say_so(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=AgentSettings()) as engine:
        run_id = await start(engine, "ask")
        await ended(engine, run_id)
        assert "there is no agent 'plain' below agents.acp" in (await error_of(engine, run_id))[1]
    nothing = AgentSettings.model_validate({"acp": {"plain": {"command": "no-such-program"}}})
    async with home.working(agents=nothing) as engine:
        run_id = await start(engine, "ask")
        await ended(engine, run_id)
        assert "'no-such-program'" in (await error_of(engine, run_id))[1]


@pytest.mark.parametrize("mode", list(CancelMode))
async def test_a_cancel_ends_the_turn_and_the_question(mode: CancelMode, home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "file")) as engine:
        run_id = await start(engine, "ask")
        await pending_approval(engine, run_id)
        await engine.runs.cancel(run_id, actor=ANN, mode=mode)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        assert not (await engine.requests.approvals(run_id=run_id)).items
        assert "chosen cancelled" in notes(home)
        assert not made(home)


async def test_a_cancel_kills_also_what_left_the_group(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "endless")) as engine:
        run_id = await start(engine, "ask")
        file = home.root / "deeds" / "grandchild"

        async def begun() -> bool:
            return file.exists() and bool(file.read_text())

        await until(begun)
        await engine.runs.cancel(run_id, actor=ANN, mode=CancelMode.NOW)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        assert not psutil.pid_exists(int(file.read_text()))


async def test_an_agent_sees_nothing_of_ours_and_has_a_home_of_its_own(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_HOME", "/somewhere")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "surroundings", env={"MODE": "quiet"})) as engine:
        run_id = await start(engine, "ask")
        await ended(engine, run_id)
        seen = json.loads(await said(engine, run_id))
        assert {"HOME", "LANG", "MODE", "PATH"} == set(seen["env"]) - {"LC_CTYPE"}
        runs = home.root / "runs" / "demo" / run_id / "runtime"
        assert seen["cwd"] == str(runs / "work")
        assert seen["env"]["HOME"].startswith(str(runs / "agents"))


async def test_secrets_that_an_agent_is_given_are_nowhere_at_rest(home: Home) -> None:
    home.flow("ask", agent())
    settings = agents(home, "secret", env={"TOKEN": {"$secret": "mine"}})
    async with home.working(agents=settings, secrets={"mine": "hunter2-and-more"}) as engine:
        card = await pending_approval(engine, await start(engine, "ask"))
        await engine.requests.approve(card.approval_id, actor=BOB, digest=card.digest)
        await ended(engine, card.run_id)
        assert (await said(engine, card.run_id)).startswith("yes")
    assert b"hunter2-and-more" not in home.bytes_at_rest()


async def test_a_secret_that_an_agent_fails_with_is_nowhere_at_rest(home: Home) -> None:
    home.flow("ask", agent())
    settings = agents(home, "wrong_key", env={"TOKEN": {"$secret": "mine"}})
    async with home.working(agents=settings, secrets={"mine": "hunter2-and-more"}) as engine:
        run = await ended(engine, await start(engine, "ask"))
        assert run.error is not None
        assert "wrong key [SECRET" in run.error.message
    assert b"hunter2-and-more" not in home.bytes_at_rest()


async def test_hostile_text_is_data(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "hostile")) as engine:
        card = await pending_approval(engine, await start(engine, "ask"))
        assert card.action is not None
        assert card.action.target == "acp.plain.other"
        assert card.action.params["arguments"]["evil"].startswith("\x1b]0;owned")
        await engine.requests.approve(card.approval_id, actor=BOB, digest=card.digest)
        await ended(engine, card.run_id)
        assert (await said(engine, card.run_id)) == "yes"


async def test_an_answer_is_held_to_its_schema(home: Home) -> None:
    schema = {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]}
    home.flow("ask", agent(output=schema))
    async with home.working(agents=agents(home, "answer")) as engine:
        run = await ended(engine, await start(engine, "ask"))
        assert run.output["data"] == {"word": "yes"}
        assert run.output["model"] == "plain 1.0"
    async with home.working(agents=agents(home, "goes_on")) as engine:
        run = await ended(engine, await start(engine, "ask"))
        assert run.error is not None
        assert "does not fit its schema" in run.error.message


async def test_a_session_that_is_known_is_loaded_where_the_agent_can(home: Home) -> None:
    home.flow("ask", agent())
    async with home.working(agents=agents(home, "loads")) as engine:
        run_id = await start(engine, "ask")
        first = await pending_approval(engine, run_id)
    async with home.working(agents=agents(home, "loads")) as engine:

        async def anew() -> bool:
            found = (await engine.requests.approvals(run_id=run_id)).items
            return [card.step_id for card in found] == ["work/2/call"]

        await until(anew)
        assert "load s1" in notes(home)
        old = (await statuses(engine, run_id))["work/1/call"]
        assert old == "FAILED"
        with pytest.raises(VasiniError):
            await engine.requests.approve(first.approval_id, actor=BOB, digest=first.digest)
        card = (await engine.requests.approvals(run_id=run_id)).items[0]
        await engine.requests.approve(card.approval_id, actor=BOB, digest=card.digest)
        assert (await ended(engine, run_id)).output["text"] == "It is made."
        assert notes(home).count("chosen yes") == 1
