"""What a call costs by level: a plain subprocess, and calls at `policy`, `process` and `isolated`, in turns.

    python -m benchmarks.runs.sandbox_bench [--n 60]

Each round makes one of each, so that what else the machine does meets all. One JSON line each: medians in
milliseconds of elapsed and of processor time (children included), and the ratio to the plain subprocess.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from engine.tools.builtin.all import builtin_registry
from engine.tools.context import CallRules, PackCode, ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CODE = PackCode("bench", "d", {"tools.py": "def nothing() -> int:\n    return 1\n"})
PLAIN = "subprocess, plain"


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _subjects(home: Path) -> dict[str, Callable[[], Awaitable[None]]]:
    executor = ToolExecutor(builtin_registry(), ToolLimits(command_allowlist=frozenset({"true"})))
    context = ToolContext("run", "step", 1, "run/step", "default", home / "work")

    async def plain() -> None:
        process = await asyncio.create_subprocess_exec(
            "true", cwd=home, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        await process.communicate()

    def call(tool: str, params: Any, level: str) -> Callable[[], Awaitable[None]]:
        rules = CallRules(sandbox="isolated" if level == "isolated" else None)

        async def made() -> None:
            result = await executor.call(tool, params, context, rules=rules, code=CODE)
            if not result.ok or result.meta.sandbox != level:
                raise RuntimeError(f"{tool} at {level}: {result}")

        return made

    command, own = {"argv": ["true"]}, "bench.nothing"
    return {
        PLAIN: plain,
        "text.report, policy": call("text.report", {"title": "t", "body": "b"}, "policy"),
        "command.run, process": call("command.run", command, "process"),
        "command.run, isolated": call("command.run", command, "isolated"),
        "pack tool, process": call(own, {}, "process"),
        "pack tool, isolated": call(own, {}, "isolated"),
    }


async def _measured(rounds: int, home: Path) -> dict[str, tuple[float, float]]:
    subjects = _subjects(home)
    elapsed: dict[str, list[float]] = {name: [] for name in subjects}
    processor: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(-2, rounds):  # the first two make what is made once
        for name, act in subjects.items():
            began, used = time.perf_counter(), _processor_seconds()
            await act()
            if number >= 0:
                elapsed[name].append(time.perf_counter() - began)
                processor[name].append(_processor_seconds() - used)
    return {name: (median(elapsed[name]) * 1000, median(processor[name]) * 1000) for name in subjects}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, default=60, help="rounds")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        figures = asyncio.run(_measured(arguments.n, Path(home)))
    base = figures[PLAIN]
    for name, (ms, cpu_ms) in figures.items():
        line = {"call": name, "ms": round(ms, 2), "ratio": round(ms / base[0], 1), "cpu_ms": round(cpu_ms, 2)}
        print(json.dumps({"cores": os.cpu_count(), "rounds": arguments.n, **line}))


if __name__ == "__main__":
    main()
