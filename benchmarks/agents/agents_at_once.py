"""Many agents at once: turns a second beside the same agent as a LangGraph graph, memory, and the loop's lag.

    python -m benchmarks.agents.agents_at_once

The peer runs in the environment of the peers (docs/performance.md); without it only our own figures are
printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.agents.agents_bench import ME, _agent, _working
from benchmarks.figures import percentile

TURNS, RUNS, REPEATED, MANY = 20, 20, 3, 100
PEERS = Path(os.environ.get("PEERS_VENV", ".bench/peers-venv")) / "bin" / "python"
_TICK = 0.005


def _step() -> dict[str, Any]:
    calls = [
        {"calls": [{"tool": "text.report", "arguments": {"title": f"t{turn}", "body": "b"}}]}
        for turn in range(TURNS)
    ]
    return _agent(tools=["text.report"], max_turns=TURNS + 1, script=[*calls, {"text": "done"}])


async def _run_all(engine: Any, runs: int) -> float:
    """Seconds for so many runs, which begin at once, as those of the peer do."""

    async def run() -> None:
        started = await engine.runs.start("bench", "bench", {}, actor=ME)
        await engine.runs.wait(started.run_id)

    begun = time.perf_counter()
    await asyncio.gather(*(run() for _ in range(runs)))
    return time.perf_counter() - begun


async def ours() -> tuple[float, float]:
    """Turns a second of agents that run at once, and the ms of processor time of one."""
    async with _working(_step()) as (engine, _):
        await _run_all(engine, 1)  # what is loaded once is loaded
        cpu = time.process_time()
        seconds = await _run_all(engine, RUNS)
        return TURNS * RUNS / seconds, (time.process_time() - cpu) / (TURNS * RUNS) * 1e3


def peer() -> tuple[float, float]:
    """The same of LangGraph."""
    call = [str(PEERS), "-m", "benchmarks.peers.langgraph_agent", "--turns", str(TURNS), "--runs", str(RUNS)]
    found = json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout)
    return found["turns"] / found["seconds"], found["cpu"] / found["turns"] * 1e3


async def many() -> None:
    """So many runs at once, started one after another: what each takes of memory, how late the loop is."""
    lags: list[float] = []

    async def ticking() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(_TICK)
            lags.append((time.perf_counter() - begun - _TICK) * 1e3)

    async with _working(_step()) as (engine, _):
        await _run_all(engine, 1)  # what is loaded once is loaded
        process, most = psutil.Process(), 0
        before = process.memory_info().rss

        async def watching() -> None:
            nonlocal most
            while True:
                most = max(most, process.memory_info().rss)
                await asyncio.sleep(0.05)

        beside = [asyncio.create_task(ticking()), asyncio.create_task(watching())]
        started = [await engine.runs.start("bench", "bench", {}, actor=ME) for _ in range(MANY)]
        await asyncio.gather(*(engine.runs.wait(run.run_id) for run in started))
        for task in beside:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    print(f"{MANY} agents at once: {(most - before) / MANY / 1024:.0f} kB of memory a run, ", end="")
    print(f"loop late by {percentile(lags, 0.99):.1f} ms (p99)")


def _best(found: list[tuple[float, float]]) -> tuple[float, float]:
    """The most turns a second and the least processor time: what else the machine does takes from both."""
    return max(speed for speed, _ in found), min(cpu for _, cpu in found)


def main() -> None:
    """Ours and the peer's in turns, then many."""
    mine: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(REPEATED):
        mine.append(asyncio.run(ours()))
        if PEERS.exists():
            theirs.append(peer())
    (speed, cpu), what = _best(mine), f"{RUNS} agents of {TURNS} turns at once"
    print(f"{what}: {speed:.0f} turns/s, {cpu:.2f} ms of processor time a turn", end="")
    if theirs:
        of_peer, its_cpu = _best(theirs)
        print(f"; LangGraph {of_peer:.0f}, {its_cpu:.2f} ms; ", end="")
        print(
            f"{speed / of_peer:.2f} times its speed (aim: 3), {its_cpu / cpu:.2f} in processor time", end=""
        )
    print()
    asyncio.run(many())


if __name__ == "__main__":
    main()
