from __future__ import annotations

import asyncio
import base64
import gzip
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import StepErrorCode
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import ToolContext, ToolLimits
from engine.tools.egress import checked_addresses, checked_url, is_public
from engine.tools.executor import ToolExecutor
from engine.tools.failure import ToolFailure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from engine.contracts.tool import ToolResult


@dataclass
class FakeServer:
    """A loopback web server with fixed answers; it keeps what it was asked."""

    answers: Mapping[str, bytes]
    port: int = 0
    requests: list[str] = field(default_factory=list)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            answer = self.answers.get(head.split(" ")[1])
            if answer is None:
                await reader.read()  # never answers; the client goes away
            else:
                writer.write(answer.replace(b"PORT", str(self.port).encode()))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def redirect(location: str) -> bytes:
    return answer(b"", "302 Found", Location=location)


@asynccontextmanager
async def serving(answers: Mapping[str, bytes]) -> AsyncIterator[FakeServer]:
    fake = FakeServer(answers)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    async with server:
        yield fake


async def get(
    context: ToolContext,
    url: str,
    *,
    allowed: frozenset[str] = frozenset({"127.0.0.1", "localhost"}),
    secrets: Mapping[str, str] | None = None,
    **params: Any,
) -> ToolResult:
    limits = ToolLimits(allowed_private_hosts=allowed)
    executor = ToolExecutor(builtin_registry(), limits, secrets or {})
    return await executor.call("http.get", {"url": url, **params}, context)


def code_of(result: ToolResult) -> StepErrorCode:
    assert result.error is not None, result.data
    return result.error.code


async def test_a_listed_loopback_server_answers(context: ToolContext) -> None:
    async with serving(
        {"/a?b=1": answer("grün".encode(), Content_Type="text/plain; charset=utf-8")}
    ) as server:
        result = await get(context, server.url("/a?b=1"), headers={"X-Own": "yes"})
    assert result.data["status"] == 200
    assert result.data["text"] == "grün"
    assert result.data["truncated"] is False
    assert result.data["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert "x-own: yes" in server.requests[0].lower()
    assert f"host: 127.0.0.1:{server.port}" in server.requests[0].lower()


@pytest.mark.parametrize("charset", ["punycode", "idna", "undefined", "unicode_escape", "hex", "none"])
async def test_a_codec_that_is_no_charset_decodes_nothing(context: ToolContext, charset: str) -> None:
    body = rb"a\ud800 b-"  # half a character to some, to others the beginning of one
    async with serving({"/": answer(body, Content_Type=f"text/plain; charset={charset}")}) as server:
        result = await get(context, server.url("/"))
    assert result.ok, result.error
    assert base64.b64decode(result.data["base64"]) == body


async def test_a_host_may_be_listed_with_its_port_only(context: ToolContext) -> None:
    async with serving({"/": answer(b"ok")}) as server:
        right = await get(context, server.url("/"), allowed=frozenset({f"127.0.0.1:{server.port}"}))
        wrong = await get(context, server.url("/"), allowed=frozenset({"127.0.0.1:1"}))
    assert right.data["text"] == "ok"
    assert code_of(wrong) == StepErrorCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("listed", "url", "reached"),
    [
        ("fd00::5", "http://[fd00::5]/", True),
        ("[FD00::5]", "http://[fd00::5]/", True),
        ("[fd00::5]:80", "http://[fd00::5]/", True),
        ("[fd00::5]:8080", "http://[fd00::5]:8080/", True),
        ("[fd00::5]:8080", "http://[fd00::5]/", False),
        ("fd00::5:80", "http://[fd00::5]/", False),
        ("fd00::5:8080", "http://[fd00::5]:8080/", False),
    ],
)
async def test_an_ipv6_address_has_its_port_behind_brackets(listed: str, url: str, reached: bool) -> None:
    own, layers = frozenset({listed}), frozenset({listed.casefold()})
    everywhere = ToolLimits(allowed_private_hosts=own)
    for limits in (everywhere, ToolLimits(allowed_private_hosts=frozenset({"fd00::5"}), hosts=layers)):
        if reached:
            assert [*map(str, await checked_addresses(checked_url(url), limits))] == ["fd00::5"]
        else:
            with pytest.raises(ToolFailure, match="fd00::5"):
                await checked_addresses(checked_url(url), limits)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "10.1.2.3",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "[fd00::1]",
        "224.0.0.1",
        "100.64.0.1",
    ],
)
async def test_private_addresses_are_refused_in_every_spelling(context: ToolContext, host: str) -> None:
    async with serving({"/": answer(b"secret")}) as server:
        result = await get(context, f"http://{host}:{server.port}/", allowed=frozenset())
    assert code_of(result) == StepErrorCode.PERMISSION_DENIED
    assert server.requests == []


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("192.168.1.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)
def test_only_addresses_of_the_public_internet_are_public(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "http://",
        "http://user:pw@example.org/",
        "http://a b/",
        "http://x:99999/",
        "http://[::1",
        "example.org",
    ],
)
async def test_other_urls_are_invalid(context: ToolContext, url: str) -> None:
    assert code_of(await get(context, url)) == StepErrorCode.INVALID_INPUT


