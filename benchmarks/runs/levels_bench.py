"""Service levels of very many runs: what counting the end of one costs, and a report of thirty days.

The runs end evenly over thirty days in eight packs, at most times of their own; they are counted by the rules
of the journal, in groups of one transaction. One JSON line: microseconds for each end, milliseconds (median
and worst of `--calls` through the public facade) for the report of one pack, for those of all, and for what
the screen reads at first and again; rows that are kept, most memory used.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from benchmarks.figures import percentile
from benchmarks.runs.engine_bench import bench_config
from engine import open_engine
from engine.journal.rules.levels.levels import count_end
from engine.journal.sqlite.file.connection import open_writer
from engine.journal.sqlite.store import SqliteStore
from engine.journal.sqlite.transaction import Transaction
from engine.slo.buckets import DAY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.journal.rows import HeadRow, RunColumns

PACKS = ("hello", "log-triage", "on-call", "repo-steward", "senior-python-dev", "one", "two", "three")
DAYS = 30
GROUP = 500
"""Ends in one transaction: a writer that is busy gathers about so many."""


def count_runs(database: Path, runs: int) -> float:
    """Count so many ends; microseconds for each."""
    database.parent.mkdir(parents=True, exist_ok=True)
    connection, chance = open_writer(database), random.Random(1)
    begin = time.time_ns() // 1_000 - DAYS * DAY
    started = time.perf_counter()
    for first in range(0, runs, GROUP):
        with Transaction(connection) as transaction:
            store = SqliteStore(transaction)
            for number in range(first, min(runs, first + GROUP)):
                head = {"tenant": "default", "pack": chance.choice(PACKS)}
                failed = chance.random() < 0.01
                columns: dict[str, Any] = {
                    "finished_at": begin + DAYS * DAY * number // runs,
                    "status": "FAILED" if failed else "COMPLETED",
                    "error_code": "timeout" if failed else None,
                    "worked": round(chance.lognormvariate(14, 0.8)),
                }
                known = cast(
                    "HeadRow", {**head, "counted_at": None, "parent_run_id": None, "confidence": None}
                )
                count_end(store, known, cast("RunColumns", columns))
    took = time.perf_counter() - started
    connection.close()
    return took * 1e6 / runs


async def taken(ask: Callable[[], Awaitable[object]], calls: int) -> list[float]:
    """Milliseconds of each call."""
    took = []
    for _ in range(calls):
        begin = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - begin) * 1e3)
    return took


async def report(directory: Path, runs: int, calls: int) -> dict[str, object]:
    """Milliseconds of a report through the facade."""
    config = bench_config(directory)
    each = await asyncio.to_thread(count_runs, config.journal_path, runs)
    async with open_engine(config) as engine:
        await engine.packs.list()  # packs are read once
        screen = await taken(lambda: engine.levels.summaries(window_days=DAYS), calls)
        one = await taken(lambda: engine.levels.get(PACKS[1], window_days=DAYS), calls)
        every = await taken(lambda: engine.levels.list(window_days=DAYS), calls)
        levels = await engine.levels.list(window_days=DAYS)
    connection = open_writer(config.journal_path)
    (rows,) = connection.execute("SELECT count(*) FROM levels").fetchone()
    connection.close()
    return {
        "work": "levels",
        "runs": sum(level.runs for level in levels),
        "end_us": round(each, 1),
        "report_ms": round(percentile(one, 0.5), 1),
        "report_worst_ms": round(max(one), 1),
        "all_ms": round(percentile(every, 0.5), 1),
        "all_worst_ms": round(max(every), 1),
        "screen_first_ms": round(screen[0], 1),
        "screen_again_ms": round(percentile(screen, 0.5), 1),
        "rows": rows,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Count and measure, the small journal first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--calls", type=int, default=15)
    options = parser.parse_args()
    root = Path(os.environ.get("BENCH_DIR", ".bench/data"))
    root.mkdir(parents=True, exist_ok=True)
    for runs in options.runs:
        with tempfile.TemporaryDirectory(dir=root) as place:
            print(json.dumps(asyncio.run(report(Path(place), runs, options.calls))), flush=True)


if __name__ == "__main__":
    main()
