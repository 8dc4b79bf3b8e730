"""Memory of a run with many items: the peak of the processes that work a for_each, for few and for many.

Each run is worked by two processes: the first is killed when half of the items are done, the second goes on.
One JSON line each, and one that compares them: `python -m benchmarks.runs.items_bench --items 1000 100000`.
Ends with status 1 when the most items take more than `LIMIT_MB` beyond the fewest.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.config import EngineConfig
from engine.contracts.actor import Actor
from engine.contracts.tool import ToolSpec
from engine.runtime.embedded.engine import open_engine
from engine.tools.registry import ToolRegistry

if TYPE_CHECKING:
    from engine.tools.context import ToolContext

LIMIT_MB = 200
MANIFEST = """\
schema_version: "1.0"
pack_id: many
version: 1.0.0
author: {name: Benchmark}
role: {title: Counter, domain: Numbers, goal: {primary: Count}}
"""
FLOW = """\
id: many
steps:
  - id: each
    type: for_each
    items: "{{ payload.items }}"
    as: one
    max_concurrent: 16
    steps:
      - {id: count, type: tool, tool: bench.count, params: {n: "{{ one }}"}}
"""


def _config(directory: Path) -> EngineConfig:
    return EngineConfig(
        data_dir=directory / "data",
        runs_dir=directory / "runs",
        cache_dir=directory / "cache",
        home_packs=directory / "packs",
    )


def _tools(kill_at: int | None) -> ToolRegistry:
    """The tool of the items; at the item `kill_at` it takes its process down."""

    async def count(params: dict[str, Any], _context: ToolContext) -> Any:
        if params["n"] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"n": params["n"]}

    tools = ToolRegistry()
    tools.register(ToolSpec(name="bench.count"), count)
    return tools


async def begin(directory: Path, items: int) -> None:
    """Work a run over `items` items, and die in the middle of it."""
    flows = directory / "packs" / "many" / "flows"
    flows.mkdir(parents=True)
    (flows.parent / "profession-pack.yaml").write_text(MANIFEST, "utf-8")
    (flows / "many.yaml").write_text(FLOW, "utf-8")
    async with open_engine(_config(directory), registry=_tools(items // 2)) as engine, engine.work():
        payload = {"items": list(range(items))}
        run = await engine.runs.start("many", "many", payload, actor=Actor(name="bench"))
        await engine.runs.wait(run.run_id)


async def go_on(directory: Path) -> None:
    """Work the run to its end."""
    async with open_engine(_config(directory), registry=_tools(None)) as engine, engine.work():
        (run,) = (await engine.runs.list(limit=1)).items
        ended = await engine.runs.wait(run.run_id)
        assert ended.status == "COMPLETED", ended.error


def _peak_mb(*arguments: str) -> tuple[float, int]:
    """The most memory that a process of its own took, and its exit status."""
    command = [sys.executable, "-m", "benchmarks.runs.items_bench", *arguments]
    process = subprocess.Popen(command)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_maxrss / 1024, process.returncode


def measure(items: int) -> float:
    """One run, told as a JSON line; the most memory that one of its processes took."""
    with tempfile.TemporaryDirectory() as directory:
        started = time.perf_counter()
        before, killed = _peak_mb("--begin", directory, "--items", str(items))
        assert killed == -signal.SIGKILL, f"the first process was to be killed, not to end with {killed}"
        after, status = _peak_mb("--go-on", directory)
        assert status == 0, f"the second process ended with {status}"
        seconds = round(time.perf_counter() - started, 1)
    peaks = {"peak_mb_before_kill": round(before, 1), "peak_mb_after": round(after, 1)}
    print(json.dumps({"items": items, "seconds": seconds, **peaks}), flush=True)
    return max(before, after)


def main() -> int:
    """Measure each number of items in processes of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--begin", type=Path, metavar="DIR", help="work the first number here, and die")
    parser.add_argument("--go-on", type=Path, metavar="DIR", help="go on with the run of that directory")
    given = parser.parse_args()
    if given.begin is not None:
        asyncio.run(begin(given.begin, given.items[0]))
        return 0
    if given.go_on is not None:
        asyncio.run(go_on(given.go_on))
        return 0
    peaks = {items: measure(items) for items in given.items}
    more = peaks[max(peaks)] - peaks[min(peaks)]
    print(json.dumps({"more_mb": round(more, 1), "limit_mb": LIMIT_MB, "within": more < LIMIT_MB}))
    return 0 if more < LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
