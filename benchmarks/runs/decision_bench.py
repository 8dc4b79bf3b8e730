"""The cost of a decision: an approval against a plain SQLite transaction that changes as many rows.

    python -m benchmarks.runs.decision_bench [--n 300]

Both write a file of their own on the same disk with the same settings, in turns, so that what else the
machine does meets both. One JSON line: medians in milliseconds, their ratio, and processor time (means).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.figures import Meter
from engine.config import EngineConfig
from engine.contracts.actor import Actor
from engine.runtime.embedded.engine import open_engine

if TYPE_CHECKING:
    from engine.facade.engine import Engine

ANA = Actor(name="ana", via="bench")
ROW = "x" * 200
MANIFEST = """\
schema_version: "1.0"
pack_id: bench
version: 1.0.0
author: {name: Benchmark}
role: {title: Asker, domain: Questions, goal: {primary: Ask}}
"""
FLOW = """\
id: ask
steps:
  - {id: ask, type: human_approval, message: "May {{ run.run_id }} go on?", gates: act, timeout: 3600}
  - {id: act, type: tool, tool: text.report, params: {title: t, body: b}}
"""


def _config(home: Path) -> EngineConfig:
    flows = home / "packs" / "bench" / "flows"
    flows.mkdir(parents=True)
    (flows.parent / "profession-pack.yaml").write_text(MANIFEST)
    (flows / "ask.yaml").write_text(FLOW)
    return EngineConfig(
        data_dir=home / "data", runs_dir=home / "runs", cache_dir=home / "cache", home_packs=home / "packs"
    )


def _rows(file: Path) -> dict[str, set[str]]:
    """Every row of every table, as text."""
    with closing(sqlite3.connect(file)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: set(map(repr, database.execute(f'SELECT * FROM "{name}"'))) for name in names}


def _changed(before: dict[str, set[str]], after: dict[str, set[str]]) -> int:
    """Rows that came, went or differ."""
    return sum(max(len(after[name] - before[name]), len(before[name] - after[name])) for name in after)


class Plain:
    """A table in a file with the journal's settings."""

    def __init__(self, file: Path, rows: int) -> None:
        self._rows = rows
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("CREATE TABLE plain (id INTEGER PRIMARY KEY, text TEXT)")

    def write(self) -> None:
        """One transaction."""
        self._database.execute("BEGIN IMMEDIATE")
        for _ in range(self._rows):
            self._database.execute("INSERT INTO plain (text) VALUES (?)", (ROW,))
        self._database.execute("COMMIT")

    def close(self) -> None:
        """The file is left."""
        self._database.close()


async def _waiting(engine: Engine, count: int) -> list[tuple[str, str]]:
    """Approvals that wait, with their digests, once there are so many."""
    found: list[tuple[str, str]] = []
    while len(found) < count:
        await asyncio.sleep(0.05)
        found, after = [], None
        while True:
            page = await engine.requests.approvals(limit=100, after=after)
            found += [(one.approval_id, one.digest) for one in page.items]
            after = page.items[-1].approval_id if page.items else None
            if len(page.items) < 100:
                break
    return found


async def measure(home: Path, count: int) -> dict[str, float]:
    """Decisions and plain transactions in turns."""
    config = _config(home)
    async with open_engine(config) as engine:
        async with engine.work():
            for _ in range(count):
                await engine.runs.start("bench", "ask", {}, actor=ANA)
            waiting = await _waiting(engine, count)
        before = _rows(config.journal_path)
        first, shown = waiting.pop()
        await engine.requests.approve(first, actor=ANA, digest=shown)
        rows = _changed(before, _rows(config.journal_path))
        plain = Plain(home / "plain.db", rows)
        meters: dict[str, list[tuple[float, float]]] = {"decision": [], "plain": []}
        for approval, digest in waiting:
            meter = Meter()
            await engine.requests.approve(approval, actor=ANA, digest=digest)
            meters["decision"].append(meter.read())
            meter = Meter()
            plain.write()
            meters["plain"].append(meter.read())
        plain.close()
    wall = {name: median(seconds for seconds, _ in read) * 1000 for name, read in meters.items()}
    cpu = {name: sum(used for _, used in read) / len(read) * 1000 for name, read in meters.items()}
    return {
        "n": len(waiting),
        "rows": rows,
        "decision_ms": round(wall["decision"], 3),
        "plain_ms": round(wall["plain"], 3),
        "ratio": round(wall["decision"] / wall["plain"], 2),
        "decision_cpu_ms": round(cpu["decision"], 3),
        "plain_cpu_ms": round(cpu["plain"], 3),
    }


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="decision_bench", description=__doc__)
    parser.add_argument("--n", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vasini-decision-", dir=os.environ.get("BENCH_DIR")) as home:
        sys.stdout.write(json.dumps(asyncio.run(measure(Path(home), given.n))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
