"""Terminal input and output that hold nothing up: a terminal may be slow, stand still or be gone.

Textual's own driver waits in the event loop until the terminal has taken what was written. The engine
lives in the same loop: a line that stands still would hold up every run, and the signal to end as well.
Here a thread writes, and the application draws the next frame when the terminal has shown the last one:
each frame ends with the question where the cursor is, and terminals answer in order. So no frames queue
up in the buffers of a slow line, and a key is answered by the next frame.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
import threading
from codecs import getincrementaldecoder
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import CursorPosition

from vasini_tui.console.terminal.answers import AnswerFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import App
    from textual.message import Message

QUESTION = "\x1b[6n"
SILENT_SECONDS = 1.0
"""A terminal that has never answered is not waited for longer than this."""
SLOW_SECONDS = 60.0
"""A frame after which one that usually answers is drawn on all the same."""
CLOSING_SECONDS = 1.0
"""How long the end of the program waits for a terminal that takes nothing."""
_AT_ONCE = 4_096
_ESCAPE_SECONDS = 0.05
"""How often it is looked whether an Esc stays alone, while it may yet begin the code of another key."""


class Outlet:
    """A thread that writes to the terminal, in the shape of Textual's own one."""

    def __init__(self, fileno: int, emptied: Callable[[], None], lost: Callable[[], None]) -> None:
        self._fileno = fileno
        self._emptied = emptied
        self._lost = lost
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._busy = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="terminal-output", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    @property
    def behind(self) -> bool:
        """Whether the terminal has yet to take something."""
        return self._busy or bool(self._waiting)

    def write(self, text: str) -> None:
        """Write as soon as the terminal takes it; returns at once."""
        with self._changed:
            self._waiting.append(text.encode())
            self._changed.notify()

    def stop(self) -> None:
        """Write what is left, unless the terminal takes nothing any more."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(CLOSING_SECONDS)

    def _run(self) -> None:
        try:
            while (data := self._next()) is not None:
                for start in range(0, len(data), _AT_ONCE):
                    self._write(data[start : start + _AT_ONCE])
        except OSError:  # closed, or the line is gone
            self._lost()

    def _next(self) -> bytes | None:
        with self._changed:
            if self._busy and not self._waiting:
                self._busy = False
                self._emptied()
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            if not self._waiting:
                return None
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._busy = True
            return data

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._fileno, data) :]


class PatientDriver(LinuxDriver):
    """Textual's driver with an `Outlet`.

    Called in the loop: `drawn` when the next frame may be drawn, `told` when the terminal shows another one
    or is known to tell nothing, `lost` when it is gone.
    """

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.drawn: Callable[[], None] = lambda: None
        self.told: Callable[[], None] = lambda: None
        self.lost: Callable[[], None] = lambda: None
        self._outlet: Outlet | None = None
        self._has_terminal = False
        self._answered = threading.Event()
        self._answered.set()
        self._answers: bool | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._questions: deque[int] = deque()
        self.taken = asyncio.Event()
        """Whether the terminal has taken all of the newest frame."""
        self.frames = 0
        self.frames_shown = 0

    @property
    def never_answers(self) -> bool:
        """Whether this terminal has been asked and has told nothing."""
        return self._answers is False

    @property
    def behind(self) -> bool:
        """Whether the terminal has not shown the last frame yet."""
        return not self._answered.is_set() or (self._outlet is not None and self._outlet.behind)

    def frame_ends(self) -> None:
        """Ask the terminal to tell when it has shown everything up to here."""
        self.frames += 1
        self.taken.clear()
        if self._answers is False:
            return
        self._answered.clear()
        self._questions.append(self.frames)
        self.write(QUESTION)
        seconds = SLOW_SECONDS if self._answers else SILENT_SECONDS
        self._limit = self._loop.call_later(seconds, self._no_answer)

    def start_application_mode(self) -> None:
        """Take the terminal, then put the outlet in the place of Textual's writer."""
        self._sleeper, self._waker = socket.socketpair()
        self._forget_questions()
        before = self._writer_thread
        super().start_application_mode()  # type: ignore[no-untyped-call]
        first, file = self._writer_thread, self._file
        if first is not None and first is not before and file is not None:
            outlet = Outlet(file.fileno(), self._emptied, self._gone)
            self._outlet = outlet
            self._writer_thread = outlet  # type: ignore[assignment]  # the same methods
            first.stop()
            outlet.start()
            self._has_terminal = True

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was."""
        self._has_terminal = False
        super().stop_application_mode()

    def _forget_questions(self) -> None:
        """Their answers went to whoever had the terminal meanwhile."""
        self._questions.clear()
        self._answered.set()
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _sigcont_application(self, *_: object) -> None:
        self._in_loop(self._continued)

    def _continued(self) -> None:
        """The shell may have had the terminal. A stop that no program hears of (SIGSTOP), or none at all, has
        not given it back: two threads would read its keys."""
        if self._auto_restart:
            if self._has_terminal:
                self.suspend_application_mode()
                self._must_signal_resume = True
            self.resume_application_mode()

    def _get_terminal_size(self) -> tuple[int, int]:
        """Of the terminal itself: COLUMNS and LINES, where a shell exports them, do not follow a resize."""
        with suppress(OSError):
            width, height = os.get_terminal_size(self.fileno)
            if width and height:
                return width, height
        return super()._get_terminal_size()

    def disable_input(self) -> None:
        """An answer that is under way must not be typed into the shell that comes next."""
        self._answered.wait(CLOSING_SECONDS)
        with suppress(OSError):
            self._waker.send(b".")
        super().disable_input()

    def process_message(self, message: Message) -> None:
        """Runs in the thread that reads; answers of the terminal end here."""
        if isinstance(message, CursorPosition):
            self._answered.set()
            self._in_loop(self._answer)
        else:
            super().process_message(message)

    def run_input_thread(self) -> None:
        """Textual's own looks ten times a second; this one sleeps until something is typed."""
        parser, answers = XTermParser(self._debug), AnswerFilter()
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.DefaultSelector() as selector, self._sleeper, self._waker:
            for readable in (self.fileno, self._sleeper.fileno()):
                selector.register(readable, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                begun = parser._timeout_time is not None  # noqa: SLF001 - nothing public says so
                patience = _ESCAPE_SECONDS if begun else answers.patience
                ready = [key.fd for key, _ in selector.select(patience)]
                text = ""
                if self.fileno in ready:
                    data = os.read(self.fileno, _AT_ONCE)
                    if not data:
                        raise OSError("the terminal is closed")
                    text = answers.feed(decode(data))
                elif not ready and not begun:
                    text = answers.let_go()
                for event in parser.feed(text) if text else ():
                    self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            self._gone()

    def _emptied(self) -> None:
        self._in_loop(self._written)

    def _written(self) -> None:
        self.taken.set()
        self._maybe_drawn()

    def _gone(self) -> None:
        self._answered.set()
        self._in_loop(self.lost)

    def _in_loop(self, act: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: the program is at its end
            self._loop.call_soon_threadsafe(act, *arguments)

    def _answer(self) -> None:
        """One for each question, in their order."""
        if self._questions:
            self.frames_shown = self._questions.popleft()
        self._shown(True)

    def _no_answer(self) -> None:
        self._answered.set()
        self._shown(self._answers or False)

    def _shown(self, answers: bool) -> None:
        self._answers = answers
        self.told()
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        self._maybe_drawn()

    def _maybe_drawn(self) -> None:
        if not self.behind:
            self.drawn()
