"""What servers send that call their format OpenAI's, or Anthropic's, and have their own ways."""

from __future__ import annotations

from typing import Any

import pytest

from engine.models.conversation import FinishReason, ThoughtDelta
from engine.models.failure import ModelErrorCode, TimeoutPhase
from engine.models.settings import ProviderName
from tests.engine.models.asked_models import PATIENT, failure_of, reply_to
from tests.engine.models.loopback import answering, hanging, head, lines, sse
from tests.engine.models.servers.test_wire_formats import CONVERSATION, chunk, openai_call


async def calls_in(*deltas: dict[str, Any], finish: str = "tool_calls") -> list[tuple[str, str, str]]:
    """The calls that come in these pieces: id, tool, arguments."""
    body = sse(*map(chunk, deltas), chunk({}, finish), "[DONE]")
    reply, _, _ = await reply_to(answering(head(), body), ProviderName.OPENAI, CONVERSATION)
    assert reply.finish is FinishReason.TOOL_CALLS
    return [(call.id, call.name, call.arguments) for call in reply.calls]


def pieces(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": list(calls)}


def unnumbered(arguments: Any, **more: Any) -> dict[str, Any]:
    call = openai_call(0, arguments, **more)
    del call["index"]
    return call


async def test_calls_that_have_all_the_same_number_are_calls_of_their_own() -> None:
    """As Gemini's compatible endpoint numbers them."""
    assert await calls_in(
        pieces(openai_call(0, '{"a": 1}', id="x", name="files__read")),
        pieces(openai_call(0, '{"a": 2}', id="y", name="files__read")),
    ) == [("x", "files.read", '{"a": 1}'), ("y", "files.read", '{"a": 2}')]
    assert await calls_in(
        pieces(openai_call(0, '{"a": 1}', id="", name="one"), openai_call(0, '{"a": 2}', id="", name="one"))
    ) == [("call_0", "one", '{"a": 1}'), ("call_1", "one", '{"a": 2}')]


async def test_pieces_of_one_call_are_one_whatever_is_repeated_with_them() -> None:
    one = [("x", "one", '{"a": 1}')]
    repeated = [openai_call(0, text, id="x", name="one") for text in ('{"a"', ": 1", "}")]
    assert await calls_in(*map(pieces, repeated)) == one
    nameless = [openai_call(0, text, id=f"other-{text}") for text in ('{"a"', ": 1}")]  # as vLLM did
    assert await calls_in(pieces(openai_call(0, "", id="x", name="one")), *map(pieces, nameless)) == one
    without_ids = [openai_call(0, text, name="one") for text in ('{"a"', ": 1}")]
    assert await calls_in(*map(pieces, without_ids)) == [("call_0", "one", '{"a": 1}')]


async def test_calls_without_numbers_are_told_apart_by_what_names_a_tool() -> None:
    assert await calls_in(
        pieces(unnumbered("", id="x", name="one")),
        pieces(unnumbered('{"a": ')),
        pieces(unnumbered("1}")),
        pieces(unnumbered("{}", id="y", name="two")),
    ) == [("x", "one", '{"a": 1}'), ("y", "two", "{}")]


async def test_a_name_that_comes_late_or_never_and_arguments_that_are_an_object_are_read() -> None:
    assert await calls_in(
        pieces(openai_call(1, '{"a"', id="x")),
        pieces(openai_call(1, ": 1}", name="one")),
        pieces(openai_call(2, None, id="y", name="two")),
        pieces(openai_call(3, {"b": [1]}, id="z", name="three")),
        pieces(openai_call(4, "{}", id="n")),
    ) == [("x", "one", '{"a": 1}'), ("y", "two", ""), ("z", "three", '{"b":[1]}'), ("n", "", "{}")]


async def test_a_reason_that_says_nothing_yet_ends_no_answer() -> None:
    body = sse(chunk({"content": "so "}, ""), chunk({"content": "so"}, ""), chunk({}, "length"), "[DONE]")
    reply, _, _ = await reply_to(answering(head(), body), ProviderName.OPENAI)
    assert (reply.text, reply.finish) == ("so so", FinishReason.LENGTH)
    cut = answering(head(), sse(chunk({"content": "so "}, "")))
    assert (await failure_of(cut)).code is ModelErrorCode.NETWORK_ERROR


async def test_text_in_parts_is_text_and_thoughts_are_none() -> None:
    """As Magistral streams."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Let me see."}]}
    body = sse(
        chunk({"content": [thought]}),
        chunk({"content": [{"type": "text", "text": "Yes."}]}),
        chunk({"content": " So."}, "stop"),
    )
    reply, deltas, _ = await reply_to(answering(head(), body), ProviderName.OPENAI)
    assert reply.text == "Yes. So."
    assert ThoughtDelta("Let me see.") in deltas


async def test_a_character_that_a_server_cuts_in_two_loses_no_answer() -> None:
    """As gateways do that count in UTF-16."""
    halves = sse(chunk({"content": "so \ud83d"}), chunk({"content": "\ude00 so 😀"}, "stop"))
    assert rb"\ud83d" in halves
    reply, _, _ = await reply_to(answering(head(), halves), ProviderName.OPENAI)
    assert reply.text == "so �� so 😀"
    assert await calls_in(pieces(openai_call(0, '{"a": "\ud83d"}', id="\ud83d", name="one\ud83d"))) == [
        ("�", "one�", '{"a": "�"}')
    ]
    broken = answering(head(), b'data: {"id": "\\ud83d", ' + b"[" * 100_000 + b"\n\n")
    assert (await failure_of(broken)).code is ModelErrorCode.MALFORMED


async def test_what_is_of_no_matter_may_be_of_any_kind() -> None:
    body = sse({**chunk({"content": "yes"}, "stop"), "id": 7, "model": ["m"], "usage": [1]})
    reply, _, _ = await reply_to(answering(head(), body), ProviderName.OPENAI)
    assert (reply.text, reply.model, reply.request_id) == ("yes", "m-1", None)


async def test_events_that_only_keep_the_connection_alive_are_none() -> None:
    body = b": OPENROUTER PROCESSING\n\ndata:\n\ndata: \n\n" + sse(chunk({"content": "yes"}, "stop"))
    reply, _, _ = await reply_to(answering(head(), body), ProviderName.OPENAI)
    assert reply.text == "yes"


@pytest.mark.parametrize("breaks", ["in a chunk", "never"])
async def test_what_goes_wrong_behind_a_whole_answer_spoils_nothing(breaks: str) -> None:
    said = sse(chunk({"content": "yes"}, "stop"))
    if breaks == "never":  # and nothing more comes, not even the end
        answer = hanging(head() + said)
    else:
        framed = b"%x\r\n%s\r\n40\r\ndata" % (len(said), said)
        answer = answering(head(transfer_encoding="chunked") + framed)
    patient = PATIENT.model_copy(update={"between_tokens": 0.2} if breaks == "never" else {})
    reply, _, _ = await reply_to(answer, ProviderName.OPENAI, timeouts=patient)
    assert (reply.text, reply.usage.estimated) == ("yes", True)


@pytest.mark.parametrize(
    ("provider", "content_type", "event"),
    [
        (ProviderName.OPENAI, "text/event-stream", sse(chunk({"reasoning_content": "hm"}))),
        (ProviderName.OPENAI, "text/event-stream", sse(chunk({"reasoning": "hm"}))),
        (
            ProviderName.ANTHROPIC,
            "text/event-stream",
            sse(
                {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
                {
                    "type": "content_block_delta",
                    "index": 0,
                    "delta": {"type": "thinking_delta", "thinking": "h"},
                },
            ),
        ),
        (ProviderName.OLLAMA, "application/x-ndjson", lines({"message": {"thinking": "hm"}, "done": False})),
    ],
)
async def test_a_thought_is_a_first_token(provider: ProviderName, content_type: str, event: bytes) -> None:
    short = PATIENT.model_copy(update={"between_tokens": 0.2})
    failure = await failure_of(hanging(head(content_type=content_type), event), provider, timeouts=short)
    assert failure.phase is TimeoutPhase.BETWEEN_TOKENS


async def test_arguments_that_stand_in_the_beginning_of_a_call_are_its_arguments() -> None:
    """As some servers stream that call their format Anthropic's."""
    use = {"type": "tool_use", "id": "c9", "name": "files__read", "input": {"path": "b"}}
    body = sse(
        {"type": "content_block_start", "index": 0, "content_block": use},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
        {"type": "message_stop"},
    )
    reply, _, _ = await reply_to(answering(head(), body), ProviderName.ANTHROPIC, CONVERSATION)
    assert [(call.name, call.arguments) for call in reply.calls] == [("files.read", '{"path":"b"}')]


@pytest.mark.parametrize("place", [[1], {"a": 1}, "0", 0.5])
@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_start", "content_block": {"type": "tool_use", "name": "one"}},
        {"type": "content_block_start", "content_block": {"type": "thinking"}},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop"},
    ],
)
async def test_a_block_at_no_place_is_malformed(event: dict[str, Any], place: Any) -> None:
    failure = await failure_of(answering(head(), sse({**event, "index": place})), ProviderName.ANTHROPIC)
    assert failure.code is ModelErrorCode.MALFORMED


