"""Soak: the demonstration on a terminal for half an hour; memory, file handles, threads and WAL stay flat.

One JSON line every ten seconds, then the slopes and a verdict. An operator walks through the screens
meanwhile, decides now and then, and changes the size of the terminal.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.system.terminals.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

JOURNAL = "vasini-demo-*/home/data/journal.db"
PROGRAM = Path(sys.executable).with_name("vasini")
WALK = (
    ("1", "j", "j", "enter"), ("tab", "tab"), ("escape",), ("2", "j"), ("k",), ("3", "j"), ("enter",),
    ("escape",), ("1", "/"), (*"hello", "enter"), ("/", "escape"), ("G",), ("g",), ("?",), ("escape",),
    ("!",),
)  # fmt: skip
SIZES = ((80, 24), (120, 40), (100, 30))
ALLOWED = {"rss_mb": 0.05, "handles": 0.1, "threads": 0.1, "wal_mb": 0.25}
"""By how much the last quarter may lie above the second one, as a share; two handles or threads always."""


@dataclass(frozen=True)
class Sample:
    """What the process holds at one moment. Bytes are those the terminal has got so far."""

    seconds: float
    rss_mb: float
    handles: int
    threads: int
    wal_mb: float
    journal_mb: float
    bytes: int


def take(pid: int, journal: Path, seconds: float, terminal: Terminal) -> Sample:
    """Read the figures of a process from /proc, and the sizes of its journal."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines())
    wal = journal.with_name(journal.name + "-wal")
    return Sample(
        round(seconds, 1),
        round(int(status["VmRSS"].split()[0]) / 1024, 1),
        len(os.listdir(f"/proc/{pid}/fd")),
        int(status["Threads"]),
        round(wal.stat().st_size / 2**20, 2) if wal.exists() else 0.0,
        round(journal.stat().st_size / 2**20, 2),
        sum(len(data) for _, data in list(terminal.chunks)),
    )


def soak(minutes: float, every: float, place: Path) -> list[Sample]:
    """Run the demonstration and take samples; the folder it leaves behind is an error."""
    env = {**os.environ, "TERM": "xterm-256color", "TMPDIR": str(place), "VASINI_HOME": str(place / "home")}
    terminal = Terminal([PROGRAM, "--demo"], env=env, cwd=place)
    try:
        terminal.shows("DEMO")
        terminal.until(lambda: any(place.glob(JOURNAL)), "the journal is there")
        (journal,) = place.glob(JOURNAL)
        samples = _walk(terminal, journal, minutes * 60, every)
        terminal.process.send_signal(signal.SIGHUP)
        if terminal.ended() != 128 + signal.SIGHUP or terminal.left_on() or any(place.glob("vasini-demo-*")):
            raise SystemExit("the demonstration did not end as it should")
        return samples
    finally:
        terminal.close()


def _walk(terminal: Terminal, journal: Path, seconds: float, every: float) -> list[Sample]:
    samples: list[Sample] = []
    begin = time.monotonic()
    for number, keys in enumerate(itertools.cycle(WALK)):
        if time.monotonic() - begin > seconds:
            return samples
        terminal.press(*keys)
        if number % 10 == 9:
            terminal.resize(*SIZES[number // 10 % len(SIZES)])
        time.sleep(every)
        samples.append(take(terminal.process.pid, journal, time.monotonic() - begin, terminal))
        print(json.dumps(asdict(samples[-1])), flush=True)
    raise AssertionError


def slope(samples: Sequence[Sample], name: str) -> float:
    """Least squares, per hour."""
    times = [sample.seconds / 3600 for sample in samples]
    values = [float(getattr(sample, name)) for sample in samples]
    middle, mean = sum(times) / len(times), sum(values) / len(values)
    spread = sum((at - middle) ** 2 for at in times)
    return sum((at - middle) * (value - mean) for at, value in zip(times, values, strict=True)) / spread


def verdict(samples: Sequence[Sample]) -> bool:
    """Print the table; whether everything stayed flat from the second quarter to the last."""
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    flat = True
    print("\n| | second quarter | last quarter | most | slope per hour, last three quarters | |")
    print("|---|---|---|---|---|---|")
    for name, share in ALLOWED.items():
        before, after = (median(float(getattr(one, name)) for one in part) for part in (second, last))
        most = max(float(getattr(one, name)) for one in samples)
        held = after <= max(before * (1 + share), before + (2 if name in ("handles", "threads") else 0))
        flat = flat and held
        per_hour = slope(samples[quarter:], name)
        word = "flat" if held else "GROWS"
        print(f"| {name} | {before:g} | {after:g} | {most:g} | {per_hour:+.2f} | {word} |")
    end = samples[-1]
    print(f"\njournal {end.journal_mb} MB, {end.bytes / end.seconds:.0f} B/s to the terminal")
    return flat


def main() -> None:
    """Soak, print, exit 1 when something grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between samples")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        samples = soak(options.minutes, options.every, Path(place))
    sys.exit(0 if verdict(samples) else 1)


if __name__ == "__main__":
    main()
