"""LangGraph with AsyncSqliteSaver and durability `sync`: each step is durable before the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from benchmarks.runs.command import main
from benchmarks.runs.subject import Subject

if TYPE_CHECKING:
    from pathlib import Path


class State(TypedDict, total=False):
    i: int
    ok: bool


def echo(i: int) -> Any:
    async def node(_state: State) -> dict[str, int]:
        return {"i": i}

    return node


async def gate(_state: State) -> dict[str, bool]:
    return {"ok": interrupt({"q": "ok?"})}


def chain(saver: AsyncSqliteSaver, nodes: dict[str, Any]) -> Any:
    """A compiled graph of `nodes` one after the other."""
    graph = StateGraph(State)
    before = START
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph.compile(checkpointer=saver)


class LangGraphSubject(Subject):
    """Runs are threads; a parked one is a thread with an interrupt, found by loading every thread's state."""

    name = "langgraph"

    @property
    def database(self) -> Path:
        return self.directory / "langgraph.sqlite"

    async def open(self) -> None:
        self._saver = await self.stack.enter_async_context(
            AsyncSqliteSaver.from_conn_string(str(self.database))
        )
        await self._saver.setup()
        self._w1 = chain(self._saver, {f"s{i}": echo(i) for i in range(5)})
        self._w2 = chain(self._saver, {"s0": echo(0), "gate": gate, "s1": echo(1)})

    async def run_w1(self, key: str) -> None:
        result = await self._w1.ainvoke({"i": -1}, _thread(f"w1-{key}"), durability="sync")
        assert result["i"] == 4

    async def start_w2(self, key: str) -> str:
        result = await self._w2.ainvoke({"i": -1}, _thread(key), durability="sync")
        assert "__interrupt__" in result
        self.parked.add(key)
        return key

    async def approve(self, handle: str) -> None:
        result = await self._w2.ainvoke(Command(resume=True), _thread(handle), durability="sync")
        assert result["i"] == 1

    async def wait(self, handle: str) -> None:
        """`approve` has run the rest of the graph already."""

    async def list_parked(self) -> list[str]:
        cursor = await self._saver.conn.execute("SELECT DISTINCT thread_id FROM checkpoints")
        threads = [thread for (thread,) in await cursor.fetchall()]
        return [thread for thread in threads if (await self._w2.aget_state(_thread(thread))).interrupts]


def _thread(key: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": key}}


if __name__ == "__main__":
    main(LangGraphSubject, "benchmarks.peers.langgraph_bench")
