"""Hosts with several addresses: one that is dead hides no other, and each is checked before any is asked."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import StepErrorCode
from engine.tools.context import ToolLimits
from engine.tools.egress import MOST_CONNECTING_SECONDS, at_first_reached, checked_url
from engine.tools.executor import ToolExecutor
from engine.tools.registry import ToolRegistry
from engine.tools.remote.calling import remote_tools
from engine.tools.remote.settings import RemoteTool
from tests.engine.tools.http.test_http_tool import answer, code_of, get, serving

if TYPE_CHECKING:
    from engine.tools.context import ToolContext

HOST = "api.test"
LISTED = frozenset({HOST})
DEAD, ALIVE = "127.0.0.2", "127.0.0.1"
"""The servers of these tests listen at the second one alone."""


@pytest.fixture
async def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the system tells of the host."""
    addresses = [DEAD, DEAD, ALIVE]

    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        assert host == HOST
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return addresses


async def test_a_page_is_fetched_from_the_first_address_that_lives(
    context: ToolContext, resolved: list[str]
) -> None:
    async with serving({"/": answer(b"here")}) as server:
        result = await get(context, server.url("/", HOST), allowed=LISTED)
        assert result.ok, result.error
        resolved.remove(ALIVE)
        assert code_of(await get(context, server.url("/", HOST), allowed=LISTED)) is StepErrorCode.TEMPORARY
    assert result.data["text"] == "here"
    assert [request.lower().count(f"host: {HOST}:") for request in server.requests] == [1]


async def test_a_tool_over_http_is_called_once_at_the_first_address_that_lives(
    context: ToolContext, resolved: list[str]
) -> None:
    async with serving({"/call": answer(b'{"ok": true, "data": 7}')}) as server:
        tool = RemoteTool(endpoint=server.url("/call", HOST))
        registry = ToolRegistry(remote_tools({"crm.find": tool}, lambda _: None))
        executor = ToolExecutor(registry, ToolLimits(allowed_private_hosts=LISTED))
        result = await executor.call("crm.find", {}, context)
        assert (result.data, len(server.requests)) == (7, 1)
        resolved.remove(ALIVE)
        unreachable = await executor.call("crm.find", {}, context)
    assert unreachable.error is not None
    assert unreachable.error.details["reason"] == "unreachable"


async def test_one_refused_address_keeps_every_other_from_being_asked(
    context: ToolContext, resolved: list[str]
) -> None:
    resolved[:] = ["93.184.216.34", ALIVE]
    async with serving({"/": answer(b"here")}) as server:
        result = await get(context, server.url("/", HOST), allowed=frozenset())
    assert code_of(result) is StepErrorCode.PERMISSION_DENIED
    assert not server.requests


@pytest.mark.parametrize(("seconds", "part"), [(2.0, 1.0), (600.0, MOST_CONNECTING_SECONDS)])
async def test_a_silent_address_takes_a_part_of_the_time_of_the_call_alone(
    seconds: float, part: float
) -> None:
    asked: list[tuple[str, float | None]] = []

    async def ask(target: str, connect: float | None) -> str:
        asked.append((target, connect))
        if connect is not None:
            raise TimeoutError
        return target

    both = (ip_address("2001:db8::1"), ip_address("192.0.2.1"))
    reached = await at_first_reached(checked_url("https://api.test/x"), both, seconds, ask, (TimeoutError,))
    assert reached == "https://192.0.2.1:443/x"
    assert asked == [("https://[2001:db8::1]:443/x", part), (reached, None)]
