"""A journal with nothing in it: made once in a process and copied, for making one waits for the disk.

Tests of how a journal is made, opened or brought forward have none laid for them.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.journal.sqlite.file.connection import open_writer
from tests.engine.in_memory import in_memory


def lay_journal(path: Path) -> Path:
    """Put one there; the path."""
    path.write_bytes(_empty())
    return path


@cache
def _empty() -> bytes:
    with ThreadPoolExecutor() as beside:  # the engine must not block the loop of the test that asks first
        return beside.submit(_made).result()


def _made() -> bytes:
    with TemporaryDirectory(dir=in_memory()) as place:
        path = Path(place, "journal.db")
        open_writer(path).close()
        return path.read_bytes()
