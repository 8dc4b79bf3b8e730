"""A session with an agent, message by message."""

from __future__ import annotations

import asyncio
import json
from typing import Any

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


async def test_what_an_agent_asks_for_behind_its_answer_nobody_is_asked_and_its_answer_stays() -> None:
    from acp import schema  # noqa: PLC0415 - slow to import, and every test worker reads this file

    pipe, asked = FakePipe(), list[Question]()
    session = AgentSession(pipe, schema, 1, asked.append, lambda _: None, lambda _: None)
    opening = asyncio.create_task(session.open("/work", None))
    await asyncio.sleep(0)
    session.peer.feed(line(id=await told_to(pipe, "initialize"), result={"protocolVersion": 1}))
    session.peer.feed(line(id=await told_to(pipe, "session/new"), result={"sessionId": "s"}))
    await opening
    prompting = asyncio.create_task(session.prompt("Write it."))
    number = await told_to(pipe, "session/prompt")
    ended = line(id=number, result={"stopReason": "end_turn"})
    session.peer.feed(
        says("Written.") + ended + asks(100) + line(id=number, result={"stopReason": "refusal"})
    )
    assert await prompting == Answer("Written.", "end_turn")
    session.peer.feed(says("More.") + asks(101))
    assert (asked, session.pending) == ([], [])
    assert [one["result"] for one in pipe.told[-2:]] == [{"outcome": {"outcome": "cancelled"}}] * 2
