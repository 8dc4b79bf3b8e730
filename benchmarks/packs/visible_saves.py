"""From the save of a pack's file until the console on a terminal shows it, broken saves included."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.packs.made_packs import write_packs
from tests.system.terminals.terminal import Seen, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = Path(sys.executable).with_name("vasini")
SIZE = (160, 45)
LEFT = 90
"""Columns that are read here: notices, which name packs too, lie to the right of them."""
EDITED = 20
"""Packs under edit, the first ones of the list: their rows are on the screen."""
PATIENCE = 30.0
PAUSES = (0.6, 1.2)
"""Seconds between saves: the console is at rest again, and no turn of its watcher is met more often."""


class Watched:
    """The list of packs on a terminal, and when its rows became what they are."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._seen = Seen(SIZE)
        self._fed = 0

    def moment(self, pack: str, *cells: str) -> float:
        """When (`time.perf_counter`) bytes came after which the row of the pack had these cells."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            chunks = self._terminal.chunks
            while self._fed < len(chunks):
                at, data = chunks[self._fed]
                self._fed += 1
                self._seen.feed(data)
                if {pack, *cells} <= self._cells(pack):
                    return self._terminal.started + at
            time.sleep(0.002)
        raise TimeoutError(f"{pack} never was {', '.join(cells)}; the screen:\n{self._seen.text}")

    def _cells(self, pack: str) -> set[str]:
        """Two spaces lie between the cells of a row."""
        lines = (line[:LEFT] for line in self._seen.screen.display)
        line = next((line for line in lines if f" {pack} " in line), "")
        return {cell.strip(" ▌") for cell in re.split(" {2,}", line)}


def visible_saves(root: Path, packs: int, n: int) -> tuple[list[float], list[float]]:
    """Milliseconds of good and of broken saves, `n` in all; every third one is broken.

    A manifest gets its next version, a flow is broken, the flow is mended, by turns of packs, and saved as
    editors do by turns: renamed over the file, written into it, written anew after a backup was made.
    """
    directories = write_packs(root / "packs", packs)[:EDITED]
    env = {name: value for name, value in os.environ.items() if not name.startswith("VASINI_")}
    env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "VASINI_HOME": str(root)}
    terminal = Terminal([PROGRAM], env=env, cwd=root, size=SIZE)
    good: list[float] = []
    broken: list[float] = []
    try:
        watched = Watched(terminal)
        terminal.shows("No runs yet")
        terminal.press("5")
        watched.moment("pack-000", "✓ ok")
        _begin_to_watch(directories[0], watched)
        pause = random.Random(1)
        for turn, (file, text, cells) in zip(range(n), _edits(directories), strict=False):
            time.sleep(pause.uniform(*PAUSES))
            begin = time.perf_counter()
            _WAYS[turn % len(_WAYS)](file, text)
            shown = watched.moment(next(one.name for one in directories if one in file.parents), *cells)
            (broken if "▲ stale" in cells else good).append((shown - begin) * 1e3)
        terminal.process.send_signal(signal.SIGTERM)
        terminal.ended()
        return good, broken
    finally:
        terminal.close()


def _begin_to_watch(directory: Path, watched: Watched) -> None:
    """Return when the watcher is at work."""
    manifest = directory / "profession-pack.yaml"
    _renamed(manifest, _versioned(manifest, "1.0.1"))
    watched.moment(directory.name, "1.0.1")


def _edits(directories: list[Path]) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    """(file, what is saved, what its row has then) without end."""
    number = 1
    while True:
        for directory in directories:
            number += 1
            manifest, flow = directory / "profession-pack.yaml", directory / "flows" / "f0.yaml"
            whole = flow.read_text("utf-8")
            yield manifest, _versioned(manifest, f"1.0.{number}"), ("✓ ok", f"1.0.{number}")
            yield flow, whole + "broken: [\n", ("▲ stale",)
            yield flow, whole, ("✓ ok",)


def _versioned(manifest: Path, version: str) -> str:
    return re.sub(r"^version: .*$", f"version: {version}", manifest.read_text("utf-8"), flags=re.MULTILINE)


def _renamed(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.tmp")
    beside.write_text(text, "utf-8")
    os.replace(beside, file)


def _written_into(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")


def _backed_up(file: Path, text: str) -> None:
    backup = file.with_name(file.name + "~")
    os.replace(file, backup)
    file.write_text(text, "utf-8")
    backup.unlink()


_WAYS: tuple[Callable[[Path, str], None], ...] = (_renamed, _written_into, _backed_up, _renamed)
