"""What a server says when it gives no answer, as a typed failure without secrets."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from pydantic_core import from_json

from engine.models.failure import PASSING, ModelErrorCode, ModelFailure

Hide = Callable[[str], str]
"""Takes secrets out of a text."""

_SHOWN = 500
_LONGEST_WAIT = 86_400.0
_REQUEST_IDS = ("x-request-id", "openai-request-id", "request-id")
_TOO_LONG = re.compile(
    r"context[ _-]?(length|window|size|limit)|maximum (context|model length|prompt length)|too many tokens"
    r"|(prompt|input) is too long|exceeds? the (context|maximum number of tokens)",
    re.I,
)
_BY_STATUS = {
    401: ModelErrorCode.AUTH_ERROR,
    403: ModelErrorCode.AUTH_ERROR,
    429: ModelErrorCode.RATE_LIMITED,
    400: ModelErrorCode.INVALID_REQUEST,
    404: ModelErrorCode.INVALID_REQUEST,
    413: ModelErrorCode.CONTEXT_LENGTH,
    422: ModelErrorCode.INVALID_REQUEST,
    503: ModelErrorCode.OVERLOADED,
    529: ModelErrorCode.OVERLOADED,
}
_BY_NAME = {
    "overloaded_error": ModelErrorCode.OVERLOADED,
    "rate_limit_error": ModelErrorCode.RATE_LIMITED,
    "rate_limit_exceeded": ModelErrorCode.RATE_LIMITED,
    "authentication_error": ModelErrorCode.AUTH_ERROR,
    "permission_error": ModelErrorCode.AUTH_ERROR,
    "invalid_api_key": ModelErrorCode.AUTH_ERROR,
    "invalid_request_error": ModelErrorCode.INVALID_REQUEST,
    "not_found_error": ModelErrorCode.INVALID_REQUEST,
    "request_too_large": ModelErrorCode.CONTEXT_LENGTH,
    "context_length_exceeded": ModelErrorCode.CONTEXT_LENGTH,
    "content_filter": ModelErrorCode.REFUSED,
    "content_policy_violation": ModelErrorCode.REFUSED,
}


def request_id_of(headers: Mapping[str, str], hide: Hide) -> str | None:
    """The server's id of the request, whatever it calls it."""
    return next((hide(headers[name])[:200] for name in _REQUEST_IDS if name in headers), None)


def refused_status(status: int, headers: Mapping[str, str], body: bytes, hide: Hide) -> ModelFailure:
    """The failure behind an answer whose status is not 200."""
    error = _fields(_error_in(body))
    shown = hide(body.decode("utf-8", "replace"))[:_SHOWN]
    words = hide(error["message"])[:_SHOWN] if error["message"] else ""
    return ModelFailure(
        _code(status, error),
        words or f"the server answered {status}",
        status=status,
        retry_after=retry_after_of(headers),
        request_id=request_id_of(headers, hide),
        provider_code=hide(error["code"] or error["type"])[:100] or None,
        body=shown,
    )


def failure_in_place_of(body: bytes, hide: Hide) -> ModelFailure | None:
    """The failure that JSON tells of which came as an answer; None where it tells of none."""
    error = _error_in(body)
    return failure_in_stream(error, hide) if _fields(error)["message"] else None


def failure_in_stream(error: Any, hide: Hide) -> ModelFailure:
    """The failure that an event of a stream tells of. A server that had taken the question may answer it when
    it is asked again, unless it says whose fault it is."""
    found = _fields(error)
    words = hide(found["message"])[:_SHOWN] or "the server ended its answer with an error"
    status = _status_in(error)
    code = _code(status, found)
    name = hide(found["code"] or found["type"])[:100] or None
    passing = code is ModelErrorCode.HTTP_ERROR and (status is None or status in PASSING)
    return ModelFailure(code, words, provider_code=name, passing=passing)


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait for, at most a day; None when it says nothing that can be read.

    OpenAI and Azure also tell milliseconds, which are the more exact word.
    """
    milliseconds = _finite(headers.get("retry-after-ms", ""))
    text = headers.get("retry-after", "")
    seconds = milliseconds / 1_000 if milliseconds is not None else _finite(text)
    if seconds is None:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _code(status: int | None, error: Mapping[str, str]) -> ModelErrorCode:
    by_name = _BY_NAME.get(error["code"]) or _BY_NAME.get(error["type"])
    unnamed = by_name is None and status in {None, 500}
    invalid = by_name is ModelErrorCode.INVALID_REQUEST or status == 400
    if (invalid or unnamed) and _TOO_LONG.search(f"{error['code']} {error['message']}"):
        return ModelErrorCode.CONTEXT_LENGTH
    if status is None:
        return by_name or ModelErrorCode.HTTP_ERROR
    by_status = _BY_STATUS.get(status)
    narrower = {ModelErrorCode.CONTEXT_LENGTH, ModelErrorCode.REFUSED}
    return by_name if by_name in narrower else by_status or by_name or ModelErrorCode.HTTP_ERROR


def _error_in(body: bytes) -> Any:
    try:
        value = from_json(body)
    except ValueError:
        return None
    if isinstance(value, list) and value:  # as Gemini answers
        value = value[0]
    return value.get("error") or value.get("detail") or value if isinstance(value, dict) else None


def _fields(error: Any) -> dict[str, str]:
    given = {"message": error} if isinstance(error, str) else error if isinstance(error, dict) else {}
    return {
        name: value if isinstance(value := given.get(name), str) else ""
        for name in ("message", "code", "type")
    }


def _status_in(error: Any) -> int | None:
    """The status that an answer with this error would have had, where it says so."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if type(code) is int and 400 <= code < 600 else None
