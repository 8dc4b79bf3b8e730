"""The timeline of an agent's run, of few turns and of very many: mount, pages, looking again, looking back.

One JSON line per measurement; every measurement is a fresh process, and the two journals take turns. Times
are of the processor. Then, on standard error, the medians and their ratios.
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
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.console.console_lists import SIZE
from benchmarks.console.waiting import until
from benchmarks.figures import cpu_seconds, memory_mb
from benchmarks.runs.engine_bench import ACTOR, bench_config
from engine import open_engine
from engine.journal.sqlite.file.connection import open_writer
from screens.run.screen import RunScreen
from screens.run.timeline.table import TimelineTable
from vasini_tui.console.app import ConsoleApp
from vasini_tui.console.options import ConsoleOptions

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

FEW = 100
LOOKS = 5
_TOOL = "text.report"
_CALL = {"tool": _TOOL, "arguments": {"title": "A turn", "body": "what it found " * 20}}
_MANIFEST = {
    "schema_version": "1.0",
    "pack_id": "bench",
    "version": "1.0.0",
    "author": {"name": "Bench"},
    "role": {"title": "Bench", "domain": "Bench", "goal": {"primary": "Be measured"}},
}
_AGENT = {
    "id": "work",
    "type": "agent",
    "instructions": "Be measured.",
    "prompt": "Go on.",
    "tools": [_TOOL],
    "script": [*({"text": "I look. " * 10, "calls": [_CALL]} for _ in range(3)), {"text": "Done."}],
}


async def seed_turns(directory: Path, turns: int) -> None:
    """A journal with one run of an agent: four real turns, the second of which is written so many times."""
    pack = directory / "packs" / "bench"
    (pack / "flows").mkdir(parents=True)
    (pack / "profession-pack.yaml").write_text(yaml.safe_dump(_MANIFEST))
    (pack / "flows" / "ask.yaml").write_text(yaml.safe_dump({"id": "ask", "steps": [_AGENT]}))
    config = bench_config(directory)
    async with open_engine(config) as engine, engine.work():
        run = await engine.runs.start("bench", "ask", {}, actor=ACTOR)
        await engine.runs.wait(run.run_id)
    connection = open_writer(config.journal_path)
    try:
        connection.execute("BEGIN")
        _multiply(connection, turns)
        connection.execute("DELETE FROM snapshots")
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _multiply(connection: sqlite3.Connection, turns: int) -> None:
    """Turns 2 and 3 of the run are moved behind the copies of the second."""
    events = [dict(row) for row in connection.execute("SELECT * FROM events ORDER BY run_seq")]
    steps = [dict(row) for row in connection.execute("SELECT * FROM steps")]
    begins = [
        next(event["run_seq"] for event in events if str(event["step_id"]).startswith(f"work/{number}/"))
        for number in (1, 2)
    ]
    length, copies = begins[1] - begins[0], turns - 4
    connection.execute("DELETE FROM events")
    connection.execute("DELETE FROM steps")

    def at(seq: Any, copy: int) -> Any:
        """The number of an event in a copy; what comes behind the turn is behind all copies."""
        if seq is None or seq < begins[0]:
            return seq
        return seq + (copy if seq < begins[1] else copies) * length

    def put(table: str, rows: Iterator[dict[str, Any]]) -> None:
        for row in rows:
            marks = ", ".join("?" * len(row))
            connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", [*row.values()])

    def of_turn(text: str, number: int, to: int) -> str:
        return f"work/{to}" if text == f"work/{number}" else text.replace(f"work/{number}/", f"work/{to}/")

    def copied(rows: list[dict[str, Any]], path: str, numbers: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        for row in rows:
            place = row[path] or ""
            old = next((n for n in (2, 3) if f"{place}/".startswith(f"work/{n}/")), 0)
            copying = (
                place.startswith("work/1/") if path == "path" else begins[0] <= row["run_seq"] < begins[1]
            )
            for copy in range(copies + 1 if copying else 1):
                new = {**row, **{name: at(row[name], copy) for name in numbers}}
                source, target = (1, 1 + copy) if copying else (old, old + copies)
                if source:
                    new |= {
                        key: of_turn(value, source, target)
                        for key, value in row.items()
                        if isinstance(value, str)
                    }
                new.pop("seq", None)
                if path == "step_id":
                    later = row["run_seq"] >= begins[1]
                    new["payload"] = _counted(row, copies if later else copy)
                yield new

    put("events", iter(sorted(copied(events, "step_id", ("run_seq",)), key=lambda row: row["run_seq"])))
    put("steps", copied(steps, "path", ("first_seq", "input_seq", "output_seq", "error_seq")))
    connection.execute("UPDATE runs SET run_seq = ?", (len(events) + copies * length,))
    connection.execute(
        "UPDATE runs SET output_seq = output_seq + ? WHERE output_seq > ?", (copies * length, begins[0])
    )


def _counted(event: dict[str, Any], further: int) -> str:
    """The payload of an event that is so many turns further on: those that count turns say so."""
    payload = json.loads(event["payload"])
    if event["kind"] == "agent_turn_added":
        payload["turns"] += further
    elif event["kind"] == "step_started" and "turn" in (given := payload.get("input") or {}):
        given["turn"] += further
    else:
        return str(event["payload"])
    return json.dumps(payload, separators=(",", ":"))


async def measure(directory: Path) -> dict[str, float]:
    """Milliseconds of processor time and megabytes, in this process."""
    figures: dict[str, float] = {}
    async with open_engine(bench_config(directory)) as engine:
        (run,) = (await engine.runs.list()).items
        app = ConsoleApp(engine, actor=ACTOR, tenant=run.tenant, settings=ConsoleOptions(bell=False))
        async with app.run_test(size=SIZE) as pilot:
            await until(lambda: app.state.broken_packs is not None)
            await pilot.pause()
            before = memory_mb("VmRSS")

            async def timed(name: str, act: Callable[[], object], there: Callable[[], bool]) -> None:
                begun = cpu_seconds()
                act()
                await until(there)
                figures[name] = (cpu_seconds() - begun) * 1e3

            await timed("mount_ms", lambda: app.open_run(run.run_id, pane="timeline"), lambda: _drawn(app))
            figures["rss_mb"], figures["added_mb"] = memory_mb("VmRSS"), memory_mb("VmRSS") - before
            screen = app.screen
            assert isinstance(screen, RunScreen)
            begun = cpu_seconds()
            for _ in range(LOOKS):
                await screen.load()
            figures["again_ms"] = (cpu_seconds() - begun) / LOOKS * 1e3
            table = screen.query_one("#steps", TimelineTable)
            await timed("first_ms", table.action_cursor_top, lambda: table.cursor_key.endswith(" work"))
            await timed(
                "newest_ms", table.action_cursor_bottom, lambda: table.cursor_row == table.row_count - 1
            )
            past = screen.query_one("#as-of")
            await timed("back_ms", screen.action_marker, lambda: past.display)
            figures["back_mb"] = memory_mb("VmRSS")
            screen.action_back()
            await until(lambda: not past.display)
            table.action_cursor_bottom()
            begun, steps = cpu_seconds(), 0
            while not table.cursor_key.endswith(" work"):  # all of the run, half a screen at a time
                key = table.cursor_key
                table.action_half_up()
                await until(partial(_has_left, table, key))
                steps += 1
            figures["half_up_ms"] = (cpu_seconds() - begun) / steps * 1e3
            figures["used_mb"] = memory_mb("VmRSS")
    return {name: round(figure, 1) for name, figure in figures.items()}


def _has_left(table: TimelineTable, key: str) -> bool:
    return table.cursor_key != key


def _drawn(app: ConsoleApp) -> bool:
    """Whether every visible line has its row."""
    if not isinstance(app.screen, RunScreen):
        return False
    table = next(iter(app.screen.query(TimelineTable)), None)
    if table is None or not table.row_count:
        return False
    return len(table.visible_rows) == min(table.row_count, table.size.height - 1) > 0


def _fresh(directory: Path) -> dict[str, float]:
    call = [sys.executable, "-m", "benchmarks.console.console_timeline", "--directory", str(directory)]
    done = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Seed two journals, then measure in turns."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=10_800, help="turns of the long run")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--directory", type=Path, help="only measure the journal there")
    options = parser.parse_args()
    if options.directory is not None:
        print(json.dumps(asyncio.run(measure(options.directory))))
        return
    root = Path(os.environ.get("BENCH_DIR", ".bench/data"))
    root.mkdir(parents=True, exist_ok=True)
    measured: dict[int, list[dict[str, float]]] = {FEW: [], options.turns: []}
    with tempfile.TemporaryDirectory(dir=root) as place:
        for turns in measured:
            asyncio.run(seed_turns(Path(place) / str(turns), turns))
        for _ in range(options.repeat):
            for turns, lines in measured.items():
                lines.append(_fresh(Path(place) / str(turns)))
                about = {"subject": "vasini", "work": "console-timeline", "turns": turns}
                print(json.dumps(about | lines[-1]), flush=True)
    for name in measured[FEW][0]:
        few, many = (statistics.median(line[name] for line in lines) for lines in measured.values())
        print(f"{name:<16} {few:g} -> {many:g} ({many / max(few, 0.1):.2f}x)", file=sys.stderr)


if __name__ == "__main__":
    main()
