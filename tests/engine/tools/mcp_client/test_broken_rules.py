"""What a server sends that breaks the rules, and what becomes of its errors: no process is needed for it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from pydantic import BaseModel, ValidationError

from engine.contracts.status import StepErrorCode
from engine.tools.failure import ToolFailure
from engine.tools.mcp.lines import MAX_AT_ONCE, TOO_MANY, Rate
from engine.tools.mcp.process import ServerProcess
from engine.tools.mcp.results import output_of, text_of, tool_failed
from engine.tools.mcp.session import failure_of
from tests.engine.pictures import as_text, png

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 300
FIRST, LAST = {"jsonrpc": "2.0", "id": 7}, {"result": {}, "jsonrpc": "2.0", "id": 8}


class Heard:
    """A process whose messages nobody reads; `room` of them wait."""

    def __init__(self, room: float = MAX_AT_ONCE) -> None:
        self._put, self.incoming = anyio.create_memory_object_stream[Any](room)
        self.broken: list[str] = []
        self.process = ServerProcess(LIMIT, self._put, self.broken.append)

    def writes(self, *messages: Any) -> None:
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.process.hear("out", line + b"\n")

    def messages(self) -> list[dict[str, Any]]:
        """What waits to be read."""
        found = []
        while True:
            try:
                found.append(self.incoming.receive_nowait().message.model_dump(exclude_none=True))
            except (anyio.WouldBlock, anyio.EndOfStream):
                return found

    def close(self) -> None:
        self._put.close()
        self.incoming.close()


@pytest.fixture
def heard() -> Iterator[Heard]:
    with closing(Heard()) as process:
        yield process


def test_an_answer_that_is_too_long_is_the_error_of_its_request_alone(heard: Heard) -> None:
    heard.writes({**FIRST, "result": {"text": "x" * LIMIT}}, {"result": {"text": "x" * LIMIT}, "id": 8}, LAST)
    too_long, too_long_at_its_end, answer = heard.messages()
    for told, number in ((too_long, 7), (too_long_at_its_end, 8)):
        assert told["id"] == number
        assert told["error"] == {"code": -32_000, "message": f"an answer has more than {LIMIT} bytes"}
    assert answer["id"] == 8
    assert heard.broken == []


def test_half_a_character_that_a_server_cuts_from_a_text_loses_no_answer(heard: Heard) -> None:
    """As programs do that count in UTF-16: whoever called would wait for it as long as it may."""
    heard.writes({**FIRST, "result": {"text": "so \ud83d"}}, b'{"jsonrpc": "\\ud83d', LAST)
    cut, answer = heard.messages()
    assert (cut["id"], cut["result"], answer["id"]) == (7, {"text": "so \ufffd"}, 8)


def test_who_sends_what_is_too_long_and_answers_nothing_is_heard_no_more(heard: Heard) -> None:
    heard.writes(LAST, b"x" * (LIMIT + 1), LAST)
    words = f"an answer has more than {LIMIT} bytes"
    assert (heard.process.ended, heard.broken) == (words, [words])
    assert len(heard.messages()) == 1, "what it sent before counts"
    heard.process.end("it ended with status 1")
    assert heard.process.ended == words, "why it was ended is not overwritten by how"


def test_a_line_of_just_so_many_bytes_is_a_message(heard: Heard) -> None:
    line = json.dumps({**LAST, "result": {"text": ""}}).encode()
    heard.writes(line.replace(b'""', b'"' + b"x" * (LIMIT - len(line)) + b'"'))
    (answer,) = heard.messages()
    assert answer["id"] == 8


def test_messages_that_nobody_reads_are_not_gathered_without_end() -> None:
    words = f"{MAX_AT_ONCE} of its messages wait to be read"
    with closing(Heard(room=2)) as heard:
        heard.writes(LAST, LAST, LAST, LAST)
        assert (heard.process.ended, heard.broken) == (words, [words])
        assert len(heard.messages()) == 2


def test_what_comes_when_nobody_listens_any_more_is_dropped(heard: Heard) -> None:
    heard.incoming.close()
    heard.writes(LAST)
    assert (heard.process.ended, heard.broken) == (None, [])
    heard.process.end("it ended with status 0")


def test_what_a_server_writes_beside_its_messages_is_no_message(heard: Heard) -> None:
    heard.process.hear("err", json.dumps(LAST).encode() + b"\n")
    heard.writes(b"", b"  ", b"Listening", b'{"id": 1}')
    assert heard.messages() == []
    assert heard.broken == []


def test_so_many_messages_may_come_at_once_and_no_more(heard: Heard) -> None:
    rate = Rate()
    kept = sum(rate.is_kept() for _ in range(2 * MAX_AT_ONCE))
    assert MAX_AT_ONCE <= kept < 2 * MAX_AT_ONCE
    heard.process.hear("out", b"no message\n" * 2 * MAX_AT_ONCE)
    assert heard.broken == [TOO_MANY], "whatever they are, and told once"


class OneField(BaseModel):
    field: int


def not_the_protocol() -> Exception:
    try:
        OneField.model_validate({})
    except ValidationError as error:
        return error
    raise AssertionError


def refusal(code: int, message: str) -> Exception:
    from mcp.shared.exceptions import MCPError  # noqa: PLC0415 - slow to import

    return MCPError(code, message)


@pytest.mark.parametrize(
    ("code", "said", "becomes", "reason"),
    [
        (-32_602, "no column x", StepErrorCode.INVALID_INPUT, "refused_there"),
        (-32_603, "not now", StepErrorCode.BACKEND_ERROR, "refused_there"),
        (-32_000, "Connection closed", StepErrorCode.BACKEND_ERROR, "server_ended"),
        (-32_603, "Session terminated", StepErrorCode.BACKEND_ERROR, "server_ended"),
        (-32_603, "Server returned an error response", StepErrorCode.BACKEND_ERROR, "server_ended"),
        (-32_603, "an answer has more than 9 bytes", StepErrorCode.CONTRACT_VIOLATION, "too_large"),
    ],
)
def test_what_a_server_refuses_is_told_by_who_is_at_fault(
    code: int, said: str, becomes: StepErrorCode, reason: str
) -> None:
    failure = failure_of(refusal(code, said), "its answer")
    assert (failure.code, failure.details["reason"]) == (becomes, reason)
    assert said in failure.message
    assert failure.recoverable is (False if reason == "too_large" else None)


@pytest.mark.parametrize("code", [-32_602, -32_603])
def test_words_of_a_refusal_are_harmless_and_short(code: int) -> None:
    failure = failure_of(refusal(code, "\x1b[2J" + "x" * 100_000), "its answer")
    assert "\x1b" not in failure.message
    assert len(failure.message) < 2_000


def test_what_the_session_itself_cannot_go_on_with_is_a_failure_of_the_server() -> None:
    lost = failure_of(OSError("\x1b[2Jbroken pipe" + "x" * 100_000), "its answer")
    assert (lost.code, lost.details["reason"]) == (StepErrorCode.BACKEND_ERROR, "server_ended")
    assert lost.message.startswith("its answer did not come: OSError: ")
    assert len(lost.message) < 2_000
    assert "\x1b" not in lost.message
    wrong = failure_of(not_the_protocol(), "its answer")
    assert (wrong.code, wrong.details["reason"]) == (StepErrorCode.CONTRACT_VIOLATION, "not_the_protocol")
    own = ToolFailure(StepErrorCode.TIMEOUT, "too late")
    assert failure_of(own, "its answer") is own


def test_a_tool_that_failed_says_why_harmlessly_and_in_short() -> None:
    failure = tool_failed("one.do", [{"type": "text", "text": "\n\x1b[2Jno" + "x" * 100_000}])
    assert failure.message.startswith("one.do failed: ␛[2Jno")
    assert len(failure.message) < 2_000
    assert tool_failed("one.do", [{"type": "text", "text": " \n"}]).message == (
        "one.do failed: it did not say why"
    )


def test_names_and_addresses_of_parts_are_harmless_and_short() -> None:
    hostile = "\x1b[2J" + "x" * 100_000
    parts: list[dict[str, Any]] = [
        {"type": "resource_link", "uri": hostile, "name": hostile},
        {"type": "resource", "resource": {"uri": hostile, "text": "t"}},
        {"type": "resource", "resource": {"uri": hostile, "blob": "AAAA", "mimeType": hostile}},
        {"type": "audio", "data": "A===", "mimeType": hostile},
        {"type": hostile},
    ]
    told = text_of(parts)
    assert "\x1b" not in told
    assert len(told) < 4_000


def test_what_a_part_does_not_say_is_told_as_not_known() -> None:
    parts: list[dict[str, Any]] = [{"type": "audio"}, {"type": "resource"}, {}, {"type": "text"}]
    assert text_of(parts).split("\n") == [
        "[audio of no known kind, 0 bytes]",
        "[resource]",
        "[something]",
        "",
    ]


@pytest.mark.parametrize(("data", "size"), [("", 0), ("AA==", 1), ("AAA=", 2), ("AAAA", 3), ("AAAAAA==", 4)])
def test_bytes_are_counted_as_their_text_stands_for(data: str, size: int) -> None:
    assert text_of([{"type": "audio", "data": data, "mimeType": "audio/wav"}]) == (
        f"[audio audio/wav, {size} bytes]"
    )


def test_no_more_images_are_taken_than_parts_are_looked_at() -> None:
    image = {"type": "image", "data": as_text(png()), "mimeType": "image/png"}
    filler = {"type": "text", "text": ""}
    assert len(output_of([image, *[filler] * 9_999, image], None)["images"]) == 1
