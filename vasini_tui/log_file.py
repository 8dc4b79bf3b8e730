"""The program's log file: everything the screen must not show, with the secrets masked."""

from __future__ import annotations

import fcntl
import logging
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import VasiniError
from vasini_tui.settings.places import make_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import TextIOWrapper

    from vasini_tui.settings.loading import LoadedSettings
    from vasini_tui.settings.places import Places

_KEPT = 3
"""Full files that are kept beside the one that is written."""
_MASK = "***"
_FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"


class MaskingFormatter(logging.Formatter):
    """Masks what must not be at rest, in messages and tracebacks alike."""

    def __init__(self, secrets: tuple[str, ...], patterns: tuple[str, ...]) -> None:
        super().__init__(_FORMAT)
        self._patterns = patterns
        self._secrets = frozenset[str]()
        self.mask(secrets)

    def mask(self, secrets: Iterable[str]) -> None:
        """These, too, from now on; those before may still be in use."""
        self._secrets |= frozenset(filter(None, secrets))
        # Longest first: a secret that contains another one is masked as a whole.
        known = map(re.escape, sorted(self._secrets, key=len, reverse=True))
        self._masked = [re.compile(pattern) for pattern in (*known, *self._patterns)]

    def format(self, record: logging.LogRecord) -> str:
        """The record as one text."""
        text = super().format(record)
        for pattern in self._masked:
            text = pattern.sub(_MASK, text)
        return text


class LogFile(logging.FileHandler):
    """Makes its file with the first line. A log that cannot be written never reaches the screen.

    A file of `max_bytes` becomes `vasini.log.1`, and so on up to `.3`. All processes write the same file:
    one renames it under a lock of its own, the others notice that theirs is not the one of that name.
    """

    def __init__(self, places: Places, max_bytes: int) -> None:
        super().__init__(places.log_file, encoding="utf-8", delay=True)
        self._places = places
        self._max_bytes = max_bytes

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or drop it."""
        with suppress(OSError, VasiniError):
            if self.stream is None:
                self.stream = self._open()
            written = os.fstat(self.stream.fileno())
            if written.st_size >= self._max_bytes:
                with suppress(OSError):  # the file grows on where it cannot be renamed
                    self._turn_over(self.stream, written)
            if not self._is_the_file(written):
                self.stream.close()
                self.stream = self._open()
            super().emit(record)

    def _turn_over(self, stream: TextIOWrapper, written: os.stat_result) -> None:
        """Rename this full file and those before it. Nobody waits for another process that is at it."""
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            if self._is_the_file(written):
                for number in range(_KEPT - 1, 0, -1):
                    with suppress(FileNotFoundError):
                        Path(f"{self.baseFilename}.{number}").rename(f"{self.baseFilename}.{number + 1}")
                Path(self.baseFilename).rename(f"{self.baseFilename}.1")
        finally:
            fcntl.flock(stream, fcntl.LOCK_UN)

    def _is_the_file(self, written: os.stat_result) -> bool:
        try:
            found = Path(self.baseFilename).stat()
        except FileNotFoundError:
            return False
        return (found.st_dev, found.st_ino) == (written.st_dev, written.st_ino)

    def _open(self) -> TextIOWrapper:
        make_places(self._places)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name is logging's
        """Drop the line: the library's own way prints a traceback over the console."""


def mask_in_log(secrets: Iterable[str]) -> None:
    """Secrets that came into use while the log is written."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, MaskingFormatter):
            handler.formatter.mask(secrets)


@contextmanager
def logging_to_file(loaded: LoadedSettings) -> Iterator[None]:
    """Send all logging to the log file, and none of it to the screen or to a log file in use before."""
    logs = loaded.values.logging
    patterns = logs.redact_patterns if logs.redact else ()
    root = logging.getLogger()
    handler = LogFile(loaded.places, logs.max_bytes)
    handler.setFormatter(MaskingFormatter(loaded.secret_values(), patterns))
    level_before = root.level
    outer = [other for other in root.handlers if isinstance(other, LogFile)]
    for other in outer:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logs.level)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level_before)
        handler.close()
        for other in outer:
            root.addHandler(other)
