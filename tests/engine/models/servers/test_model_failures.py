"""Whatever a server does that is no answer becomes one typed failure, in bounded time, without a secret."""

from __future__ import annotations

import asyncio
from itertools import repeat
from typing import Any

import pytest

from engine.models.asking import ask
from engine.models.conversation import FinishReason
from engine.models.failure import ModelErrorCode, ModelFailure, TimeoutPhase
from engine.models.settings import ModelTimeouts, ProviderName
from engine.models.wire.frames import MAX_FRAME
from tests.engine.models.asked_models import HELLO, KEY, PATIENT, failure_of, provider_at, reply_to
from tests.engine.models.loopback import Write, answering, dripping, hanging, head, lines, serving, sse

TEXT = {"id": "1", "choices": [{"delta": {"content": "so "}}]}


def error_answer(status: int, body: str, **headers: str) -> Any:
    return answering(head(status, "application/json", **headers), body.encode())


@pytest.mark.parametrize(
    ("status", "body", "code", "retryable"),
    [
        (401, '{"error": {"message": "no"}}', ModelErrorCode.AUTH_ERROR, False),
        (403, "", ModelErrorCode.AUTH_ERROR, False),
        (429, '{"error": {"message": "slow"}}', ModelErrorCode.RATE_LIMITED, True),
        (
            400,
            '{"error": {"message": "x", "code": "context_length_exceeded"}}',
            ModelErrorCode.CONTEXT_LENGTH,
            False,
        ),
        (
            400,
            '{"error": {"type": "invalid_request_error", "message": "prompt is too long: 9"}}',
            ModelErrorCode.CONTEXT_LENGTH,
            False,
        ),
        (
            400,
            '{"error": {"code": 400, "message": "request (9 tokens) exceeds the available context size (8)", '
            '"type": "exceed_context_size_error"}}',
            ModelErrorCode.CONTEXT_LENGTH,
            False,
        ),
        (
            400,
            '[{"error": {"code": 400, "message": "The input token count (9) exceeds the maximum number of '
            'tokens allowed (8).", "status": "INVALID_ARGUMENT"}}]',
            ModelErrorCode.CONTEXT_LENGTH,
            False,
        ),
        (
            400,
            '{"object": "error", "message": "The decoder prompt (length 9) is longer than the maximum model '
            'length of 8."}',
            ModelErrorCode.CONTEXT_LENGTH,
            False,
        ),
        (400, '{"error": {"code": "content_filter", "message": "x"}}', ModelErrorCode.REFUSED, False),
        (404, '{"error": "model not found"}', ModelErrorCode.INVALID_REQUEST, False),
        (422, "[]", ModelErrorCode.INVALID_REQUEST, False),
        (500, "<html>oh</html>", ModelErrorCode.HTTP_ERROR, True),
        (503, "", ModelErrorCode.OVERLOADED, True),
        (408, "", ModelErrorCode.HTTP_ERROR, True),
        (524, "<html>a time-out</html>", ModelErrorCode.HTTP_ERROR, True),
        (529, '{"error": {"type": "overloaded_error", "message": "x"}}', ModelErrorCode.OVERLOADED, True),
        (302, "", ModelErrorCode.HTTP_ERROR, False),
        (418, "", ModelErrorCode.HTTP_ERROR, False),
    ],
)
async def test_a_status_that_is_no_answer_has_its_code(
    status: int, body: str, code: ModelErrorCode, retryable: bool
) -> None:
    failure = await failure_of(error_answer(status, body, request_id="r-1", location="http://127.0.0.1:1/"))
    assert (failure.code, failure.retryable, failure.status) == (code, retryable, status)
    assert failure.request_id == "r-1"
    assert failure.message


async def test_a_server_that_names_an_answer_by_the_key_tells_it_to_nobody() -> None:
    failure = await failure_of(error_answer(500, "", x_request_id=f"r-{KEY}"))
    assert failure.request_id == "r-[SECRET api-key]"
    named = sse({**TEXT, "id": KEY, "model": f"m-{KEY}"}, {"choices": [{"finish_reason": "stop"}]})
    begun = head(content_type="text/event-stream")
    reply, _, _ = await reply_to(answering(begun, named), ProviderName.OPENAI)
    assert KEY not in f"{reply.request_id} {reply.model}"
    begun = head(content_type="text/event-stream", x_request_id=KEY)
    reply, _, _ = await reply_to(answering(begun, named), ProviderName.OPENAI)
    assert KEY not in f"{reply.request_id} {reply.model}"


