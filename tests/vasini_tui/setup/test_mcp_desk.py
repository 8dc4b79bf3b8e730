"""What the questions of an agent elsewhere become before anybody sees them, and what it hears meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.contracts.actor import Actor
from engine.contracts.runs.listed import RunError, WaitingFor
from engine.contracts.status import CancelMode, RunStatus, WaitKind
from engine.errors import ErrorCode, InvalidInput, Unavailable
from engine.json_schema.forms import check_values
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run
from tests.patience import PATIENCE
from vasini_tui.mcp_server.desk import MAX_CALL, MAX_MESSAGE, MAX_OPEN, MAX_TITLE, Desk
from vasini_tui.mcp_server.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.contracts.runs.listed import RunView

AGENT = Actor(name="ana", account="ana", via="mcp")
PACK = Path(__file__).parents[3] / "packs" / "outside"
OFFERED = {tool.name: tool for tool in TOOLS}


async def nobody_hears(words: str) -> None: ...


async def told_back(desk: Desk, tool: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the tool says to the agent."""
    async with asyncio.timeout(PATIENCE):
        said, _ = await OFFERED[tool].call(desk, "coder 1.0", given, nobody_hears)
    return said


def newest(engine: FakeEngine) -> RunView:
    return list(engine.stored_runs.values())[-1]


def becomes(engine: FakeEngine, status: RunStatus, **more: Any) -> Callable[[], None]:
    """The run that was started last becomes that."""

    def change() -> None:
        engine.add(replace(newest(engine), status=status, **more))

    return change


def approves(engine: FakeEngine) -> None:
    """Whatever is asked is allowed, exactly so."""
    output = {"digest": newest(engine).input["digest"]}
    engine.add(replace(newest(engine), status=RunStatus.COMPLETED, output=output))


def started(engine: FakeEngine) -> dict[str, Any]:
    """What the newest question was started with."""
    payload: dict[str, Any] = engine.asked("start")[-1][2]
    return payload


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def desk(engine: FakeEngine) -> Desk:
    return Desk(engine, AGENT, "process")


@pytest.mark.parametrize("hostile", ["x", "\x1b[2J", "\u202e"])
async def test_however_much_an_agent_writes_what_is_shown_of_it_is_what_the_pack_takes(
    engine: FakeEngine, desk: Desk, hostile: str
) -> None:
    def takes() -> list[str]:
        """What of the newest question does not fit its flow, or acts on who reads it."""
        flow, given = newest(engine).flow, started(engine)
        schema = yaml.safe_load((PACK / "flows" / f"{flow}.yaml").read_text())["input"]
        shown = "".join(given.get(key, "") for key in ("title", "message", "tool"))
        return [*map(str, check_values(schema, given)), *(set(shown) & {"\x1b", "\u202e"})]

    message = (hostile * MAX_MESSAGE)[:MAX_MESSAGE]
    engine.feed.script = [lambda: approves(engine)] * 2 + [becomes(engine, RunStatus.CANCELLED)]
    tool, wanted = (hostile * 200)[:200], {"command": hostile * 5_000}
    said = await told_back(desk, "permission_prompt", {"tool_name": tool, "input": wanted})
    assert said == {"behavior": "allow", "updatedInput": wanted}
    assert takes() == []
    given = {"title": message[:MAX_TITLE], "message": message, "action": {}}
    assert (await told_back(desk, "request_approval", given))["decision"] == "approved"
    assert takes() == []
    await told_back(desk, "ask_person", {"question": message})
    assert takes() == []


async def test_the_title_of_a_call_says_what_it_is_about_where_its_input_does(
    engine: FakeEngine, desk: Desk
) -> None:
    for wanted, title in (
        ({"command": "make\n deploy", "path": "/"}, "Do: make deploy"),
        ({"file_path": "/etc/hosts"}, "Do: /etc/hosts"),
        ({"url": "https://a.example"}, "Do: https://a.example"),
        ({"command": ["make"]}, "Do"),
        ({}, "Do"),
    ):
        engine.feed.script = [becomes(engine, RunStatus.CANCELLED)]
        await told_back(desk, "permission_prompt", {"tool_name": "Do", "input": wanted})
        assert started(engine)["title"] == title


