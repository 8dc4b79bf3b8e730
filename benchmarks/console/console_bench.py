"""The console beside the empty Textual application, both on a pty, in turns, a fresh process each.

    python -m benchmarks.console.console_bench [--quick]

Reading the pty only notes time and bytes; what a person would have seen is worked out afterwards.
One JSON line per figure, then the table for docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.figures import percentile
from tests.system.terminals.terminal import Seen, Terminal

ROOT = Path(__file__).parents[2]
CONSOLE = (str(Path(sys.executable).with_name("vasini")),)
MINIMAL = (sys.executable, "-m", "benchmarks.console.minimal_app")
SIZE = (80, 24)
FRAME = b"\x1b[?2026h"
PAINTED_CELLS = 20
TYPED = "hello world of many words " * 2


@dataclass(frozen=True)
class Figure:
    """One bar: what was measured, what the minimal application has, and whether the bar is held."""

    bar: str
    value: float
    baseline: float | None
    held: bool


def start(argv: tuple[str, ...], home: Path) -> Terminal:
    env = {name: value for name, value in os.environ.items() if not name.startswith("VASINI_")}
    env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "VASINI_HOME": str(home)}
    return Terminal(argv, env=env, cwd=ROOT, size=SIZE)


def first_paint(argv: tuple[str, ...], home: Path) -> float:
    """Milliseconds until the screen has something on it."""
    terminal = start(argv, home)
    try:
        terminal.until(lambda: cells(terminal.raw) >= PAINTED_CELLS, "something is painted")
        seen = Seen(SIZE)
        for at, data in terminal.chunks:
            seen.feed(data)
            if painted(seen) >= PAINTED_CELLS:
                return at * 1e3
        raise AssertionError
    finally:
        finish(terminal)


def cells(raw: bytes) -> int:
    seen = Seen(SIZE)
    seen.feed(raw)
    return painted(seen)


def painted(seen: Seen) -> int:
    """Cells with a sign or a color."""
    rows = seen.screen.buffer.values()
    return sum(1 for row in rows for cell in row.values() if cell.data.strip() or cell.bg != "default")


def finish(terminal: Terminal) -> bool:
    """End it by TERM; whether the terminal is as it was."""
    terminal.process.send_signal(signal.SIGTERM)
    terminal.ended()
    restored = not terminal.left_on()
    terminal.close()
    return restored


def wakeups(pid: int) -> int:
    """Voluntary context switches of all threads so far."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = (task / "status").read_text("ascii")
        total += int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
    return total


def idle(argv: tuple[str, ...], home: Path, seconds: float) -> tuple[float, float]:
    """(bytes per second, wake-ups per second) while nothing happens."""
    terminal = start(argv, home)
    try:
        terminal.until(lambda: cells(terminal.raw) >= PAINTED_CELLS, "something is painted")
        time.sleep(4)  # first loads
        size, woken, begin = len(terminal.raw), wakeups(terminal.process.pid), time.perf_counter()
        time.sleep(seconds)
        passed = time.perf_counter() - begin
        return (len(terminal.raw) - size) / passed, (wakeups(terminal.process.pid) - woken) / passed
    finally:
        finish(terminal)


@dataclass(frozen=True)
class Load:
    """A console while events come in. Latencies in milliseconds."""

    key_p95: float
    missed: int
    frames_per_second: float
    bytes_per_second: float
    newest_p95: float
    newest_max: float
    written_per_second: float


def vasini(home: Path, *arguments: str) -> str:
    env = {**os.environ, "VASINI_HOME": str(home)}
    return subprocess.run([*CONSOLE, *arguments], env=env, capture_output=True, text=True, check=True).stdout


def under_load(home: Path, rate: int, seconds: float) -> Load:
    """Type into the filter of the runs for a while, then watch the log of the run the events belong to."""
    run_id = json.loads(vasini(home, "run", "hello/hello", "--wait", "--json"))["run_id"]
    terminal = start(CONSOLE, home)
    try:
        terminal.shows("pending")
        source = source_of(home, run_id, rate, 2 * seconds + 6)
        time.sleep(2)
        keys, written = type_filter(terminal, seconds)
        terminal.press("escape")
        terminal.shows("hello/hello")
        terminal.press("enter")
        terminal.shows("Timeline")
        terminal.press("l")
        time.sleep(2)
        begin = time.perf_counter() - terminal.started
        commits = json.loads(source.communicate()[0])
        end = commits[-1][0] - terminal.started
        time.sleep(1)
        data = [chunk for at, chunk in terminal.chunks if written[0] <= at <= end]
        passed = end - written[0]
        lags = newest_lags(terminal, commits, begin, end)
        latencies = key_latencies(terminal, keys)
        return Load(
            round(percentile([late for late in latencies if late is not None], 0.95), 1),
            sum(late is None for late in latencies),
            round(b"".join(data).count(FRAME) / passed, 1),
            round(sum(map(len, data)) / passed),
            round(percentile(lags, 0.95), 1),
            round(max(lags), 1),
            round((commits[-1][1] - commits[0][1]) / (commits[-1][0] - commits[0][0])),
        )
    finally:
        finish(terminal)


