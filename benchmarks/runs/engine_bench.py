"""The embedded engine as a subject: a pack of its own, one in-process tool, the public facade."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from benchmarks.runs.command import main
from benchmarks.runs.subject import Subject
from engine import EngineConfig, open_engine
from engine.contracts.actor import Actor
from engine.contracts.tool import ToolSpec
from engine.facade.feed import Topic
from engine.tools.registry import ToolRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine, Worker
    from engine.facade.feed import FeedBatch
    from engine.tools.context import ToolContext

PACK = "bench"
ACTOR = Actor(name="bench")
_MANIFEST = """\
schema_version: "1.0"
pack_id: bench
version: 1.0.0
author: {name: Bench}
role: {title: Bench, domain: Benchmarks, goal: {primary: Be measured}}
"""
_STEP = "  - {{id: s{i}, type: tool, tool: bench.echo, params: {{i: {i}}}}}\n"
_INPUT = "input: {type: object, properties: {i: {type: integer}}, required: [i]}\nsteps:\n"
_W1 = "id: w1\n" + _INPUT + "".join(_STEP.format(i=i) for i in range(5))
_GATE = '  - {id: gate, type: human_approval, message: "ok?"}\n'
_W2 = "id: w2\n" + _INPUT + _STEP.format(i=0) + _GATE + _STEP.format(i=1)


async def echo(params: dict[str, Any], _context: ToolContext) -> dict[str, Any]:
    return {"i": params["i"]}


def write_pack(packs: Path) -> None:
    flows = packs / PACK / "flows"
    flows.mkdir(parents=True, exist_ok=True)
    (packs / PACK / "profession-pack.yaml").write_text(_MANIFEST, encoding="utf-8")
    (flows / "w1.yaml").write_text(_W1, encoding="utf-8")
    (flows / "w2.yaml").write_text(_W2, encoding="utf-8")


def bench_config(directory: Path) -> EngineConfig:
    return EngineConfig(
        data_dir=directory / "data",
        runs_dir=directory / "runs",
        cache_dir=directory / "cache",
        home_packs=directory / "packs",
    )


def bench_registry() -> ToolRegistry:
    registry = ToolRegistry()
    integer = {"type": "object", "properties": {"i": {"type": "integer"}}, "required": ["i"]}
    registry.register(ToolSpec(name="bench.echo", parameters=integer), echo)
    return registry


class EngineSubject(Subject):
    """Learns of parked and completed runs from one subscription to the feed."""

    name = "vasini"

    @property
    def database(self) -> Path:
        return bench_config(self.directory).journal_path

    async def open(self) -> None:
        write_pack(self.directory / "packs")
        config = bench_config(self.directory)
        self._approvals: dict[str, str] = {}
        self._ends: dict[str, asyncio.Future[None]] = {}
        self.engine: Engine = await self.stack.enter_async_context(
            open_engine(config, registry=bench_registry())
        )
        following = asyncio.create_task(self._follow(ready := asyncio.Event()))
        self.stack.push_async_callback(_stopped, following)
        await ready.wait()
        self._worker: Worker = await self.stack.enter_async_context(self.engine.work())

    async def _follow(self, ready: asyncio.Event) -> None:
        async with self.engine.feed.subscribe(topics={Topic.EVENTS}) as batches:
            ready.set()
            async for batch in batches:
                self._note(batch)

    def _note(self, batch: FeedBatch) -> None:
        for event in batch.events:
            if event.kind == "pending_human":
                self.parked.add(event.run_id)
            elif event.kind == "run_completed":
                end = self._end(event.run_id)
                if not end.done():
                    end.set_result(None)

    def _end(self, run_id: str) -> asyncio.Future[None]:
        return self._ends.setdefault(run_id, asyncio.get_running_loop().create_future())

    async def run_w1(self, _key: str) -> None:
        run = await self.engine.runs.start(PACK, "w1", {"i": -1}, actor=ACTOR)
        await self.wait(run.run_id)

    async def start_w2(self, _key: str) -> str:
        run = await self.engine.runs.start(PACK, "w2", {"i": -1}, actor=ACTOR)
        return run.run_id

    async def approve(self, handle: str) -> None:
        await self.engine.requests.approve(self._approvals[handle], actor=ACTOR)

    async def wait(self, handle: str) -> None:
        await self._end(handle)
        del self._ends[handle]

    async def list_parked(self) -> list[str]:
        after: str | None = None
        while True:
            page = await self.engine.requests.approvals(limit=1000, after=after)
            self._approvals |= {item.run_id: item.approval_id for item in page.items}
            after = page.next
            if after is None:
                return list(self._approvals)

    async def settle(self) -> None:
        await self._worker.idle()


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


if __name__ == "__main__":
    main(EngineSubject, "benchmarks.runs.engine_bench")