@pytest.mark.parametrize(
    ("said", "code", "retryable"),
    [
        ({"error": {"code": 502, "message": "upstream"}}, ModelErrorCode.HTTP_ERROR, True),
        ({"error": {"code": 503, "message": "x"}}, ModelErrorCode.OVERLOADED, True),
        ({"error": {"code": 429, "message": "x"}}, ModelErrorCode.RATE_LIMITED, True),
        ({"error": {"code": 400, "message": "x"}}, ModelErrorCode.INVALID_REQUEST, False),
        ({"error": {"type": "server_error", "message": "x"}}, ModelErrorCode.HTTP_ERROR, True),
        ({"object": "error", "message": "x", "code": 400}, ModelErrorCode.INVALID_REQUEST, False),
        ({"error": "Context size has been exceeded."}, ModelErrorCode.CONTEXT_LENGTH, False),
        ({"type": "error", "error": {"type": "api_error", "message": "x"}}, ModelErrorCode.HTTP_ERROR, True),
    ],
)
async def test_a_server_that_gives_up_an_answer_is_asked_again_unless_it_says_whose_fault_it_was(
    said: dict[str, Any], code: ModelErrorCode, retryable: bool
) -> None:
    provider = ProviderName.ANTHROPIC if said.get("type") == "error" else ProviderName.OPENAI
    failure = await failure_of(answering(head(), sse(said)), provider)
    assert (failure.code, failure.retryable, failure.status) == (code, retryable, None)


async def test_an_error_of_llama_cpp_is_heard_though_it_is_no_data() -> None:
    line = b'error: {"code":500,"message":"the slot is gone","type":"server_error"}\n\n'
    failure = await failure_of(answering(head(), sse(chunk({"content": "so "})), line))
    assert (failure.message, failure.retryable) == ("the slot is gone", True)


async def test_an_error_that_comes_as_an_answer_is_told_in_its_own_words() -> None:
    body = b'{"error": {"message": "no credit left", "code": 402}}'
    begun = head(content_type="application/json", request_id="r-1", retry_after="7")
    failure = await failure_of(answering(begun, body))
    assert (failure.message, failure.retryable) == ("no credit left", False)
    assert (failure.request_id, failure.retry_after) == ("r-1", 7)
    failure = await failure_of(answering(head(content_type="application/json"), b'{"choices": []}'))
    assert failure.code is ModelErrorCode.MALFORMED