def source_of(home: Path, run_id: str, rate: int, seconds: float) -> subprocess.Popen[str]:
    call = [
        sys.executable,
        "-m",
        "benchmarks.console.event_source",
        str(home / "data" / "journal.db"),
        run_id,
    ]
    return subprocess.Popen([*call, str(rate), str(seconds)], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def type_filter(terminal: Terminal, seconds: float) -> tuple[list[tuple[float, str]], tuple[float, float]]:
    """(when each key was pressed and what stands in the field then, when it began and ended)."""
    terminal.press("/")
    time.sleep(0.5)
    begin, keys = time.perf_counter() - terminal.started, []
    for number, sign in enumerate(TYPED, 1):
        keys.append((time.perf_counter() - terminal.started, TYPED[:number]))
        terminal.press(sign)
        time.sleep(seconds / len(TYPED))
    return keys, (begin, time.perf_counter() - terminal.started)


def key_latencies(terminal: Terminal, keys: list[tuple[float, str]]) -> list[float | None]:
    """From the key to the chunk that shows it; None for a key that was never seen."""
    seen, waiting, latencies = Seen(SIZE), list(keys), []
    for at, data in terminal.chunks:
        seen.feed(data)
        text = " ".join(seen.text.split())
        while waiting and waiting[0][0] <= at and " ".join(waiting[0][1].split()) in text:
            if waiting[0][1].endswith(" "):
                waiting.pop(0)  # a space at the end cannot be told from none
                continue
            latencies.append((at - waiting.pop(0)[0]) * 1e3)
    return [*latencies, *(None for key in waiting if not key[1].endswith(" "))]


def newest_lags(
    terminal: Terminal, commits: list[tuple[float, int]], begin: float, end: float
) -> list[float]:
    """For every commit of the time: how many milliseconds later an event at least as new was shown."""
    shown: list[tuple[float, int]] = []
    seen = Seen(SIZE)
    for at, data in terminal.chunks:
        seen.feed(data)
        numbers = [int(found) for found in re.findall(r"^[▌ ]*(\d+) +\d\d:\d\d", seen.text, re.MULTILINE)]
        if numbers and at >= begin:
            shown.append((at, max(numbers)))
    lags = []
    for committed, number in commits:
        moment = committed - terminal.started
        if begin <= moment <= end - 1:
            later = next((at for at, newest in shown if newest >= number), None)
            lags.append((later - moment) * 1e3 if later is not None else float("inf"))
    return lags


def measure(repeat: int, seconds: float, place: Path) -> list[Figure]:
    """All bars, the console and its baseline in turns."""
    paints: dict[tuple[str, ...], list[float]] = {CONSOLE: [], MINIMAL: []}
    quiet: dict[tuple[str, ...], list[tuple[float, float]]] = {CONSOLE: [], MINIMAL: []}
    home = place / "home"
    vasini(home, "runs")
    for _ in range(repeat):
        for argv in (MINIMAL, CONSOLE):
            paints[argv].append(first_paint(argv, home))
    for _ in range(max(1, repeat // 3)):
        for argv in (MINIMAL, CONSOLE):
            quiet[argv].append(idle(argv, home, seconds))
    ours, theirs = median(paints[CONSOLE]), median(paints[MINIMAL])
    figures = [Figure("5 first paint, ms, <= 2x", ours, theirs, ours <= 2 * theirs)]
    (sent, woken), (sent_0, woken_0) = (
        (median(one for one, _ in quiet[argv]), median(two for _, two in quiet[argv]))
        for argv in (CONSOLE, MINIMAL)
    )
    figures.append(Figure("6 idle, bytes/s, 0", sent, sent_0, sent == 0))
    figures.append(Figure("6 idle, wake-ups/s, <= 20", woken, woken_0, woken <= 20))
    for rate in (1_000, 10_000):
        load = under_load(place / f"home-{rate}", rate, seconds)
        print(json.dumps({"rate": rate, **asdict(load)}), flush=True)
        name = f"7 at {load.written_per_second:,} events/s,"
        figures += [
            Figure(f"{name} missed keys, 0", load.missed, None, load.missed == 0),
            Figure(f"{name} key p95, ms, <= 50", load.key_p95, None, load.key_p95 <= 50),
            Figure(f"{name} redraws/s, <= 20", load.frames_per_second, None, load.frames_per_second <= 20),
            Figure(f"{name} bytes/s, <= 100,000", load.bytes_per_second, None, load.bytes_per_second <= 1e5),
            Figure(f"{name} newest on screen, p95 ms, <= 200", load.newest_p95, None, load.newest_p95 <= 200),
        ]
    left = restored(home)
    figures.append(Figure("9 left switched on after HUP, TERM, INT, 0", left, None, left == 0))
    return figures


def restored(home: Path) -> int:
    """How many switches of the terminal three signals leave on."""
    left = 0
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        terminal = start(CONSOLE, home)
        try:
            terminal.shows("No runs yet")
            terminal.process.send_signal(number)
            terminal.ended()
            left += len(terminal.left_on())
        finally:
            terminal.close()
    return left


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less often and shorter")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="console-bench-") as place:
        figures = measure(3 if options.quick else 9, 5 if options.quick else 10, Path(place))
    print("\n| bar | console | minimal app | ratio | |\n|---|---|---|---|---|")
    for one in figures:
        ratio = f"{one.value / one.baseline:.2f}x" if one.baseline else ""
        base = "" if one.baseline is None else f"{one.baseline:.4g}"
        print(f"| {one.bar} | {one.value:.4g} | {base} | {ratio} | {'held' if one.held else 'missed'} |")


if __name__ == "__main__":
    main()
