"""The event log on a short run and on a very long one: mount, ends, filter, search, and memory (bar 8).

One JSON line per measurement; every measurement is a fresh process, and the two journals take turns.
Then, on standard error, the medians and their ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.console.console_lists import SIZE
from benchmarks.console.waiting import until
from benchmarks.figures import memory_mb
from benchmarks.runs.engine_bench import ACTOR, bench_config
from benchmarks.runs.seeding import seed_runs
from engine import open_engine
from engine.journal.sqlite.file.connection import open_writer
from screens.frame.inputs import SafeInput
from screens.run.log.pane import LogPane
from screens.run.screen import RunScreen
from vasini_tui.console.app import ConsoleApp
from vasini_tui.console.options import ConsoleOptions

if TYPE_CHECKING:
    from collections.abc import Callable

FEW = 1_000
_EVENTS = (
    "WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
    " INSERT INTO events (run_id, run_seq, ts, kind, step_id, actor, payload)"
    " SELECT run_id, n, created_at + n, 'request_withdrawn', 'ask', 'engine',"
    " json_object('request_id', 'x', 'reason', 'seed ' || n) FROM runs, numbers"
)


def seed_events(database: Path, events: int) -> None:
    """A journal with one run that has `events` events."""
    seed_runs(database, 1)
    connection = open_writer(database)
    try:
        connection.execute("BEGIN")
        connection.execute(_EVENTS, (events,))
        connection.execute("UPDATE runs SET run_seq = ?", (events,))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


async def measure(directory: Path, events: int) -> dict[str, float]:
    """Milliseconds and megabytes, in this process."""
    figures: dict[str, float] = {}
    async with open_engine(bench_config(directory)) as engine:
        (run,) = (await engine.runs.list()).items
        app = ConsoleApp(engine, actor=ACTOR, tenant=run.tenant, settings=ConsoleOptions(bell=False))
        async with app.run_test(size=SIZE) as pilot:
            await until(lambda: app.state.broken_packs is not None)
            await pilot.pause()
            before = memory_mb("VmRSS")
            for name in ("first_mount_ms", "mount_ms"):
                if name == "mount_ms":
                    await pilot.press("escape")
                    await pilot.pause()
                begin = time.perf_counter()
                app.open_run(run.run_id, pane="log")
                await until(lambda: _at(app, events))
                figures[name] = (time.perf_counter() - begin) * 1e3
            figures["rss_mb"], figures["added_mb"] = memory_mb("VmRSS"), memory_mb("VmRSS") - before
            log = app.screen.query_one(LogPane)

            async def timed(name: str, act: Callable[[], object], number: int) -> None:
                begin = time.perf_counter()
                act()
                await until(lambda: _at(app, number))
                figures[name] = (time.perf_counter() - begin) * 1e3

            await timed("start_ms", log.table.action_cursor_top, 1)
            await timed("end_ms", log.table.action_cursor_bottom, events)
            log.filter()
            await pilot.pause()
            begin = time.perf_counter()
            log.query_one("#event-filter", SafeInput).value = f"seed {events // 2}"
            await until(lambda: log.table.row_count == 1 and _at(app, events // 2))
            figures["filter_ms"] = (time.perf_counter() - begin) * 1e3
            await pilot.press("enter")
            await pilot.pause()
            log.leave()
            await until(lambda: log.table.row_count == events)
            await timed("to_start_ms", log.table.action_cursor_top, 1)
            await timed("search_ms", lambda: log.match(1), events // 2)
            figures["used_mb"] = memory_mb("VmRSS")
    return {name: round(figure, 1) for name, figure in figures.items()}


def _at(app: ConsoleApp, number: int) -> bool:
    """Whether the cursor is on this event and every visible line has its row."""
    if not isinstance(app.screen, RunScreen):
        return False
    pane = next(iter(app.screen.query(LogPane)), None)
    if pane is None or not pane.is_mounted or pane.table.cursor_key != str(number):
        return False
    table = pane.table
    return len(table.visible_rows) == min(table.row_count, table.size.height - 1) > 0


def _fresh(directory: Path, events: int) -> dict[str, float]:
    call = [sys.executable, "-m", "benchmarks.console.console_log", "--directory", str(directory)]
    done = subprocess.run([*call, "--events", str(events)], stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Seed two journals, then measure in turns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000, help="events of the long run")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--directory", type=Path, help="only measure the journal there")
    options = parser.parse_args()
    if options.directory is not None:
        print(json.dumps(asyncio.run(measure(options.directory, options.events))))
        return
    root = Path(os.environ.get("BENCH_DIR", ".bench/data"))
    root.mkdir(parents=True, exist_ok=True)
    measured: dict[int, list[dict[str, float]]] = {FEW: [], options.events: []}
    with tempfile.TemporaryDirectory(dir=root) as place:
        for events in measured:
            seed_events(Path(place) / str(events) / "data" / "journal.db", events)
        for _ in range(options.repeat):
            for events, lines in measured.items():
                lines.append(_fresh(Path(place) / str(events), events))
                about = {"subject": "vasini", "work": "console-log", "events": events}
                print(json.dumps(about | lines[-1]), flush=True)
    for name in measured[FEW][0]:
        few, many = (statistics.median(line[name] for line in lines) for lines in measured.values())
        print(f"{name:<16} {few:g} -> {many:g} ({many / max(few, 0.1):.2f}x)", file=sys.stderr)


if __name__ == "__main__":
    main()