async def test_redirects_are_followed_on_the_same_host_only(context: ToolContext) -> None:
    answers = {
        "/same": redirect("/end"),
        "/other-name": redirect("http://localhost:PORT/end"),
        "/other-port": redirect("http://127.0.0.1:1/end"),
        "/outside": redirect("http://169.254.169.254/latest"),
        "/loop": redirect("/loop"),
        "/end": answer(b"end"),
    }
    async with serving(answers) as server:
        same = await get(context, server.url("/same"))
        refused = [
            await get(context, server.url(path)) for path in ("/other-name", "/other-port", "/outside")
        ]
        loop = await get(context, server.url("/loop"))
    assert same.data["text"] == "end"
    assert [code_of(result) for result in refused] == [StepErrorCode.PERMISSION_DENIED] * 3
    assert code_of(loop) == StepErrorCode.BACKEND_ERROR
    assert sum("/end" in request for request in server.requests) == 1
    assert sum("GET /loop" in request for request in server.requests) == 6


@pytest.mark.parametrize(
    ("status", "code"),
    [("429 Too Many", StepErrorCode.RATE_LIMITED), ("503 Unavailable", StepErrorCode.BACKEND_ERROR)],
)
async def test_pushback_is_recoverable_and_tells_when(
    context: ToolContext, status: str, code: StepErrorCode
) -> None:
    async with serving({"/": answer(b"", status, Retry_After="7")}) as server:
        result = await get(context, server.url("/"))
    assert code_of(result) == code
    assert result.error is not None
    assert result.error.recoverable
    assert result.error.details["retry_after"] == "7"


async def test_a_missing_page_is_an_answer(context: ToolContext) -> None:
    async with serving({"/": answer(b"none", "404 Not Found")}) as server:
        result = await get(context, server.url("/"))
    assert (result.data["status"], result.data["text"]) == (404, "none")


async def test_a_closed_port_is_temporary(context: ToolContext) -> None:
    async with serving({}) as server:
        url = server.url("/")
    result = await get(context, url)
    assert code_of(result) == StepErrorCode.TEMPORARY
    assert result.error is not None
    assert result.error.recoverable


async def test_a_silent_server_is_a_timeout(context: ToolContext) -> None:
    async with serving({}) as server:
        result = await get(context, server.url("/silent"), timeout=0.3)
    assert code_of(result) == StepErrorCode.TIMEOUT


async def test_no_more_is_held_than_could_be_returned_whatever_is_asked_for(context: ToolContext) -> None:
    limits = ToolLimits(allowed_private_hosts=frozenset({"127.0.0.1"}), max_output_bytes=1_000)
    async with serving({"/": answer(b"x" * 1_000_000)}) as server:
        asked = {"url": server.url("/"), "max_bytes": 10**15}
        result = await ToolExecutor(builtin_registry(), limits).call("http.get", asked, context)
    assert result.error is not None
    assert result.error.code is StepErrorCode.CONTRACT_VIOLATION
    assert result.error.details["size"] < 5_000


async def test_the_body_is_bounded_and_binary_is_base64(context: ToolContext) -> None:
    packed = gzip.compress(b"x" * 1_000_000)
    answers = {
        "/big": answer(b"x" * 10_000_000),
        "/cut": answer("aé".encode()),
        "/binary": answer(b"\x89PNG\xff"),
        "/packed": answer(packed, Content_Encoding="gzip"),
    }
    async with serving(answers) as server:
        big = await get(context, server.url("/big"), max_bytes=1000)
        cut = await get(context, server.url("/cut"), max_bytes=2)
        binary = await get(context, server.url("/binary"))
        bomb = await get(context, server.url("/packed"))
    assert (len(big.data["text"]), big.data["truncated"]) == (1000, True)
    assert (cut.data["text"], cut.data["truncated"]) == ("a", True)
    assert base64.b64decode(binary.data["base64"]) == b"\x89PNG\xff"
    assert base64.b64decode(bomb.data["base64"]) == packed


async def test_a_secret_header_is_sent_and_never_shown(context: ToolContext) -> None:
    echo = answer(b"you sent s3cret-token")
    async with serving({"/": echo}) as server:
        headers = {"Authorization": {"$secret": "TOKEN"}}
        result = await get(context, server.url("/"), headers=headers, secrets={"TOKEN": "s3cret-token"})
    assert "authorization: s3cret-token" in server.requests[0].lower()
    assert result.data["text"] == "you sent [SECRET]"


async def test_headers_of_the_protocol_cannot_be_set(context: ToolContext) -> None:
    result = await get(context, "http://127.0.0.1/", headers={"Host": "internal"})
    assert code_of(result) == StepErrorCode.INVALID_INPUT


async def test_a_header_with_a_line_break_is_invalid(context: ToolContext) -> None:
    async with serving({"/": answer(b"ok")}) as server:
        result = await get(context, server.url("/"), headers={"X": "a\r\nY: b"})
    assert code_of(result) == StepErrorCode.INVALID_INPUT
    assert server.requests == []


async def test_json_is_the_value_of_the_body(context: ToolContext) -> None:
    answers = {"/good": answer(b'{"a": [1]}'), "/bad": answer(b"<html>"), "/nan": answer(b"[NaN]")}
    answers["/cut"] = answer(rb'"so \ud83d"')  # within a character
    async with serving(answers) as fake:
        good = await get(context, fake.url("/good"), json=True)
        assert good.data["json"] == {"a": [1]}
        assert "text" not in good.data
        assert (await get(context, fake.url("/cut"), json=True)).data["json"] == "so \ufffd"
        for path in ("/bad", "/nan"):
            refused = await get(context, fake.url(path), json=True)
            assert refused.error is not None
            assert refused.error.code is StepErrorCode.CONTRACT_VIOLATION
        cut = await get(context, fake.url("/good"), json=True, max_bytes=3)
        assert cut.error is not None
        assert "max_bytes" in cut.error.message
