"""The runs list with few runs and with very many: first page, count, position, and pages far down.

One JSON line per order and filter, in milliseconds: medians of `--calls` calls of the public facade on
one open engine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import percentile
from benchmarks.runs.engine_bench import bench_config
from benchmarks.runs.seeding import seed_runs
from engine import open_engine
from engine.contracts.runs.listed import RunFilter, RunSort
from engine.contracts.status import RunStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from engine.facade.engine import Engine

TENANT = "default"


def filters() -> dict[str, RunFilter]:
    """Typical ones; all but the last two are of one tenant, as on the screens."""
    now = datetime.now(UTC)
    return {
        "none": RunFilter(tenant=TENANT),
        "failed": RunFilter(tenant=TENANT, status=(RunStatus.FAILED, RunStatus.DEAD_LETTER)),
        "flow": RunFilter(tenant=TENANT, pack="repo-steward", flow="secret-scan"),
        "requester": RunFilter(tenant=TENANT, requested_by="bo-1"),
        "requester failed": RunFilter(tenant=TENANT, requested_by="bo-1", status=(RunStatus.FAILED,)),
        "last day": RunFilter(tenant=TENANT, created_after=now - timedelta(days=1)),
        "before a month": RunFilter(tenant=TENANT, created_before=now - timedelta(days=30)),
        "text in a name": RunFilter(tenant=TENANT, text="triage"),
        "text nowhere": RunFilter(tenant=TENANT, text="merge"),
        "an id": RunFilter(tenant=TENANT),  # `measure` takes a real one
        "end of an id": RunFilter(tenant=TENANT),
        "all tenants": RunFilter(),
    }


async def _median(calls: int, ask: Callable[[], Awaitable[object]]) -> float:
    took = []
    for _ in range(calls):
        begin = time.perf_counter()
        await ask()
        took.append((time.perf_counter() - begin) * 1e3)
    return round(percentile(took, 0.5), 2)


async def measure(engine: Engine, runs: int, calls: int) -> None:
    """Print the lines."""
    oldest = (await engine.runs.list(sort=RunSort.OLDEST, limit=1)).items[0].run_id
    for name, wanted in filters().items():
        given = wanted
        if name == "end of an id":
            given = replace(wanted, text=oldest[-12:])
        elif name == "an id":
            given = replace(wanted, text=oldest)
        for sort in RunSort if name in {"none", "failed"} else (RunSort.NEWEST, RunSort.FLOW):
            await _line(engine, {"runs": runs, "sort": sort.value, "filter": name}, given, sort, calls)


async def _line(
    engine: Engine, about: dict[str, object], wanted: RunFilter, sort: RunSort, calls: int
) -> None:
    total = await engine.runs.count(wanted)
    middle, end = total // 2, max(total - 50, 0)
    page = await engine.runs.list(wanted, sort=sort, limit=1, offset=middle)
    run_id = page.items[0].run_id if page.items else "run_none"
    figures = {
        "found": total,
        "first_ms": await _median(calls, lambda: engine.runs.list(wanted, sort=sort)),
        "count_ms": await _median(calls, lambda: engine.runs.count(wanted)),
        "position_ms": await _median(calls, lambda: engine.runs.position(run_id, wanted, sort=sort)),
        "middle_ms": await _median(calls, lambda: engine.runs.list(wanted, sort=sort, offset=middle)),
        "last_ms": await _median(calls, lambda: engine.runs.list(wanted, sort=sort, offset=end)),
    }
    print(json.dumps({"subject": "vasini", "work": "list", **about, **figures}), flush=True)


async def _bench(directory: Path, runs: int, calls: int) -> None:
    config = bench_config(directory)
    if not config.journal_path.exists():
        begin = time.perf_counter()
        await asyncio.to_thread(seed_runs, config.journal_path, runs)
        print(
            json.dumps({"work": "seed", "runs": runs, "s": round(time.perf_counter() - begin, 1)}), flush=True
        )
    async with open_engine(config) as engine:
        await measure(engine, runs, calls)


def main() -> None:
    """Seed and measure, the small journal first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--calls", type=int, default=15)
    parser.add_argument("--directory", type=Path, help="keep the journals here and use them again")
    options = parser.parse_args()
    root = options.directory or Path(os.environ.get("BENCH_DIR", ".bench/data"))
    root.mkdir(parents=True, exist_ok=True)
    for runs in options.runs:
        place = root / f"list-{runs}" if options.directory else Path(tempfile.mkdtemp(dir=root))
        asyncio.run(_bench(place, runs, options.calls))


if __name__ == "__main__":
    main()
