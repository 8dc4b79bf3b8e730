"""The runs screen on a few runs and on very many: time until it shows rows, and memory (bar 8).

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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.console.waiting import until
from benchmarks.figures import cpu_seconds, memory_mb
from benchmarks.runs.engine_bench import ACTOR, bench_config
from benchmarks.runs.seeding import seed_runs
from engine import open_engine
from engine.contracts.runs.listed import RunSort
from screens.runs.screen import RunsScreen
from screens.widgets.tables.paged_table import PagedTable
from vasini_tui.console.app import ConsoleApp
from vasini_tui.console.options import ConsoleOptions

if TYPE_CHECKING:
    from screens.frame.console_state import ConsoleState

FEW = 1_000
SIZE = (120, 40)
FIGURES = ("first_ms", "mount_ms", "mount_cpu_ms", "end_ms", "rss_mb", "walked_rss_mb")


@dataclass(frozen=True, slots=True)
class Case:
    """A filter as it is typed, and an order."""

    typed: str = ""
    sort: RunSort = RunSort.NEWEST


CASES = {
    "all": Case(),
    "by flow": Case(sort=RunSort.FLOW),
    "by requester": Case(sort=RunSort.REQUESTER),
    "failed": Case("status:failed"),
    "failed by requester": Case("status:failed,dead_letter", RunSort.REQUESTER),
    "older, oldest first": Case("age:>30d", RunSort.OLDEST),
    "words": Case("triage"),
    "words by status": Case("bo-1", RunSort.STATUS),
}


class CaseScreen(RunsScreen):
    """The runs as an operator left them: with a filter and an order."""

    def __init__(self, state: ConsoleState, case: Case) -> None:
        super().__init__(state)
        self._typed = case.typed
        self._sort = case.sort


async def measure(directory: Path, case: Case) -> dict[str, float]:
    """Milliseconds and megabytes of one case, in this process."""
    async with open_engine(bench_config(directory)) as engine:
        app = ConsoleApp(engine, actor=ACTOR, tenant="default", settings=ConsoleOptions(bell=False))
        begin = time.perf_counter()
        async with app.run_test(size=SIZE) as pilot:
            await until(lambda: _shown(app))
            first = time.perf_counter() - begin
            await until(lambda: app.state.broken_packs is not None)
            await pilot.pause()
            begin, cpu = time.perf_counter(), cpu_seconds()
            app.push_screen(CaseScreen(app.state, case))
            await until(lambda: isinstance(app.screen, CaseScreen) and _shown(app))
            mount, cpu = time.perf_counter() - begin, cpu_seconds() - cpu
            rss = memory_mb("VmRSS")
            table = app.screen.query_one(PagedTable)
            begin = time.perf_counter()
            table.action_cursor_bottom()
            await until(lambda: _shown(app))
            end = time.perf_counter() - begin
            for part in range(10):
                table.go_to(table.row_count * part // 10)
                await until(lambda: _shown(app))
            walked = memory_mb("VmRSS")
    figures = (first * 1e3, mount * 1e3, cpu * 1e3, end * 1e3, rss, walked)
    return {name: round(figure, 1) for name, figure in zip(FIGURES, figures, strict=True)}


def _shown(app: ConsoleApp) -> bool:
    """Whether every visible line has its row."""
    table = next(iter(app.screen.query(PagedTable)), None)
    if table is None or not table.row_count:
        return False
    return len(table.visible_rows) == min(table.row_count, table.size.height - 1) > 0


def _fresh(directory: Path, case: str) -> dict[str, float]:
    call = [
        sys.executable,
        "-m",
        "benchmarks.console.console_lists",
        "--directory",
        str(directory),
        "--case",
        case,
    ]
    done = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _compare(lines: list[dict[str, Any]], many: int) -> None:
    for case in CASES:
        told = [f"{case:<22}"]
        for name in FIGURES:
            few_figure, many_figure = (
                statistics.median(
                    line[name] for line in lines if (line["case"], line["runs"]) == (case, runs)
                )
                for runs in (FEW, many)
            )
            told.append(f"{name} {few_figure:g} -> {many_figure:g} ({many_figure / few_figure:.2f}x)")
        print("  ".join(told), file=sys.stderr)


def main() -> None:
    """Seed two journals, then measure in turns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=1_000_000, help="runs in the long list")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--directory", type=Path, help="only measure one case on the journal there")
    parser.add_argument("--case", choices=CASES, default="all")
    options = parser.parse_args()
    if options.directory is not None:
        print(json.dumps(asyncio.run(measure(options.directory, CASES[options.case]))))
        return
    root = Path(os.environ.get("BENCH_DIR", ".bench/data"))
    root.mkdir(parents=True, exist_ok=True)
    journals = {runs: Path(tempfile.mkdtemp(dir=root)) for runs in (FEW, options.runs)}
    for runs, directory in journals.items():
        seed_runs(directory / "data" / "journal.db", runs)
    lines: list[dict[str, Any]] = []
    for _ in range(options.repeat):
        for case in CASES:
            for runs, directory in journals.items():
                about = {"subject": "vasini", "work": "console-runs", "case": case, "runs": runs}
                lines.append(about | _fresh(directory, case))
                print(json.dumps(lines[-1]), flush=True)
    _compare(lines, options.runs)


if __name__ == "__main__":
    main()