async def test_a_call_that_nobody_can_read_is_denied_and_nobody_is_asked(
    engine: FakeEngine, desk: Desk
) -> None:
    around = len('{"text":""}')
    for text, why in (
        ("x" * (MAX_CALL - around + 1), "larger than 1,000,000 bytes"),
        ("\ud800", "written down"),
    ):
        said = await told_back(desk, "permission_prompt", {"tool_name": "Do", "input": {"text": text}})
        assert said["behavior"] == "deny"
        assert why in said["message"]
    assert [flow for _, flow, *_ in engine.asked("start")] == ["connection"]
    engine.feed.script = [lambda: approves(engine)]
    given = {"tool_name": "Do", "input": {"text": "x" * (MAX_CALL - around)}}
    assert (await told_back(desk, "permission_prompt", given))["behavior"] == "allow"


async def test_an_agent_hears_once_what_its_question_waits_for(engine: FakeEngine, desk: Desk) -> None:
    heard: list[str] = []

    async def tell(words: str) -> None:
        heard.append(words)

    asked = WaitingFor(kind=WaitKind.FORM, id="form-1")
    engine.feed.script = [
        lambda: None,  # news of something else of the run
        becomes(engine, RunStatus.RUNNING, waiting_for=None),
        becomes(engine, RunStatus.PENDING_USER_INPUT, waiting_for=asked),
        lambda: None,
        becomes(engine, RunStatus.PAUSED, waiting_for=WaitingFor(kind=WaitKind.RESUME)),
        becomes(engine, RunStatus.COMPLETED, output={"values": {"answer": "Bo"}}),
    ]
    said, failed = await OFFERED["ask_person"].call(desk, "coder 1.0", {"question": "Who?\nYou?"}, tell)
    run_id = newest(engine).run_id
    assert (said, failed) == ({"answered": True, "values": {"answer": "Bo"}, "run_id": run_id}, False)
    assert heard == [
        f"is QUEUED: a console or `vasini worker` has to be open ({run_id})",
        f"is RUNNING: a console or `vasini worker` has to be open ({run_id})",
        f"waits for a person ({run_id})",
        f"is PAUSED, waits for resume ({run_id})",
    ]
    assert started(engine)["title"] == "Who? You?"
    assert started(engine)["schema"]["required"] == ["answer"], "a question without a schema wants a text"


@pytest.mark.parametrize(
    ("status", "words"),
    [(RunStatus.CANCELLED, "the question was withdrawn"), (RunStatus.FAILED, "the question ended FAILED")],
)
async def test_a_question_that_brought_no_answer_says_why(
    engine: FakeEngine, desk: Desk, status: RunStatus, words: str
) -> None:
    engine.feed.script = [becomes(engine, status)]
    said = await told_back(desk, "ask_person", {"question": "Who?", "title": "A name"})
    assert started(engine)["title"] == "A name"
    assert said == {"answered": False, "reason": words, "run_id": newest(engine).run_id}


async def test_a_start_that_was_approved_is_made_once_however_often_it_is_tried(
    engine: FakeEngine, desk: Desk
) -> None:
    engine.feed.script = [lambda: approves(engine)]
    given = {"flow": "hello/hello", "input": {"name": "Bo"}}
    said = await told_back(desk, "start_run", given)
    question = next(run for run in engine.stored_runs.values() if run.flow == "approval")
    assert said == {"decision": "approved", "run_id": newest(engine).run_id, "status": "QUEUED"}
    assert engine.asked("start")[-1][:3] == ("hello", "hello", {"name": "Bo"})
    assert engine.asked("start_with")[-1][0] == f"outside {question.run_id}"


