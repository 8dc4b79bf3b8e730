"""What agents cost: a streamed chunk against plain httpx lines, long runs and conversations.

Everything is on the loopback of this machine, in one process; the server answers from bytes made before.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from engine.config import EngineConfig
from engine.contracts.actor import Actor
from engine.contracts.flows.agent_step import MAX_TURNS
from engine.journal.sqlite.journal import SqliteJournal
from engine.machine.events.fold import fold
from engine.machine.model.codec import state_to_json
from engine.models.asking import ask
from engine.models.catalog import ModelCatalog
from engine.models.conversation import Message, MessageRole, ModelRequest
from engine.models.settings import ModelSettings, NamedModel, ProviderName
from engine.runtime.embedded.engine import open_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

CHUNKS = 2_000
ROUNDS = 12
RESUMED = 5
"""So often a run is taken up by another engine."""
ME = Actor(name="bench", via="bench")
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def _answer(chunks: int) -> bytes:
    pieces = [{"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "word "}}]}] * chunks
    last = {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    events = "".join(f"data: {json.dumps(one)}\n\n" for one in [*pieces, last])
    return _HEAD + f"{events}data: [DONE]\n\n".encode()


@asynccontextmanager
async def _serving(answer: bytes) -> AsyncIterator[str]:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        await reader.readexactly(length)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _cpu(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.process_time()
    await work()
    return time.process_time() - begun


async def chunks() -> None:
    """Processor time of one streamed chunk: ours, and httpx's lines alone; the server's share is in both."""
    async with _serving(_answer(CHUNKS)) as url:
        named = NamedModel(provider=ProviderName.OPENAI, model="m", base_url=url, api_key="")
        catalog = ModelCatalog(ModelSettings(named={"m": named}), {})
        request = ModelRequest((Message(MessageRole.USER, "go"),))

        async def plain() -> None:
            async with (
                httpx.AsyncClient(trust_env=False) as client,
                client.stream("POST", url, content=b"{}") as response,
            ):
                async for line in response.aiter_lines():
                    if line.startswith("data: {"):
                        json.loads(line[6:])

        async def ours() -> None:
            await ask(catalog.provider("m"), request, lambda _: None)

        for work in (plain, ours):  # what is loaded once is loaded
            await work()
        taken: dict[str, list[float]] = {"plain": [], "ours": []}
        for _ in range(ROUNDS):  # in turns, so that what else the machine does meets both
            taken["plain"].append(await _cpu(plain))
            taken["ours"].append(await _cpu(ours))
    micros = {name: statistics.median(times) / CHUNKS * 1e6 for name, times in taken.items()}
    print(f"a streamed chunk, us of processor time: plain httpx lines {micros['plain']:.1f}, ", end="")
    print(f"ours {micros['ours']:.1f}, ratio {micros['ours'] / micros['plain']:.2f}")


def _pack(root: Path, step: dict[str, Any]) -> None:
    place = root / "packs" / "bench" / "flows"
    place.mkdir(parents=True)
    manifest = {
        "schema_version": "1.0",
        "pack_id": "bench",
        "version": "1.0.0",
        "author": {"name": "Bench"},
        "role": {"title": "Bench", "domain": "Bench", "goal": {"primary": "Be measured"}},
    }
    (place.parent / "profession-pack.yaml").write_text(yaml.safe_dump(manifest))
    (place / "bench.yaml").write_text(yaml.safe_dump({"id": "bench", "steps": [step]}))
    short = {"id": "short", "type": "tool", "tool": "text.report", "params": {"title": "t", "body": "b"}}
    (place / "short.yaml").write_text(yaml.safe_dump({"id": "short", "steps": [short]}))


def _agent(**fields: Any) -> dict[str, Any]:
    return {"id": "work", "type": "agent", "instructions": "Be.", "prompt": "Do.", **fields}


@asynccontextmanager
async def _working(step: dict[str, Any]) -> AsyncIterator[tuple[Any, SqliteJournal]]:
    with TemporaryDirectory() as name:
        root = Path(name)
        _pack(root, step)
        async with _engine(root) as opened:
            yield opened


@asynccontextmanager
async def _engine(root: Path) -> AsyncIterator[tuple[Any, SqliteJournal]]:
    places = {one: root / one for one in ("data", "runs", "cache")}
    for place in places.values():
        place.mkdir(exist_ok=True)
    config = EngineConfig(
        data_dir=places["data"],
        runs_dir=places["runs"],
        cache_dir=places["cache"],
        home_packs=root / "packs",
    )
    journal = await SqliteJournal.open(config.journal_path, poll_seconds=0.25)
    async with open_engine(config, journal=journal) as engine, engine.work():
        yield engine, journal


@dataclass(frozen=True, slots=True)
class Long:
    """A run of so many turns: its state, what its last turn wrote, and how soon it goes on elsewhere."""

    turns: int
    state: int
    written: int
    resumed: float


async def long_run(turns: int) -> Long:
    """One answer of many turns; then other engines take the run up and answer, until it has had so many."""
    call = {"tool": "text.report", "arguments": {"title": "t", "body": "b"}}
    calls = range(turns - 1 - RESUMED)
    answers = [{"text": "done"}] * (1 + RESUMED)
    wanted = [{"calls": [{**call, "arguments": {"title": f"t{n}", "body": "b"}}]} for n in range(MAX_TURNS)]
    step = _agent(
        mode="conversation",
        tools=["text.report"],
        max_turns=turns,
        # as much for all, said or not: the flow is kept and read, too
        script=[*wanted[: len(calls)], *answers, *wanted[len(calls) : MAX_TURNS - len(answers)]],
    )
    with TemporaryDirectory() as name:
        root = Path(name)
        _pack(root, step)
        async with _engine(root) as (engine, journal):
            run = await engine.runs.start("bench", "bench", {}, actor=ME)
            await engine.runs.wait(run.run_id)
            events = await journal.events_after(run.run_id, 0)
        state = fold(stored.event for stored in events)
        last = f"work/{calls[-1]}/"
        wrote = [one.event.payload for one in events if last in (one.event.step_id or "")]
        written = len(json.dumps(wrote))
        taken = [await _resumed(root, run.run_id) for _ in range(RESUMED)]
    return Long(turns, len(json.dumps(state_to_json(state))), written, statistics.median(taken))


async def _resumed(root: Path, run_id: str) -> float:
    """Processor time from a person's message until the run, which nobody holds, waits with an answer.

    The engine has worked a run of the pack before: reading a pack costs by its size, not by the conversation.
    """
    async with _engine(root) as (engine, _):
        short = await engine.runs.start("bench", "short", {}, actor=ME)
        await engine.runs.wait(short.run_id)
        (form,) = (await engine.requests.forms(run_id=run_id)).items
        begun = time.process_time()
        await engine.requests.answer(form.request_id, {"text": "and now?"}, actor=ME)
        await engine.runs.wait(run_id)
        return time.process_time() - begun


async def long_runs() -> None:
    """Runs of 10, 100 and 1,000 turns beside each other."""
    first = await long_run(10)
    for found in (first, await long_run(100), await long_run(1_000)):
        print(
            f"a run of {found.turns} turns: state {found.state:,} bytes ({found.state / first.state:.2f}), "
            f"events of a turn {found.written:,} bytes ({found.written / first.written:.2f}), "
            f"taken up and answered elsewhere in {found.resumed * 1e3:.0f} ms of "
            f"processor time ({found.resumed / first.resumed:.2f})"
        )


async def conversation(messages: int) -> None:
    """A conversation of so many messages: the state, and what the last messages took beside the first."""
    step = _agent(mode="conversation", tools=[])
    taken: list[float] = []
    async with _working(step) as (engine, journal):
        run = await engine.runs.start("bench", "bench", {}, actor=ME)
        for number in range(messages):
            await engine.runs.wait(run.run_id)
            (form,) = (await engine.requests.forms(run_id=run.run_id)).items
            begun = time.perf_counter()
            await engine.requests.answer(form.request_id, {"text": f"message {number}"}, actor=ME)
            await engine.runs.wait(run.run_id)
            taken.append(time.perf_counter() - begun)
        events = await journal.events_after(run.run_id, 0)
    state = fold(stored.event for stored in events)
    size = len(json.dumps(state_to_json(state)))
    tenth = max(1, messages // 10)
    first, last = statistics.median(taken[:tenth]), statistics.median(taken[-tenth:])
    print(
        f"a conversation of {messages} messages: state {size:,} bytes; an answer {first * 1e3:.1f} ms ",
        end="",
    )
    print(f"at its beginning, {last * 1e3:.1f} ms at its end")


async def _all() -> None:
    await chunks()
    for messages in (20, 100, 300):
        await conversation(messages)
    await long_runs()


if __name__ == "__main__":
    asyncio.run(_all())