async def test_a_storm_of_refusals_gives_each_caller_its_own_failure() -> None:
    storm = error_answer(429, "", retry_after="1")
    async with serving(storm) as loopback, provider_at(loopback.url, ProviderName.OPENAI) as provider:
        results = await asyncio.gather(*(ask(provider, HELLO) for _ in range(20)), return_exceptions=True)
    assert [one.code if isinstance(one, ModelFailure) else one for one in results] == [
        ModelErrorCode.RATE_LIMITED
    ] * 20


async def test_a_key_that_the_server_sends_back_is_in_no_field_of_the_failure() -> None:
    echo = f'{{"error": {{"message": "bad key {KEY}", "code": "{KEY}"}}, "more": "{KEY}"}}'
    failure = await failure_of(error_answer(401, echo))  # looks for the key itself
    assert "bad key [SECRET" in failure.message
    in_stream = answering(head(), sse({"error": {"message": f"no {KEY}", "type": KEY}}))
    assert "no [SECRET" in (await failure_of(in_stream)).message


async def test_a_long_error_body_is_read_and_shown_in_part() -> None:
    failure = await failure_of(error_answer(500, "e" * 5_000_000))
    assert len(failure.body) == 500


async def test_a_missing_key_opens_no_connection() -> None:
    async with (
        serving(answering(head())) as loopback,
        provider_at(loopback.url, ProviderName.ANTHROPIC, key=None) as provider,
    ):
        with pytest.raises(ModelFailure, match="no secret 'k'") as caught:
            await ask(provider, HELLO)
    assert caught.value.code is ModelErrorCode.MISSING_API_KEY
    assert not loopback.asked


@pytest.mark.parametrize(
    "key", ["first line\nsecond-half-of-it", "ключ-на-двери", "with\x00nothing", "\ud800half"]
)
@pytest.mark.parametrize("provider", [ProviderName.OPENAI, ProviderName.ANTHROPIC, ProviderName.OLLAMA])
async def test_a_key_that_no_header_can_hold_opens_no_connection_and_is_in_no_field_of_the_failure(
    provider: ProviderName, key: str
) -> None:
    async with serving(answering(head())) as loopback, provider_at(loopback.url, provider, key=key) as model:
        with pytest.raises(ModelFailure, match="the secret 'k'") as caught:
            await ask(model, HELLO)
    assert (caught.value.code, caught.value.retryable) == (ModelErrorCode.AUTH_ERROR, False)
    assert caught.value.__cause__ is None
    told = f"{caught.value.message} {caught.value.details()}"
    assert not [part for part in key.split() if part in told and len(part) > 6]
    assert loopback.asked == []


