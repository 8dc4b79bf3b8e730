"""Tries every cell of docs/terminals.md through ssh on loopback and prints the table.

    python -m benchmarks.console.terminal_matrix

The terminal is a pty that pyte draws; TERM says what the console believes it to be.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.system.terminals.slow_line import slow_line
from tests.system.terminals.ssh_server import SshServer, ssh_server
from tests.system.terminals.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(sys.executable).with_name("vasini")
TERMS = ("xterm", "xterm-256color", "screen", "tmux", "linux")
SIZES = ((80, 24), (120, 40), (300, 100))
RATES = (9_600, 2_400)
SLOW = tuple(f"slow line, {rate} B/s" for rate in RATES)
EVENTS = ("first paint", "keys", "resize", "hang-up", "killed client", *SLOW)


@dataclass(frozen=True)
class Bench:
    """The far side: a server, and a home with runs that wait."""

    server: SshServer
    home: Path

    @contextmanager
    def session(self, term: str, size: tuple[int, int], port: int | None = None) -> Iterator[Terminal]:
        command = self.server.command(f"exec {PROGRAM}", port=port)
        terminal = Terminal(command, env=self.environment(term), cwd=self.home, size=size)
        try:
            yield terminal
        finally:
            terminal.close()

    def environment(self, term: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("VASINI_")}
        return {**kept, "TERM": term, "VASINI_HOME": str(self.home)}

    def vasini(self, *arguments: str) -> dict[str, object]:
        done = subprocess.run(
            [PROGRAM, *arguments, "--json"], env=self.environment("dumb"), capture_output=True, check=True
        )
        return dict(json.loads(done.stdout))

    def consoles(self) -> int:
        journal = self.vasini("doctor")["journal"]
        assert isinstance(journal, dict)
        return len(journal["workers"])


def painted(terminal: Terminal, seconds: float = 20) -> float:
    """Milliseconds from the start of the client until the runs are on the screen."""
    terminal.shows("pending input", seconds=seconds)
    return (time.perf_counter() - terminal.started) * 1e3


def first_paint(bench: Bench, term: str, size: tuple[int, int]) -> str:
    with bench.session(term, size) as terminal:
        took = painted(terminal)
        colors = "16 colors" if b"38;5" not in terminal.raw and b"38;2" not in terminal.raw else "256 colors"
        return f"{took:.0f} ms, {colors}"


def keys(bench: Bench, term: str, size: tuple[int, int]) -> str:
    with bench.session(term, size) as terminal:
        painted(terminal)
        for key, words in (("2", "Risk"), ("3", "Title"), ("?", "Keys of this screen"), ("escape", "Title")):
            terminal.press(key)
            terminal.shows(words, seconds=5)
        terminal.press("1")
        terminal.shows("pending input", seconds=5)
        terminal.press("q", "q")
        status, left = terminal.ended(), terminal.left_on()
        return "all, left clean" if status == 0 and not left else f"status {status}, left on: {left}"


def resize(bench: Bench, term: str, size: tuple[int, int]) -> str:
    with bench.session(term, size) as terminal:
        painted(terminal)
        terminal.press("j")
        for width, height in ((size[0] - 10, size[1] - 2), (50, 12), (size[0] + 20, size[1] + 5)):
            terminal.resize(width, height)
            terminal.shows("too small" if width < 60 else "Help", seconds=5)
        terminal.until(lambda: "Help" in terminal.lines[-1], "keys on the last line", seconds=5)
        return "redrawn, cursor kept" if "▌" in terminal.text else "redrawn, cursor LOST"


def lost(bench: Bench) -> str:
    """The console is gone and its runs are free, after this many milliseconds."""
    deadline, begin = time.monotonic() + 20, time.perf_counter()
    while bench.consoles():
        if time.monotonic() > deadline:
            return "console STILL THERE"
        time.sleep(0.1)
    return f"console ended in {(time.perf_counter() - begin) * 1e3:.0f} ms, run kept"


def hang_up(bench: Bench, term: str, size: tuple[int, int]) -> str:
    with bench.session(term, size) as terminal:
        painted(terminal)
        terminal.hang_up()
        return lost(bench)


def killed_client(bench: Bench, term: str, size: tuple[int, int]) -> str:
    with bench.session(term, size) as terminal:
        painted(terminal)
        terminal.process.send_signal(signal.SIGKILL)
        return lost(bench)


def slow(bench: Bench, term: str, size: tuple[int, int], rate: int) -> str:
    """The first frame, and the answer to a key that is pressed after many others."""
    with slow_line(bench.server.port, rate) as port, bench.session(term, size, port) as terminal:
        paint = painted(terminal, seconds=90)
        for key in "jkjkjk23123123":
            terminal.press(key)
            time.sleep(0.05)
        begin = time.perf_counter()
        terminal.press("?")
        terminal.shows("Keys of this screen", seconds=90)
        return f"painted {paint / 1e3:.1f} s, key {time.perf_counter() - begin:.1f} s"


def cell(bench: Bench, event: str, term: str, size: tuple[int, int]) -> str:
    tries = {
        "first paint": first_paint,
        "keys": keys,
        "resize": resize,
        "hang-up": hang_up,
        "killed client": killed_client,
    }
    try:
        if event in tries:
            return tries[event](bench, term, size)
        return slow(bench, term, size, RATES[SLOW.index(event)])
    except AssertionError as error:
        return f"FAILED: {str(error).splitlines()[0][:80]}"


def main() -> None:
    """Try all and print one table for each size."""
    terms = sys.argv[1:] or TERMS
    with tempfile.TemporaryDirectory(prefix="matrix-") as place, ssh_server(Path(place)) as server:
        bench = Bench(server, Path(place) / "home")
        bench.home.mkdir()
        for name in ("Ada", "Grace", "Edsger"):
            bench.vasini("run", "hello/hello", "--set", f"name={name}")
        bench.vasini("run", "hello/hello", "--set", "name=Last", "--wait")
        for width, height in SIZES:
            print(f"\n### {width} x {height}\n\n| TERM | {' | '.join(EVENTS)} |")
            print("|---" * (len(EVENTS) + 1) + "|", flush=True)
            for term in terms:
                cells = [cell(bench, event, term, (width, height)) for event in EVENTS]
                print(f"| {term} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
