"""What a server tells beside a failure: how long to wait, and its own id of the question."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.engine.models.asked_models import failure_of
from tests.engine.models.loopback import answering, head, sse
from tests.engine.models.servers.test_model_failures import TEXT, error_answer


async def test_a_server_that_asks_to_wait_is_heard_in_seconds_and_as_a_date() -> None:
    failure = await failure_of(error_answer(429, "", retry_after="7"))
    assert failure.retry_after == 7
    later = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    failure = await failure_of(error_answer(429, "", retry_after=later))
    assert failure.retry_after is not None
    assert 0 < failure.retry_after <= 7200
    assert (await failure_of(error_answer(429, "", retry_after="1e99"))).retry_after == 86_400
    for nonsense in ("nan", "soon"):
        assert (await failure_of(error_answer(429, "", retry_after=nonsense))).retry_after is None


@pytest.mark.parametrize(
    ("milliseconds", "seconds", "waits"),
    [
        ("1500", "2", 1.5),
        ("250", None, 0.25),
        ("-1", "7", 0.0),
        ("1e99", None, 86_400.0),
        ("soon", "7", 7.0),
        ("inf", "7", 7.0),
        ("nan", None, None),
    ],
)
async def test_a_server_that_asks_to_wait_is_heard_in_milliseconds_which_are_more_exact(
    milliseconds: str, seconds: str | None, waits: float | None
) -> None:
    also = {} if seconds is None else {"retry_after": seconds}
    failure = await failure_of(error_answer(429, "", retry_after_ms=milliseconds, **also))
    assert failure.retry_after == waits


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", b"<html>"),
        ("text/event-stream", b"data: {nonsense\n\n"),
        ("text/event-stream", sse(TEXT, "[DONE]")),
        ("text/event-stream", sse(TEXT)),
    ],
)
async def test_whatever_goes_wrong_with_an_answer_the_server_s_id_of_it_is_told(
    content_type: str, body: bytes
) -> None:
    failure = await failure_of(answering(head(content_type=content_type, request_id="r-1"), body))
    assert failure.request_id == "r-1"