async def test_how_a_run_stands_is_told_whole(engine: FakeEngine, desk: Desk) -> None:
    await desk.connect("coder 1.0")
    waits = WaitingFor(kind=WaitKind.RESUME)
    error = RunError(code="tool_error", message="no such file")
    own = {"requested_by": desk.actor.name, "output": {"n": 1}}
    engine.add(a_run("run-7", RunStatus.FAILED, waiting_for=waits, error=error, **own))
    said = await told_back(desk, "run_status", {"run_id": "run-7"})
    assert said == {
        "run_id": "run-7",
        "flow": "hello/hello",
        "status": "FAILED",
        "waiting_for": waits.text,
        "error": {"code": "tool_error", "message": "no such file"},
        "output": {"n": 1},
    }


async def test_all_that_a_client_asks_names_the_one_connection_of_it(engine: FakeEngine, desk: Desk) -> None:
    for number in range(2):
        await told_back(desk, "report", {"title": f"Done {number}", "text": "All."})
    flows = [flow for _, flow, *_ in engine.asked("start")]
    assert flows == ["connection", "report", "report"]
    connection = next(iter(engine.stored_runs))
    assert {payload["connection"] for _, _, payload, *_ in engine.asked("start")[1:]} == {connection}
    assert {payload["client"] for _, _, payload, *_ in engine.asked("start")} == {"coder 1.0"}


async def asked_of(engine: FakeEngine, desk: Desk, count: int) -> list[asyncio.Task[dict[str, Any]]]:
    """So many questions that wait."""
    question = {"question": "Who?"}
    asked = [asyncio.create_task(told_back(desk, "ask_person", question)) for _ in range(count)]
    async with asyncio.timeout(PATIENCE):
        while len(engine.feed.queues) < count:  # noqa: ASYNC110 - each waits for news of its run
            await asyncio.sleep(0)
    return asked


async def test_questions_that_were_taken_back_are_withdrawn_and_make_room_for_others(
    engine: FakeEngine, desk: Desk
) -> None:
    for number in (1, 2):
        asked = await asked_of(engine, desk, MAX_OPEN)
        refused = await told_back(desk, "ask_person", {"question": "Who?"})
        assert refused["error"]["code"] == "invalid_input"
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        async with asyncio.timeout(PATIENCE):
            while len(engine.asked("cancel")) < number * MAX_OPEN:  # noqa: ASYNC110 - by tasks of the desk
                await asyncio.sleep(0)
    assert set(engine.asked("cancel_mode")) == {CancelMode.NOW}


async def test_a_desk_that_closes_withdraws_what_is_open_and_nothing_else(
    engine: FakeEngine, desk: Desk
) -> None:
    engine.feed.script = [becomes(engine, RunStatus.COMPLETED, output={})]
    await told_back(desk, "ask_person", {"question": "Who?"})
    (open_one,) = await asked_of(engine, desk, 1)
    await desk.close()
    assert engine.asked("cancel") == [(newest(engine).run_id, desk.actor.name)]
    open_one.cancel()
    await asyncio.gather(open_one, return_exceptions=True)


async def test_a_withdrawal_that_cannot_be_written_keeps_no_desk_open(engine: FakeEngine, desk: Desk) -> None:
    (open_one,) = await asked_of(engine, desk, 1)
    engine.failures["cancel"] = Unavailable(ErrorCode.DISK_FULL, "the disk is full")
    async with asyncio.timeout(PATIENCE):
        await desk.close()
    open_one.cancel()
    await asyncio.gather(open_one, return_exceptions=True)


async def test_a_schema_with_fields_of_no_form_is_refused_in_words(desk: Desk) -> None:
    await desk.connect("coder 1.0")
    with pytest.raises(InvalidInput, match="the schema is of no form"):
        await desk.answered("t", "m", {"type": "object", "properties": {"a": {"$ref": "#/x"}}}, nobody_hears)
