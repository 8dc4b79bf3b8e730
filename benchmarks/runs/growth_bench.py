"""Growth: the same work on an empty journal and on one that has been used for long.

The long history is copies of a real run, made with SQL from its rows. One JSON line per measurement;
every measurement is a fresh process, and the two journals take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import database_bytes, percentile
from benchmarks.runs.engine_bench import EngineSubject

PAGE_CALLS = 200
FEW_RUNS = 1_000
_IDS = """\
CREATE TEMP TABLE ids AS
WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)
SELECT 'run_' || printf('%026d', n) AS run_id FROM counted
"""


async def _first_run(directory: Path) -> None:
    async with EngineSubject(directory) as subject:
        await subject.run_w1("first")
        await subject.settle()


def prefill(directory: Path, runs: int) -> int:
    """A journal that holds `runs` W1 runs older than any to come; how many events that makes."""
    asyncio.run(_first_run(directory))
    database = EngineSubject(directory).database
    connection = sqlite3.connect(database)
    try:
        (first,) = connection.execute("SELECT run_id FROM runs").fetchone()
        connection.execute(_IDS, (runs - 1,))
        for table in ("runs", "events", "steps"):
            _multiply(connection, table, first)
        for table in ("run_buckets", "run_time_buckets"):
            connection.execute(f"UPDATE {table} SET n = n + ? WHERE n > 0", (runs - 1,))
        connection.commit()
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
    finally:
        connection.close()
    database_bytes(database)
    return int(events)


def _multiply(connection: sqlite3.Connection, table: str, first: str) -> None:
    """Copy the first run's rows of a table for every id; SQLite gives each event its own `seq`."""
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    columns = ", ".join(name for name in names if name != "seq")
    values = ", ".join("ids.run_id" if name == "run_id" else f"t.{name}" for name in names if name != "seq")
    connection.execute(
        f"INSERT INTO {table} ({columns}) "
        f"SELECT {values} FROM ids CROSS JOIN (SELECT * FROM {table} WHERE run_id = ?) t",
        (first,),
    )


async def first_page(directory: Path) -> float:
    """Median milliseconds of the first page of the runs list."""
    async with EngineSubject(directory) as subject:
        took = []
        for _ in range(PAGE_CALLS):
            begin = time.perf_counter()
            await subject.engine.runs.list()
            took.append((time.perf_counter() - begin) * 1e3)
    return percentile(took, 0.5)


def _w1(directory: Path, n: int) -> float:
    call = [sys.executable, "-m", "benchmarks.runs.engine_bench", "w1", "--directory", str(directory)]
    done = subprocess.run([*call, "--n", str(n)], stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout)["runs_s"])


def _page(directory: Path) -> float:
    call = [sys.executable, "-m", "benchmarks.runs.growth_bench", "--page", str(directory)]
    done = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Prefill, then measure in turns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100_000, help="runs in the long history (14 events each)")
    parser.add_argument("--n", type=int, default=1_000, help="runs to measure W1 with")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--page", type=Path, help="only print the milliseconds of the first page")
    options = parser.parse_args()
    if options.page is not None:
        print(asyncio.run(first_page(options.page)))
        return
    root = Path(os.environ.get("BENCH_DIR", ".bench/data"))
    root.mkdir(parents=True, exist_ok=True)
    few, many = (Path(tempfile.mkdtemp(dir=root)) for _ in range(2))
    prefill(few, FEW_RUNS)
    events = prefill(many, options.runs)
    for _ in range(options.repeat):
        empty = Path(tempfile.mkdtemp(dir=root))
        for directory, held in ((empty, 0), (many, events)):
            figures = {"events": held, "runs_s": _w1(directory, options.n)}
            print(json.dumps({"subject": "vasini", "work": "growth-w1", **figures}), flush=True)
        for directory, held in ((few, FEW_RUNS), (many, options.runs)):
            page = {"runs": held, "first_page_ms": round(_page(directory), 3)}
            print(json.dumps({"subject": "vasini", "work": "growth-page", **page}), flush=True)


if __name__ == "__main__":
    main()
