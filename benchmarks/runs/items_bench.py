"""Memory of a run with many items: the peak of a process that works a for_each, for few and for many items.

One JSON line each, in a fresh process: `python -m benchmarks.runs.items_bench --items 1000 100000`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
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


async def _count(params: dict[str, Any], _context: ToolContext) -> Any:
    return {"n": params["n"]}


async def work(directory: Path, items: int) -> float:
    """Work one run over `items` items; seconds it took."""
    flows = directory / "packs" / "many" / "flows"
    flows.mkdir(parents=True)
    (flows.parent / "profession-pack.yaml").write_text(MANIFEST, "utf-8")
    (flows / "many.yaml").write_text(FLOW, "utf-8")
    tools = ToolRegistry()
    tools.register(ToolSpec(name="bench.count"), _count)
    config = EngineConfig(
        data_dir=directory / "data",
        runs_dir=directory / "runs",
        cache_dir=directory / "cache",
        home_packs=directory / "packs",
    )
    async with open_engine(config, registry=tools) as engine, engine.work():
        begin = time.perf_counter()
        payload = {"items": list(range(items))}
        run = await engine.runs.start("many", "many", payload, actor=Actor(name="bench"))
        ended = await engine.runs.wait(run.run_id)
        assert ended.status == "COMPLETED", ended.error
        return time.perf_counter() - begin


def main() -> None:
    """Measure each number of items in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--here", action="store_true", help="work the first number in this process")
    given = parser.parse_args()
    if given.here:
        with tempfile.TemporaryDirectory() as directory:
            seconds = asyncio.run(work(Path(directory), given.items[0]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"items": given.items[0], "seconds": round(seconds, 1), "peak_mb": round(peak, 1)}))
        return
    for items in given.items:
        command = [sys.executable, "-m", "benchmarks.runs.items_bench", "--here", "--items", str(items)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
