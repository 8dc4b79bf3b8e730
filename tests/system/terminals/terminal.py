"""A terminal: a pty, a thread that reads it, and pyte to say what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

import pyte

from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

KEYS = {
    "up": "\x1b[A",
    "down": "\x1b[B",
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "space": " ",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "ctrl+p": "\x10",
}
_HAS_FOCUS = b"\x1b[I"
_ANSWERS = {
    b"\x1b[6n": b"\x1b[1;1R",
    b"\x1b[?2026$p": b"\x1b[?2026;2$y",
    b"\x1b[?2048$p": b"\x1b[?2048;0$y",
}
"""What a terminal says when it is asked where its cursor is, for synchronized output, to report its size."""

_MODE = re.compile(rb"\x1b\[\?([\d;]+)([hl])|\x1b\[([<>])\d*u")
_STRINGS = re.compile(r"\x1b[PX^_\]].*?(?:\x1b\\|\x07)", re.DOTALL)
_UNKNOWN = re.compile(r"\x1b\[(?:[<>=][\d;:]*[@-~]|\?[\d;:]*(?:\$[a-z]|[a-gi-km-z])|[\d;:]*[ $'\"!][@-~])")
_BEGUN = re.compile(r"\x1b(?:\[[0-9;:<>=? $'\"!]*|[PX^_\]](?:(?!\x1b\\|\x07).)*)?$", re.DOTALL)
_NAMES = {
    b"1000": "mouse",
    b"1003": "mouse movements",
    b"1004": "focus reports",
    b"1006": "mouse (SGR)",
    b"1015": "mouse (urxvt)",
    b"1016": "mouse (pixels)",
    b"1049": "alternate screen",
    b"2004": "bracketed paste",
    b"2048": "size reports",
    b"kitty": "keyboard protocol",
}


class Program(Protocol):
    """A process."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int, /) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


Start = Callable[["Sequence[str | Path]", int, "Path", "Mapping[str, str]"], Program]
"""Starts a command line on the terminal of that descriptor, in a directory and with an environment."""


def as_a_shell_does(argv: Sequence[str | Path], terminal: int, cwd: Path, env: Mapping[str, str]) -> Program:
    """A process of its own, with all of its start."""
    # setsid becomes the program: the pty is its controlling terminal, as in a real session.
    command = ["setsid", "--ctty", *argv]
    return subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=dict(env), cwd=cwd)


