"""Calls of tools over HTTP: one POST each, answered with the envelope; nothing is tried again here."""

from __future__ import annotations

import asyncio
import importlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from engine.contracts.runs.preview import Preview
from engine.contracts.status import StepErrorCode
from engine.contracts.tool import ToolSpec
from engine.foreign_json import read_foreign
from engine.models.wire.server_errors import retry_after_of
from engine.tools.egress import at_first_reached, checked_addresses, checked_url, port_of, require_listed
from engine.tools.failure import ToolFailure, returned_failure
from engine.tools.registry import RegisteredTool
from engine.tools.secret_references import Redaction, resolve_references

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from engine.tools.context import ToolContext
    from engine.tools.remote.settings import RemoteTool

BACK_END = "http"
_AROUND = 64 * 1024
"""Bytes of an envelope beside what a tool may return."""
_SHOWN = 500
"""Characters of an answer that is no envelope."""
_LONGEST_WAIT = 3_600.0


def remote_tools(
    declared: Mapping[str, RemoteTool], secret: Callable[[str], str | None]
) -> Iterator[RegisteredTool]:
    """The tools that the settings declare; `secret` is asked by name at each call."""
    for name, settings in declared.items():
        yield _registered(name, settings, secret)


def remote_spec(name: str, settings: RemoteTool) -> ToolSpec:
    """What is known of one before it is called."""
    return ToolSpec(
        name=name,
        description=settings.description,
        parameters=settings.parameters,
        backend=BACK_END,
        effects=settings.effects,
        risk=settings.risk,
    )


def _registered(name: str, settings: RemoteTool, secret: Callable[[str], str | None]) -> RegisteredTool:
    async def call(params: dict[str, Any], context: ToolContext) -> Any:
        used: set[str] = set()
        headers = resolve_references(_written(settings), secret, used)
        _require_sendable(headers)
        try:
            async with asyncio.timeout(settings.timeout_seconds):
                return await _called(name, settings, headers, params, context, Redaction(used))
        except TimeoutError as error:
            raise ToolFailure(
                StepErrorCode.TIMEOUT,
                f"{settings.endpoint} did not answer within {settings.timeout_seconds:g} s",
                recoverable=True,
                details={"timeout": settings.timeout_seconds},
            ) from error

    async def preview(params: dict[str, Any], context: ToolContext) -> Preview:
        url = checked_url(settings.endpoint)
        require_listed(url.hostname or "", port_of(url), context.limits)
        headers = resolve_references(_written(settings), "[SECRET {}]".format, set())
        sent = {"host": url.netloc, **headers}
        path = url._replace(scheme="", netloc="").geturl() or "/"
        lines = [f"POST {path} HTTP/1.1", *(f"{key}: {value}" for key, value in sent.items()), ""]
        lines.append(json.dumps({"tool": name, "params": params}, ensure_ascii=False, indent=2))
        return Preview(kind="request", summary=f"calls {name} at {settings.endpoint}", text="\n".join(lines))

    return RegisteredTool(remote_spec(name, settings), call, preview)


def _written(settings: RemoteTool) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str) else {"$secret": value.secret}
        for name, value in settings.headers.items()
    }


