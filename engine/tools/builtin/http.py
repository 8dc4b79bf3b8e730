"""http.get: the web, without a way into the operator's own network."""

from __future__ import annotations

import asyncio
import base64
import codecs
import importlib
import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin

from engine.contracts.runs.preview import Preview
from engine.contracts.status import Effects, StepErrorCode
from engine.contracts.tool import ToolSpec
from engine.foreign_json import whole_characters
from engine.tools.egress import at_first_reached, checked_addresses, checked_url, port_of, require_listed
from engine.tools.failure import ToolFailure, invalid_input, permission_denied
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

    from engine.tools.context import ToolContext, ToolLimits

_SECONDS = 30.0
"""How long a call may take that does not say it."""
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OWN_HEADERS = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Codecs of Python's own that no page is written in: one takes the square of its time, others make half
characters or fail in ways of their own."""
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

GET = ToolSpec(
    name="http.get",
    effects=Effects.NONE,
    description="Fetch a URL; private addresses are refused unless the operator lists the host.",
    output={
        "status": "of the answer, 200 to 299",
        "headers": "of the answer, names in lower case",
        "text": "the body, when it is text",
        "base64": "the body, when it is no text",
        "json": "with `json: true`, the value of the body in place of `text`",
        "truncated": "the body is longer than `max_bytes`",
    },
    parameters={
        "type": "object",
        "properties": {
            "url": {"type": "string", "minLength": 1, "maxLength": 8000},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
            "timeout": {"type": "number", "exclusiveMinimum": 0},
            "max_bytes": {"type": "integer", "minimum": 1},
            "json": {"type": "boolean"},
        },
        "required": ["url"],
        "additionalProperties": False,
    },
)


def http_tools() -> Iterator[RegisteredTool]:
    """The web tool."""

    async def get(params: dict[str, Any], context: ToolContext) -> Any:
        _check_headers(params.get("headers", {}))
        seconds = params.get("timeout", _SECONDS)
        try:
            async with asyncio.timeout(seconds):
                return await _get(params, context.limits)
        except TimeoutError as error:
            raise ToolFailure(
                StepErrorCode.TIMEOUT,
                f"{params['url']} did not answer within {seconds:g} s",
                recoverable=True,
                details={"timeout": seconds},
            ) from error

    async def preview(params: dict[str, Any], context: ToolContext) -> Preview:
        return _preview(params, context.limits)

    yield RegisteredTool(GET, get, preview)


def _preview(params: dict[str, Any], limits: ToolLimits) -> Preview:
    """The request as it would be sent; secrets are named, not shown. Raises ToolFailure."""
    url = checked_url(params["url"])
    require_listed(url.hostname or "", port_of(url), limits)
    path = url._replace(scheme="", netloc="", fragment="").geturl() or "/"
    headers = {"host": url.netloc, **params.get("headers", {})}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return Preview(kind="request", summary=f"fetches {url.geturl()}", text="\n".join(lines))


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
            raise invalid_input(f"the header {name!r} cannot be set")
        if not (value.isascii() and value.isprintable()):
            raise invalid_input(f"the value of the header {name!r} is not printable ASCII")


async def _get(params: dict[str, Any], limits: ToolLimits) -> dict[str, Any]:
    # httpx costs more than 100 ms to import; only calls of this tool pay for it
    httpx = await asyncio.to_thread(importlib.import_module, "httpx")
    headers = params.get("headers", {})
    max_bytes = min(params.get("max_bytes", 1_000_000), limits.most_read_bytes)
    unreached = (httpx.ConnectError, httpx.ConnectTimeout)
    url = checked_url(params["url"])
    tls = await asyncio.to_thread(httpx.create_ssl_context) if url.scheme == "https" else False
    try:
        # no proxies, cookies or credentials from the environment
        async with httpx.AsyncClient(verify=tls, trust_env=False, timeout=None) as client:
            for _ in range(_MAX_REDIRECTS + 1):
                addresses = await checked_addresses(url, limits)
                fetch = partial(_fetch, client, url, headers, max_bytes)
                answer = await at_first_reached(
                    url, addresses, params.get("timeout", _SECONDS), fetch, unreached
                )
                if isinstance(answer, dict):
                    return _as_json(url, answer) if params.get("json") else answer
                url = _redirected(url, answer)
                if url.scheme == "https" and tls is False:
                    return await _get({**params, "url": url.geturl()}, limits)
    except httpx.InvalidURL as error:
        raise invalid_input(f"{params['url']!r} is not a URL: {error}") from error
    except httpx.TransportError as error:
        words = str(error) or type(error).__name__
        raise ToolFailure(
            StepErrorCode.TEMPORARY, f"cannot fetch {url.geturl()}: {words}", recoverable=True
        ) from error
    raise ToolFailure(
        StepErrorCode.BACKEND_ERROR, f"{params['url']} redirects more than {_MAX_REDIRECTS} times"
    )


async def _fetch(
    client: httpx.AsyncClient,
    url: SplitResult,
    headers: Mapping[str, str],
    max_bytes: int,
    target: str,
    connect: float | None,
) -> dict[str, Any] | str:
    """One request to `target`, the URL at an address: the result, or where it is redirected to."""
    sent = {**headers, "host": url.netloc, "accept-encoding": "identity"}
    # the certificate is checked against the name, not the address
    extensions = {"sni_hostname": url.hostname, "timeout": {"connect": connect}}
    async with client.stream("GET", target, headers=sent, extensions=extensions) as response:
        if response.status_code in _REDIRECTS and "location" in response.headers:
            return str(response.headers["location"])
        _require_success(url, response)
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk[: max_bytes + 1 - len(body)]
            if len(body) > max_bytes:
                break
        truncated = len(body) > max_bytes
        charset = response.charset_encoding or "utf-8"
        received = dict(response.headers.items())
        encoded = "content-encoding" in received
        content = _content(bytes(body[:max_bytes]), "" if encoded else charset, truncated=truncated)
        return {"status": response.status_code, "headers": received, **content, "truncated": truncated}


def _redirected(url: SplitResult, location: str) -> SplitResult:
    target = checked_url(urljoin(url.geturl(), location))
    same = (target.scheme, target.hostname, port_of(target)) == (url.scheme, url.hostname, port_of(url))
    upgrade = (url.scheme, port_of(url), target.scheme, port_of(target)) == ("http", 80, "https", 443)
    if not same and not (upgrade and target.hostname == url.hostname):
        raise permission_denied(
            f"{url.geturl()} redirects to {target.scheme}://{target.netloc}; only the same host is followed"
        )
    return target


def _require_success(url: SplitResult, response: httpx.Response) -> None:
    status = response.status_code
    details: dict[str, Any] = {"status": status}
    if "retry-after" in response.headers:
        details["retry_after"] = response.headers["retry-after"]
    if status == 429:
        raise ToolFailure(
            StepErrorCode.RATE_LIMITED,
            f"{url.netloc} asks to slow down (429)",
            recoverable=True,
            details=details,
        )
    if status >= 500:
        raise ToolFailure(
            StepErrorCode.BACKEND_ERROR, f"{url.netloc} answered {status}", recoverable=True, details=details
        )


def _as_json(url: SplitResult, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with the JSON value of its body in place of the text. Raises ToolFailure."""
    text = answer.pop("text", None)
    words = "it is no text" if text is None else "it is longer than max_bytes" if answer["truncated"] else ""
    try:
        if not words:
            whole = whole_characters((text or "").encode()).decode()
            return {**answer, "json": json.loads(whole, parse_constant=_refuse_constant)}
    except (ValueError, RecursionError) as error:
        words = str(error)
    raise ToolFailure(
        StepErrorCode.CONTRACT_VIOLATION,
        f"what {url.geturl()} answered is no JSON: {words}",
        details={"status": answer["status"]},
    )


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _content(body: bytes, charset: str, *, truncated: bool) -> dict[str, str]:
    """`text` when the body is text of that charset, else `base64`."""
    try:
        if codecs.lookup(charset).name not in _NO_CHARSETS:
            return {"text": body.decode(charset)}
    except UnicodeDecodeError as error:
        if truncated and error.start >= len(body) - 4:  # a character was cut in two
            return {"text": body[: error.start].decode(charset, "replace")}
    except LookupError:
        pass
    return {"base64": base64.b64encode(body).decode()}
