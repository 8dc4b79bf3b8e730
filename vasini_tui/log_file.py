"""The program's log file: everything the screen must not show, with the secrets masked."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from engine.errors import VasiniError
from vasini_tui.settings.places import make_places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper

    from vasini_tui.settings.loading import LoadedSettings
    from vasini_tui.settings.places import Places

_MASK = "***"
_FORMAT = "%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"


class MaskingFormatter(logging.Formatter):
    """Masks what must not be at rest, in messages and tracebacks alike."""

    def __init__(self, secrets: tuple[str, ...], patterns: tuple[str, ...]) -> None:
        super().__init__(_FORMAT)
        # Longest first: a secret that contains another one is masked as a whole.
        known = [re.escape(secret) for secret in sorted(secrets, key=len, reverse=True) if secret]
        self._masked = [re.compile(pattern) for pattern in (*known, *patterns)]

    def format(self, record: logging.LogRecord) -> str:
        """The record as one text."""
        text = super().format(record)
        for pattern in self._masked:
            text = pattern.sub(_MASK, text)
        return text


class LogFile(logging.FileHandler):
    """Makes its file with the first line. A log that cannot be written never reaches the screen."""

    def __init__(self, places: Places) -> None:
        super().__init__(places.log_file, encoding="utf-8", delay=True)
        self._places = places

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or drop it."""
        with suppress(OSError, VasiniError):
            super().emit(record)

    def _open(self) -> TextIOWrapper:
        make_places(self._places)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name is logging's
        """Drop the line: the library's own way prints a traceback over the console."""


@contextmanager
def logging_to_file(loaded: LoadedSettings) -> Iterator[None]:
    """Send all logging to the log file, and none of it to the screen or to a log file in use before."""
    logs = loaded.values.logging
    patterns = logs.redact_patterns if logs.redact else ()
    root = logging.getLogger()
    handler = LogFile(loaded.places)
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
