"""The screen SLO with a few tenants and with very many: until it shows all, what a refresh and a key cost.

Each tenant has three packs with ten runs each within thirty days, three in a hundred of them failed. One JSON
line per measurement; every measurement is a fresh process, and the two journals take turns. Processor time is
that of the whole process, `loop_ms` the most that the loop's thread worked without hearing anybody. Then, on
standard error, the medians and their ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from textual.events import Key

from benchmarks.console.console_lists import SIZE
from benchmarks.console.waiting import until
from benchmarks.figures import cpu_seconds, memory_mb, percentile
from benchmarks.runs.engine_bench import ACTOR, bench_config
from engine import open_engine
from engine.journal.sqlite.file.connection import open_writer
from engine.journal.sqlite.transaction import Transaction
from engine.slo.buckets import AGES, DAY, SHORTEST, Bucket, merged, start_of
from engine.slo.sketch import bin_of
from screens.slo.screen import SloScreen
from screens.widgets.tables.made_table import MadeTable
from vasini_tui.console.app import ConsoleApp
from vasini_tui.console.options import ConsoleOptions

FEW = 10
PACKS = ("hello", "log-triage", "on-call")
RUNS = 10
KEYS = 25
FIGURES = (
    "open_cpu_ms",
    "again_cpu_ms",
    "changed_cpu_ms",
    "key_cpu_p95_ms",
    "key_p95_ms",
    "loop_ms",
    "rss_mb",
)


def seed(database: Path, tenants: int) -> None:
    """What the journal has counted of so many tenants."""
    database.parent.mkdir(parents=True, exist_ok=True)
    connection, chance = open_writer(database), random.Random(1)
    now = time.time_ns() // 1_000
    with closing(connection), Transaction(connection) as transaction:
        for number in range(tenants):
            for pack in PACKS:
                for bucket in _some_runs(chance, now):
                    transaction.put_level(f"tenant-{number:05}", pack, bucket)


def _some_runs(chance: random.Random, now: int) -> list[Bucket]:
    found: dict[tuple[int, int], list[Bucket]] = {}
    for _ in range(RUNS):
        age = int(chance.random() * 30 * DAY)
        width = next((width for width, most in AGES if age < most), DAY)
        start = start_of(now - age, width)
        bad = chance.random() < 0.03
        times = {} if bad else {bin_of(round(chance.lognormvariate(14, 0.8))): 1}
        codes = {"timeout": 1} if bad else {}
        one = Bucket(start, width, good=int(not bad), bad=int(bad), times=times, codes=codes)
        found.setdefault((start, width), []).append(one)
    return [merged(buckets, *place) for place, buckets in found.items()]


def fail(database: Path, tenant: str) -> None:
    """Many runs of one tenant end badly, in another connection."""
    bucket = Bucket(start_of(time.time_ns() // 1_000, SHORTEST), bad=1_000, codes={"timeout": 1_000})
    with closing(open_writer(database)) as connection, Transaction(connection) as transaction:
        transaction.put_level(tenant, PACKS[0], bucket)


class Loop:
    """How long the loop's thread worked without a pause, at the most."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Until it is cancelled."""
        before = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            self.longest, before = max(self.longest, now - before), now


async def measure(directory: Path, tenants: int) -> dict[str, float]:
    """Milliseconds and megabytes, in this process."""
    config, loop = bench_config(directory), Loop()
    async with open_engine(config) as engine:
        every = engine.for_(ACTOR, all_tenants=True)
        app = ConsoleApp(every, actor=ACTOR, tenant="default", settings=ConsoleOptions(bell=False))
        async with app.run_test(size=SIZE):
            watching = asyncio.create_task(loop.watch())
            cpu = cpu_seconds()
            app.post_message(Key("4", "4"))
            await until(lambda: _rows(app) >= tenants * len(PACKS))
            opened = cpu_seconds() - cpu
            screen = app.screen
            assert isinstance(screen, SloScreen)
            table = screen.query_one("#levels", MadeTable)
            await screen.load()
            cpu = cpu_seconds()
            await screen.load()
            again = cpu_seconds() - cpu
            tenant = f"tenant-{tenants // 2:05}"
            await asyncio.to_thread(fail, config.journal_path, tenant)
            cpu = cpu_seconds()
            await screen.load()
            changed = cpu_seconds() - cpu
            table.action_cursor_top()
            assert table.cursor_key.startswith(tenant)
            took, used = await _keys(app, table)
            watching.cancel()
            rss = memory_mb("VmRSS")
    figures = (opened * 1e3, again * 1e3, changed * 1e3, used, took, loop.longest * 1e3, rss)
    return {name: round(figure, 1) for name, figure in zip(FIGURES, figures, strict=True)}


async def _keys(app: ConsoleApp, table: MadeTable) -> tuple[float, float]:
    """Milliseconds from a key until the cursor moved, and of processor with what the key asked for: 95 %."""
    took, used = [], []
    for _ in range(KEYS):
        before, begin, cpu = table.cursor_row, time.perf_counter(), cpu_seconds()
        app.post_message(Key("j", "j"))
        await until(partial(_moved, table, before))
        took.append((time.perf_counter() - begin) * 1e3)
        await asyncio.sleep(0.05)  # what the key asked for is read
        used.append((cpu_seconds() - cpu) * 1e3)
    return percentile(took, 0.95), percentile(used, 0.95)


def _rows(app: ConsoleApp) -> int:
    """How many packs the screen lists; 0 while it is not there."""
    tables = app.screen.query("#levels").results(MadeTable) if isinstance(app.screen, SloScreen) else ()
    return max((table.row_count for table in tables), default=0)


def _moved(table: MadeTable, before: int) -> bool:
    return table.cursor_row != before


def _fresh(directory: Path, tenants: int) -> dict[str, float]:
    place = ["--directory", str(directory), "--tenants", str(tenants)]
    call = [sys.executable, "-m", "benchmarks.console.console_slo", *place]
    done = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _compare(lines: list[dict[str, Any]], many: int) -> None:
    for name in FIGURES:
        few_figure, many_figure = (
            statistics.median(line[name] for line in lines if line["tenants"] == tenants)
            for tenants in (FEW, many)
        )
        ratio = f" ({many_figure / few_figure:.1f}x)" if few_figure else ""
        print(f"{name:<16} {few_figure:g} -> {many_figure:g}{ratio}", file=sys.stderr)


def main() -> None:
    """Seed two journals, then measure in turns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--directory", type=Path, help="only measure the journal there")
    options = parser.parse_args()
    if options.directory is not None:
        print(json.dumps(asyncio.run(measure(options.directory, options.tenants))))
        return
    root = Path(os.environ.get("BENCH_DIR", ".bench/data"))
    root.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=root) as place:
        journals = {tenants: Path(place) / str(tenants) for tenants in (FEW, options.tenants)}
        for tenants, directory in journals.items():
            seed(bench_config(directory).journal_path, tenants)
        for _ in range(options.repeat):
            for tenants, directory in journals.items():
                about = {"subject": "vasini", "work": "console-slo", "tenants": tenants}
                lines.append(about | _fresh(directory, tenants))
                print(json.dumps(lines[-1]), flush=True)
    _compare(lines, options.tenants)


if __name__ == "__main__":
    main()
