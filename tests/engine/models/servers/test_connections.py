"""Connections to servers of models are used again, and nothing of one call is in the next one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.models.asking import ask
from engine.models.catalog import ModelCatalog
from engine.models.settings import ModelSettings, NamedModel, ProviderName
from tests.engine.models.asked_models import HELLO, PATIENT
from tests.engine.models.loopback import sse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SAID = {"id": "1", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}


@dataclass
class Kept:
    """A server that keeps its connections open: how many there are and were, and the heads of requests."""

    url: str = ""
    made: int = 0
    open: int = 0
    heads: list[str] = field(default_factory=list)
    last: bytes = b"0\r\n\r\n"
    """What ends the body; nothing: it never ends."""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """No connection is open any more."""


@asynccontextmanager
async def keeping() -> AsyncIterator[Kept]:
    kept = Kept()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        kept.made += 1
        kept.open += 1
        kept.gone.clear()
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                kept.heads.append(head.decode())
                length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                body = sse(SAID, "[DONE]")
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nset-cookie: who=you\r\n")
                writer.write(b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(body), body))
                await writer.drain()
                writer.write(kept.last)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            kept.open -= 1
            if not kept.open:
                kept.gone.set()
            writer.close()
            tasks.discard(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    kept.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield kept
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def catalog_at(url: str) -> ModelCatalog:
    """Two models of one server, each with a key of its own."""
    named = {
        name: NamedModel(
            provider=ProviderName.OPENAI, model=name, base_url=url, api_key=f"key_{name}", timeouts=PATIENT
        )
        for name in ("one", "two")
    }
    return ModelCatalog(ModelSettings(named=named), {"key_one": "secret-one", "key_two": "secret-two"})


async def closed(kept: Kept) -> None:
    """The server has seen the end of all its connections."""
    async with asyncio.timeout(60):
        await kept.gone.wait()


async def test_questions_one_after_the_other_are_asked_over_one_connection() -> None:
    async with keeping() as kept:
        catalog = catalog_at(kept.url)
        for _ in range(3):
            assert (await ask(catalog.provider("one"), HELLO)).text == "hi"
        assert (kept.made, len(kept.heads)) == (1, 3)
        await catalog.connections.close()
        await closed(kept)


async def test_no_key_and_no_cookie_of_one_call_is_in_another_one() -> None:
    async with keeping() as kept:
        catalog = catalog_at(kept.url)
        await ask(catalog.provider("one"), HELLO)
        await ask(catalog.provider("two"), HELLO)
        await catalog.connections.close()
        assert "secret-one" in kept.heads[0]
        assert "secret-one" not in kept.heads[1]
        assert "secret-two" in kept.heads[1]
        assert "cookie" not in kept.heads[1].lower()


async def test_questions_at_the_same_time_wait_for_no_connection() -> None:
    async with keeping() as kept:
        catalog = catalog_at(kept.url)
        provider = catalog.provider("one")
        await asyncio.gather(*(ask(provider, HELLO) for _ in range(150)))
        assert len(kept.heads) == 150
        await catalog.connections.close()
        await closed(kept)


async def test_an_answer_is_whole_though_the_server_never_ends_it() -> None:
    async with keeping() as kept:
        kept.last = b""
        catalog = catalog_at(kept.url)
        for _ in range(2):
            assert (await ask(catalog.provider("one"), HELLO)).text == "hi"
        assert kept.made == 2
        await catalog.connections.close()
        await closed(kept)


def test_another_event_loop_makes_connections_of_its_own() -> None:
    catalog = catalog_at("http://127.0.0.1:1")

    async def client() -> object:
        made = await catalog.connections.client(tls=False)
        assert await catalog.connections.client(tls=False) is made
        return made

    assert asyncio.run(client()) is not asyncio.run(client())


async def test_connections_may_be_used_again_after_they_were_closed() -> None:
    async with keeping() as kept:
        catalog = catalog_at(kept.url)
        for _ in range(2):
            await ask(catalog.provider("one"), HELLO)
            await catalog.connections.close()
        assert kept.made == 2
