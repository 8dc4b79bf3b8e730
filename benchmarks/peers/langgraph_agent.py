"""The same agent as a LangGraph graph: a model node, a tool node, each turn durable before the next one.

Prints one JSON line: seconds, processor time and turns. Its model answers at once, as our scripted one does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import operator
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph


class State(TypedDict):
    messages: Annotated[list[dict[str, Any]], operator.add]


def graph(saver: AsyncSqliteSaver, turns: int) -> Any:
    """An agent whose model wants one call in each of so many turns."""

    async def model(state: State) -> State:
        asked = sum(1 for one in state["messages"] if one["role"] == "assistant")
        call = {"tool": "text.report", "arguments": {"title": f"t{asked}", "body": "b"}}
        calls = [call] if asked < turns else []
        return {"messages": [{"role": "assistant", "text": "" if calls else "done", "calls": calls}]}

    async def tools(state: State) -> State:
        (call,) = state["messages"][-1]["calls"]
        given = call["arguments"]
        return {"messages": [{"role": "tool", "text": f"# {given['title']}\n\n{given['body']}"}]}

    def wants(state: State) -> str:
        return "tools" if state["messages"][-1]["calls"] else END

    made = StateGraph(State)
    made.add_node("model", model)
    made.add_node("tools", tools)
    made.add_edge(START, "model")
    made.add_conditional_edges("model", wants)
    made.add_edge("tools", "model")
    return made.compile(checkpointer=saver)


async def work(directory: Path, turns: int, runs: int) -> tuple[float, float]:
    """Seconds for so many runs at once, and those of the processor."""
    async with AsyncSqliteSaver.from_conn_string(str(directory / "agent.sqlite")) as saver:
        await saver.setup()
        agent = graph(saver, turns)

        async def run(number: int) -> None:
            config = {"configurable": {"thread_id": str(number)}, "recursion_limit": 10 * turns + 10}
            start = {"messages": [{"role": "user", "text": "Do."}]}
            result = await agent.ainvoke(start, config, durability="sync")
            assert result["messages"][-1]["text"] == "done"

        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(run(number) for number in range(runs)))
        return time.perf_counter() - begun, time.process_time() - cpu


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        seconds, cpu = asyncio.run(work(Path(place), options.turns, options.runs))
    print(json.dumps({"seconds": seconds, "cpu": cpu, "turns": options.turns * options.runs}))