class Terminal:
    """One program on a terminal of its own. `rate` in bytes per second makes it a slow one."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        size: tuple[int, int] = (80, 24),
        rate: int | None = None,
        answers: bool = True,
        start: Start = as_a_shell_does,
    ) -> None:
        self.chunks: list[tuple[float, bytes]] = []
        self.rate = rate
        self._answers = answers
        self._stopped = threading.Event()
        self._seen = Seen(size)
        self._fed = 0
        self._master, slave = pty.openpty()
        self._set_size(size)
        self.attributes_before = termios.tcgetattr(slave)
        self.started = time.perf_counter()
        self.process = start(argv, slave, cwd, env)
        self._slave = slave
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def raw(self) -> bytes:
        """Everything the program has written so far."""
        return b"".join(data for _, data in list(self.chunks))

    @property
    def lines(self) -> list[str]:
        """The screen as it is now."""
        chunks = list(self.chunks)
        for _, data in chunks[self._fed :]:
            self._seen.feed(data)
        self._fed = len(chunks)
        return list(self._seen.screen.display)

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(line.rstrip() for line in self.lines)

    def press(self, *keys: str) -> None:
        """Type: names of KEYS, or the characters themselves."""
        for key in keys:
            self.send(KEYS.get(key, key).encode())
            if key == "escape":  # what begins the next code ends this one: Esc and a key are Alt and that key
                self.send(_HAS_FOCUS)

    def send(self, data: bytes) -> None:
        """Bytes from the keyboard."""
        with suppress(OSError):
            os.write(self._master, data)

    def resize(self, width: int, height: int) -> None:
        """Another size; the kernel tells the program."""
        self._seen.screen.resize(height, width)
        self._set_size((width, height))

    def until(self, holds: Callable[[], object], why: str, *, seconds: float = PATIENCE) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {why}; the screen:\n{self.text}")
            time.sleep(0.02)

    def shows(self, words: str, *, seconds: float = PATIENCE) -> None:
        """Wait until the screen has these words."""
        self.until(lambda: words in self.text, f"the screen shows {words!r}", seconds=seconds)

    def ended(self, *, seconds: float = PATIENCE) -> int:
        """The exit status, and everything it wrote has been read."""
        status = self.process.wait(seconds)
        size = -1
        while size != len(self.chunks):
            size = len(self.chunks)
            time.sleep(0.1)
        return status

    def stand_still(self) -> None:
        """Take nothing any more, as after Ctrl-S or on a line that is stuck."""
        self._stopped.set()
        self._reader.join()

    def go_on(self) -> None:
        """Take again what comes, after `stand_still`."""
        self._stopped.clear()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def hang_up(self) -> None:
        """The terminal is closed, as by a lost line: the kernel sends HUP."""
        self.stand_still()
        for end in (self._slave, self._master):
            with suppress(OSError):
                os.close(end)

    def left_on(self) -> list[str]:
        """What the program switched and did not switch back; empty when the terminal is as it was."""
        switched: dict[bytes, bool] = {}
        for modes, letter, kitty in _MODE.findall(self.raw):
            if kitty:
                switched[b"kitty"] = kitty == b">"
            for mode in filter(None, modes.split(b";")):
                switched[mode] = letter == b"h"
        left = [name for mode, name in _NAMES.items() if switched.get(mode)]
        left += ["cursor hidden"] if not switched.get(b"25", True) else []
        left += ["no line wrap"] if not switched.get(b"7", True) else []
        if not self._stopped.is_set() and termios.tcgetattr(self._slave) != self.attributes_before:
            left.append("raw input")
        return left

    def close(self) -> None:
        """End the program, if it has not ended, and the terminal."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.hang_up()

    def _set_size(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))

    def _read(self) -> None:
        begun = b""
        while not self._stopped.is_set():
            if not select.select([self._master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self._master, 65_536 if self.rate is None else max(1, self.rate // 20))
            except OSError:
                return
            self.chunks.append((time.perf_counter() - self.started, data))
            if self._answers:
                asked = begun + data
                for question, answer in _ANSWERS.items():
                    if question in asked:
                        self.send(answer)
                last = asked[max(0, asked.rfind(b"\x1b")) :]
                cut = any(question != last and question.startswith(last) for question in _ANSWERS)
                begun = last if cut else b""  # a read may end within a question
            if self.rate is not None:
                self._stopped.wait(len(data) / self.rate)


class Seen:
    """What a terminal of that size shows after some bytes."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.screen = pyte.Screen(*size)
        self._stream = pyte.Stream(self.screen)
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._tail = ""

    def feed(self, data: bytes) -> None:
        """Take in what was written; what pyte does not know is left out."""
        text = self._tail + self._decoder.decode(data)
        begun = _BEGUN.search(text)
        cut = begun.start() if begun else len(text)
        text, self._tail = text[:cut], text[cut:]
        self._stream.feed(_UNKNOWN.sub("", _STRINGS.sub("", text)))

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.screen.display)


@contextmanager
def terminal(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    size: tuple[int, int] = (80, 24),
    rate: int | None = None,
    answers: bool = True,
    start: Start = as_a_shell_does,
) -> Iterator[Terminal]:
    """A program on a terminal; both are gone afterwards."""
    opened = Terminal(argv, env=env, cwd=cwd, size=size, rate=rate, answers=answers, start=start)
    try:
        yield opened
    finally:
        opened.close()
