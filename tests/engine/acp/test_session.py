"""A session with an agent, message by message."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from engine.acp.failure import AgentFailure, AgentReason
from engine.acp.session import AgentSession, Answer, Question


class FakePipe:
    """Keeps what it is given."""

    unread = 0

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def write(self, data: bytes) -> None:
        self.told.append(json.loads(data))


def line(**message: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"


def says(text: str) -> bytes:
    content = {"type": "text", "text": text}
    update = {"sessionUpdate": "agent_message_chunk", "content": content}
    return line(method="session/update", params={"sessionId": "s", "update": update})


def asks(number: int) -> bytes:
    call = {"toolCallId": f"call-{number}", "rawInput": {"path": "a.txt"}}
    options = [{"optionId": kind, "name": kind, "kind": kind} for kind in ("allow_once", "reject_once")]
    params = {"sessionId": "s", "toolCall": call, "options": options}
    return line(id=number, method="session/request_permission", params=params)


async def told_to(pipe: FakePipe, method: str) -> int:
    """The id of that request, once it was sent."""
    while pipe.told[-1].get("method") != method:  # noqa: ASYNC110 - the loop has nothing else to do
        await asyncio.sleep(0)
    return int(pipe.told[-1]["id"])


class Talk:
    """A session with an agent that says what the test says; `asked` are its questions."""

    def __init__(self) -> None:
        from acp import schema  # noqa: PLC0415 - slow to import, and every test worker reads this file

        self.pipe, self.asked = FakePipe(), list[Question]()
        self.shown, self.waits = list[str](), list[bool]()
        self.session = AgentSession(
            self.pipe, schema, 1, self.asked.append, self.shown.append, self.waits.append
        )

    def hear(self, data: bytes) -> None:
        self.session.peer.feed(data)

    async def answer(self, method: str, **result: Any) -> None:
        """The agent answers that request, once it was sent."""
        self.hear(line(id=await told_to(self.pipe, method), result=result))

    async def open(self, known: str | None = None, **capabilities: Any) -> asyncio.Task[str]:
        """The session is being opened, and has heard what the agent can do."""
        opening = asyncio.create_task(self.session.open("/work", known))
        await asyncio.sleep(0)
        await self.answer("initialize", protocolVersion=1, agentCapabilities=capabilities)
        return opening

    async def prompt(self) -> asyncio.Task[Answer]:
        """A prompt that it works on."""
        opening = await self.open()
        await self.answer("session/new", sessionId="s")
        await opening
        prompting = asyncio.create_task(self.session.prompt("Write it."))
        await told_to(self.pipe, "session/prompt")
        return prompting

    def told(self, method: str) -> list[Any]:
        """What it was told by that method."""
        return [one["params"] for one in self.pipe.told if one.get("method") == method]


CANCELLED = {"outcome": {"outcome": "cancelled"}}


async def test_what_an_agent_asks_for_behind_its_answer_nobody_is_asked_and_its_answer_stays() -> None:
    talk = Talk()
    prompting = await talk.prompt()
    number = await told_to(talk.pipe, "session/prompt")
    ended = line(id=number, result={"stopReason": "end_turn"})
    talk.hear(says("Written.") + ended + asks(100) + line(id=number, result={"stopReason": "refusal"}))
    assert await prompting == Answer("Written.", "end_turn")
    talk.hear(says("More.") + asks(101))
    assert (talk.asked, talk.session.pending) == ([], [])
    assert [one["result"] for one in talk.pipe.told[-2:]] == [CANCELLED] * 2


async def test_half_a_character_that_an_agent_cuts_from_a_text_loses_no_question() -> None:
    """As programs do that count in UTF-16: what they ask would wait for an answer for ever."""
    talk = Talk()
    prompting = await talk.prompt()
    number = await told_to(talk.pipe, "session/prompt")
    asked = asks(100).replace(b"a.txt", rb"so \ud83d")
    talk.hear(says("so \ud83d") + asked)
    (question,) = talk.asked
    assert (question.shown["arguments"], question.said) == ({"path": "so \ufffd"}, "so \ufffd")
    talk.hear(line(id=number, result={"stopReason": "end_turn"}))
    await prompting


async def test_an_agent_whose_prompt_is_cancelled_is_told_so_and_nobody_is_asked_for_it_any_more() -> None:
    talk = Talk()
    prompting = await talk.prompt()
    number = await told_to(talk.pipe, "session/prompt")
    talk.hear(asks(100))
    assert talk.session.pending == [1]

    prompting.cancel()
    while not talk.told("session/cancel"):  # noqa: ASYNC110 - the loop has nothing else to do
        await asyncio.sleep(0)
    talk.hear(asks(101))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not prompting.done(), "it has a moment to end its turn"
    talk.hear(line(id=number, result={"stopReason": "cancelled"}))

    with pytest.raises(asyncio.CancelledError):
        await prompting
    assert talk.told("session/cancel") == [{"sessionId": "s"}]
    assert {one["id"]: one["result"] for one in talk.pipe.told if "result" in one} == {
        100: CANCELLED,
        101: CANCELLED,
    }
    assert (len(talk.asked), talk.session.pending) == (1, [])


@pytest.mark.parametrize("ends", ["turn", "process"])
async def test_who_waits_for_what_came_of_a_call_hears_when_nothing_more_can_come(ends: str) -> None:
    talk = Talk()
    prompting = await talk.prompt()
    number = await told_to(talk.pipe, "session/prompt")
    talk.hear(asks(100) + asks(101))
    allowed = asyncio.create_task(talk.session.allow(1))
    await asyncio.sleep(0)
    if ends == "turn":
        talk.hear(line(id=number, result={"stopReason": "end_turn"}))
        assert (await prompting).stop == "end_turn"
        assert (await allowed)["status"] == "pending"
        assert talk.pipe.told[-1]["result"]["outcome"]["optionId"] == "reject_once"
    else:
        talk.session.peer.fail(AgentFailure(AgentReason.ENDED, "it is gone"))
        for task in (prompting, allowed):
            with pytest.raises(AgentFailure):
                await task
    with pytest.raises(AgentFailure, match="does not wait"):
        await talk.session.allow(2)


async def test_a_session_that_is_known_goes_on_where_the_agent_can_load_it() -> None:
    talk = Talk()
    opening = await talk.open("old", loadSession=True)
    await told_to(talk.pipe, "session/load")
    talk.hear(says("What was said before."))
    await talk.answer("session/load")
    assert await opening == "old"

    prompting = asyncio.create_task(talk.session.prompt("Write it."))
    await told_to(talk.pipe, "session/prompt")
    talk.hear(says("Now."))
    await talk.answer("session/prompt", stopReason="end_turn")

    assert (await prompting).text == "Now."
    assert talk.shown == ["Now."]
    assert [one["sessionId"] for one in talk.told("session/prompt")] == ["old"]
    assert not talk.told("session/new")


@pytest.mark.parametrize("can", [False, True])
async def test_a_session_that_cannot_be_loaded_is_a_new_one(can: bool) -> None:
    talk = Talk()
    opening = await talk.open("old", loadSession=can)
    if can:
        number = await told_to(talk.pipe, "session/load")
        talk.hear(line(id=number, error={"code": -32603, "message": "no such session"}))
    await talk.answer("session/new", sessionId="new")

    assert await opening == "new"
    assert bool(talk.told("session/load")) is can


async def test_a_process_that_ends_while_it_loads_a_session_has_no_new_one() -> None:
    talk = Talk()
    opening = await talk.open("old", loadSession=True)
    await told_to(talk.pipe, "session/load")

    talk.session.peer.fail(AgentFailure(AgentReason.ENDED, "it is gone"))

    with pytest.raises(AgentFailure, match="gone"):
        await opening
    assert not talk.told("session/new")


@pytest.mark.parametrize("takes", [{}, {"promptCapabilities": {"audio": True}}])
async def test_images_are_for_an_agent_that_says_that_it_takes_them(takes: dict[str, Any]) -> None:
    blind, sees = Talk(), Talk()
    opening = [await blind.open(**takes), await sees.open(promptCapabilities={"image": True})]
    for talk in (blind, sees):
        await talk.answer("session/new", sessionId="s")
    await asyncio.gather(*opening)

    assert (blind.session.takes_images, sees.session.takes_images) == (False, True)


async def test_an_agent_waits_for_people_as_long_as_any_question_is_open() -> None:
    talk = Talk()
    prompting = await talk.prompt()
    number = await told_to(talk.pipe, "session/prompt")
    talk.hear(asks(100) + asks(101) + asks(102))
    talk.session.reject(1)
    allowed = asyncio.create_task(talk.session.allow(2))
    await asyncio.sleep(0)
    talk.session.reject(3)
    assert talk.waits == [True, True, True, True, True, False]
    talk.hear(line(id=number, result={"stopReason": "end_turn"}))
    await asyncio.gather(prompting, allowed)


@pytest.mark.parametrize("params", [None, [], "x", {"update": []}, {"update": {"sessionUpdate": "new"}}])
async def test_an_update_of_which_nothing_is_known_changes_nothing(params: Any) -> None:
    talk = Talk()
    prompting = await talk.prompt()
    number = await told_to(talk.pipe, "session/prompt")
    talk.hear(line(method="session/update", params=params) + line(method="unheard/of", params=params))
    talk.hear(line(id=number, result={"stopReason": "end_turn"}))
    assert await prompting == Answer("", "end_turn")


async def test_an_answer_that_is_none_of_the_protocol_is_told_with_its_place() -> None:
    talk = Talk()
    opening = asyncio.create_task(talk.session.open("/work", None))
    await asyncio.sleep(0)
    await talk.answer("initialize", protocolVersion="x")
    with pytest.raises(AgentFailure, match="no InitializeResponse: protocolVersion") as failed:
        await opening
    assert failed.value.reason is AgentReason.MALFORMED