async def test_the_line_end_of_a_file_is_no_part_of_a_key() -> None:
    answer = answering(head() + sse({"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}))
    _, _, loopback = await reply_to(answer, ProviderName.OPENAI, key=f"{KEY}\n")
    assert loopback.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_nobody_at_the_address_is_a_network_error() -> None:
    async with serving(answering(head())) as loopback:
        url = loopback.url
    async with provider_at(url, ProviderName.OPENAI) as provider:
        with pytest.raises(ModelFailure) as caught:
            await ask(provider, HELLO)
    assert (caught.value.code, caught.value.retryable) == (ModelErrorCode.NETWORK_ERROR, True)


@pytest.mark.parametrize(
    ("provider", "content_type", "body"),
    [
        (ProviderName.OPENAI, "text/event-stream", sse(TEXT)),
        (
            ProviderName.ANTHROPIC,
            "text/event-stream",
            sse({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "so "}}),
        ),
        (ProviderName.OLLAMA, "application/x-ndjson", lines({"message": {"content": "so "}, "done": False})),
    ],
)
async def test_a_connection_that_ends_between_two_events_is_no_answer(
    provider: ProviderName, content_type: str, body: bytes
) -> None:
    failure = await failure_of(answering(head(content_type=content_type), body), provider)
    assert failure.code is ModelErrorCode.NETWORK_ERROR


async def test_a_connection_that_ends_within_an_event_is_no_answer() -> None:
    chunked = head(transfer_encoding="chunked") + b"40\r\ndata: {"
    assert (await failure_of(answering(chunked))).code is ModelErrorCode.NETWORK_ERROR


@pytest.mark.parametrize(
    "body",
    [
        b"data: {no json}\n\n",
        b"data: \xff\xfe\n\n",
        b"data: [1]\n\n",
        b"data: 7\n\n",
        sse({"choices": 7}),
        sse({"choices": [7]}),
        sse({"choices": [{"delta": "text"}]}),
        sse({"choices": [{"delta": {"content": {"a": 1}}}]}),
        sse({"choices": [{"delta": {"tool_calls": [{"index": 100_000, "function": {}}]}}]}),
        sse({"choices": [{"delta": {"tool_calls": [{"index": -1, "function": {}}]}}]}),
        sse("[DONE]"),
        sse(TEXT, "[DONE]"),
        sse({"choices": [{"delta": {}, "finish_reason": "length"}]}, "[DONE]"),
    ],
)
async def test_what_the_format_does_not_have_is_malformed(body: bytes) -> None:
    assert (await failure_of(answering(head(), body))).code is ModelErrorCode.MALFORMED


@pytest.mark.parametrize(
    "answer",
    [
        answering(head(content_type="text/html"), b"<html>"),
        answering(head(content_type="application/json"), b"{}"),
        answering(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", sse(TEXT)),
    ],
)
async def test_another_content_than_was_asked_for_is_malformed(answer: Any) -> None:
    assert (await failure_of(answer)).code is ModelErrorCode.MALFORMED


async def test_an_answer_that_is_packed_though_nobody_asked_for_that_is_malformed_and_says_so() -> None:
    failure = await failure_of(answering(head(content_encoding="gzip"), b"\x1f\x8b"))
    assert failure.code is ModelErrorCode.MALFORMED
    assert "packed its answer (gzip)" in str(failure)
    body = sse(TEXT, {"choices": [{"delta": {}, "finish_reason": "stop"}]}, "[DONE]")
    reply, _, _ = await reply_to(answering(head(content_encoding="identity"), body), ProviderName.OPENAI)
    assert reply.text == "so "


async def test_a_line_of_fifty_megabytes_is_given_up_early() -> None:
    sent = 0

    async def endless(write: Write) -> None:
        nonlocal sent
        await write(head() + b"data: ")
        for _ in range(800):
            await write(b"x" * 65_536)
            sent += 65_536

    failure = await failure_of(endless)
    assert failure.code is ModelErrorCode.MALFORMED
    assert sent < 8 * MAX_FRAME


async def test_an_event_of_endless_lines_is_given_up() -> None:
    async def endless(write: Write) -> None:
        await write(head())
        while True:
            await write(b"data: " + b"x" * 60_000 + b"\n")

    assert (await failure_of(endless)).code is ModelErrorCode.MALFORMED


async def test_an_answer_without_an_end_is_given_up() -> None:
    async def endless(write: Write) -> None:
        await write(head())
        event = sse({"choices": [{"delta": {"content": "x" * 60_000}}]})
        while True:
            await write(event)

    assert (await failure_of(endless)).code is ModelErrorCode.MALFORMED


@pytest.mark.parametrize(
    ("provider", "content_type", "event"),
    [
        (
            ProviderName.OPENAI,
            "text/event-stream",
            sse({"error": {"message": "x", "type": "overloaded_error"}}),
        ),
        (
            ProviderName.ANTHROPIC,
            "text/event-stream",
            sse({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}),
        ),
    ],
)
async def test_an_error_within_the_stream_has_its_code(
    provider: ProviderName, content_type: str, event: bytes
) -> None:
    begun = head(content_type=content_type, request_id="r-1")
    failure = await failure_of(answering(begun, event), provider)
    assert (failure.code, failure.provider_code) == (ModelErrorCode.OVERLOADED, "overloaded_error")
    assert failure.request_id == "r-1"


@pytest.mark.parametrize(
    ("reason", "code"),
    [("error", ModelErrorCode.HTTP_ERROR), ("insufficient_system_resource", ModelErrorCode.OVERLOADED)],
)
async def test_an_answer_that_the_server_broke_off_is_none_and_may_come_when_it_is_asked_again(
    reason: str, code: ModelErrorCode
) -> None:
    ends = {"choices": [{"delta": {}, "finish_reason": reason}]}
    failed = await failure_of(answering(head() + sse(TEXT, ends, "[DONE]")))
    assert (failed.code, failed.retryable) == (code, True)
    assert failed.details()["provider_code"] == reason


async def test_an_answer_that_filled_what_its_model_reads_is_cut_off() -> None:
    ends = {"choices": [{"delta": {}, "finish_reason": "model_length"}]}
    reply, _, _ = await reply_to(answering(head() + sse(TEXT, ends, "[DONE]")), ProviderName.OPENAI)
    assert (reply.text, reply.finish) == ("so ", FinishReason.LENGTH)


async def test_a_refusal_is_no_answer() -> None:
    refusal = sse(
        {"choices": [{"delta": {"refusal": "I will not."}}]},
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    )
    failure = await failure_of(answering(head(), refusal))
    assert (failure.code, failure.message) == (ModelErrorCode.REFUSED, "I will not.")
    filtered = sse(TEXT, {"choices": [{"delta": {}, "finish_reason": "content_filter"}]})
    assert (await failure_of(answering(head(), filtered))).code is ModelErrorCode.REFUSED
    stopped = sse({"type": "message_delta", "delta": {"stop_reason": "refusal"}})
    failure = await failure_of(answering(head(), stopped), ProviderName.ANTHROPIC)
    assert failure.code is ModelErrorCode.REFUSED


SHORT = 0.2


@pytest.mark.parametrize(
    ("answer", "phase"),
    [
        (hanging(), TimeoutPhase.FIRST_TOKEN),
        (hanging(head()), TimeoutPhase.FIRST_TOKEN),
        (dripping(head(), repeat(b": still here\n\n")), TimeoutPhase.FIRST_TOKEN),
        (hanging(head(500, "text/plain")), TimeoutPhase.FIRST_TOKEN),
        (hanging(head(), sse(TEXT)), TimeoutPhase.BETWEEN_TOKENS),
        (dripping(head() + sse(TEXT), repeat(b": still here\n\n")), TimeoutPhase.BETWEEN_TOKENS),
        (dripping(head() + sse(TEXT) + b"data: ", repeat(b" ")), TimeoutPhase.BETWEEN_TOKENS),
        (dripping(head(), repeat(sse(TEXT))), TimeoutPhase.TOTAL),
    ],
)
async def test_each_phase_has_its_time_whatever_drips_in(answer: Any, phase: TimeoutPhase) -> None:
    # the time that is to be over is short, the others are long: a busy machine changes nothing
    failure = await failure_of(answer, timeouts=PATIENT.model_copy(update={phase.value: SHORT}))
    assert (failure.code, failure.phase) == (ModelErrorCode.TIMEOUT, phase)


async def test_a_connection_that_is_never_made_is_late() -> None:
    async with serving(hanging()) as loopback:  # nobody there speaks TLS
        url = loopback.url.replace("http:", "https:")
        timeouts = ModelTimeouts(connect=SHORT, first_token=60, between_tokens=60, total=60)
        async with provider_at(url, ProviderName.OPENAI, timeouts=timeouts) as provider:
            with pytest.raises(ModelFailure) as caught:
                await ask(provider, HELLO)
    assert caught.value.phase is TimeoutPhase.CONNECT


async def test_whoever_stops_asking_leaves_no_connection_behind() -> None:
    closed = asyncio.Event()

    async def until_closed(write: Write) -> None:
        try:
            await write(head() + sse(TEXT))
            while True:
                await write(b": still here\n\n")
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async with (
        serving(until_closed) as loopback,
        provider_at(loopback.url, ProviderName.OPENAI) as provider,
    ):
        came = asyncio.Event()
        asking = asyncio.create_task(ask(provider, HELLO, lambda _: came.set()))
        await came.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        async with asyncio.timeout(60):
            await closed.wait()