def _require_sendable(headers: Mapping[str, str]) -> None:
    """Raises ToolFailure for a value that no header holds, in our words: a library's would quote it."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            raise ToolFailure(
                StepErrorCode.INVALID_INPUT,
                f"the secret of the header {name} holds a line end, outer spaces or letters that no header "
                "can hold; put it into secrets.yaml as it is",
                recoverable=False,
            )


async def _called(
    name: str,
    settings: RemoteTool,
    headers: Mapping[str, str],
    params: dict[str, Any],
    context: ToolContext,
    redaction: Redaction,
) -> Any:
    """What the tool brought. Raises ToolFailure."""
    request = {
        "tool": name,
        "params": params,
        "idempotency_key": context.idempotency_key,
        "run_id": context.run_id,
        "step_id": context.step_id,
        "attempt": context.attempt,
    }
    own = {
        "content-type": "application/json",
        "accept": "application/json",
        "idempotency-key": context.idempotency_key,
    }
    body = json.dumps(request, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
    status, wait, answer = await _posted(settings, {**headers, **own}, body, context, redaction)
    return _brought(settings.endpoint, status, wait, answer, redaction)


async def _posted(
    settings: RemoteTool, headers: Mapping[str, str], body: bytes, context: ToolContext, redaction: Redaction
) -> tuple[int, str, bytes]:
    """The status, what it says of waiting, and the body; redirects are not followed. Raises ToolFailure."""
    # httpx costs more than 100 ms to import; only calls of these tools pay for it
    httpx = await asyncio.to_thread(importlib.import_module, "httpx")
    endpoint = settings.endpoint
    url = checked_url(endpoint)
    addresses = await checked_addresses(url, context.limits)
    tls = await asyncio.to_thread(httpx.create_ssl_context) if url.scheme == "https" else False
    most = context.limits.max_output_bytes + _AROUND
    sent = {**headers, "host": url.netloc, "accept-encoding": "identity"}
    unreached = (httpx.ConnectError, httpx.ConnectTimeout)

    async def post(target: str, connect: float | None) -> tuple[int, str, bytes]:
        # the certificate is that of the name
        extensions = {"sni_hostname": url.hostname, "timeout": {"connect": connect}}
        async with client.stream(
            "POST", target, content=body, headers=sent, extensions=extensions
        ) as response:
            answer = bytearray()
            async for chunk in response.aiter_raw():
                answer += chunk
                if len(answer) > most:
                    raise ToolFailure(
                        StepErrorCode.CONTRACT_VIOLATION, f"{endpoint} answered with more than {most} bytes"
                    )
            return response.status_code, response.headers.get("retry-after", ""), bytes(answer)

    try:
        # no proxies, cookies or credentials from the environment
        async with httpx.AsyncClient(verify=tls, trust_env=False, timeout=None) as client:
            return await at_first_reached(url, addresses, settings.timeout_seconds, post, unreached)
    except httpx.TransportError as error:
        words = redaction.text(str(error) or type(error).__name__)
        begun = not isinstance(error, unreached)
        told = (
            f"{endpoint} gave no whole answer, and may have made the call"
            if begun
            else f"cannot reach {endpoint}"
        )
        raise ToolFailure(
            StepErrorCode.BACKEND_ERROR,
            f"{told}: {words}",
            recoverable=True,
            details={"reason": "lost" if begun else "unreachable"},
        ) from error


def _brought(endpoint: str, status: int, wait: str, answer: bytes, redaction: Redaction) -> Any:
    envelope = _envelope(answer)
    if envelope is not None:
        envelope = redaction.value(envelope)
    succeeded = 200 <= status < 300
    if envelope is not None and envelope["ok"] and succeeded:
        return envelope.get("data")
    if status == 429:
        details = {"status": status, **_seconds(wait)}
        raise ToolFailure(
            StepErrorCode.RATE_LIMITED,
            f"{endpoint} asks to slow down (429)",
            recoverable=True,
            details=details,
        )
    failed = (
        None if envelope is None or envelope["ok"] else returned_failure({"error": envelope.get("error")})
    )
    if failed is not None:
        raise failed
    shown = redaction.text(answer.decode("utf-8", "replace"))[:_SHOWN]
    told: dict[str, Any] = {"status": status, "response_body": shown, **_seconds(wait)}
    if not succeeded:
        again = status >= 500
        message = f"{endpoint} answered {status}"
        raise ToolFailure(StepErrorCode.BACKEND_ERROR, message, recoverable=again, details=told)
    message = f"{endpoint} did not answer with an envelope: an object with `ok`, and `data` or `error`"
    raise ToolFailure(StepErrorCode.CONTRACT_VIOLATION, message, recoverable=False, details=told)


def _envelope(answer: bytes) -> dict[str, Any] | None:
    try:
        value = read_foreign(answer, partial(from_json, allow_inf_nan=False))
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("ok"), bool):
        return None
    return None if value["ok"] and value.get("error") is not None else value


def _seconds(text: str) -> dict[str, float]:
    seconds = retry_after_of({"retry-after": text})
    return {} if seconds is None else {"retry_after_seconds": min(seconds, _LONGEST_WAIT)}
