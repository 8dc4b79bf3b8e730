"""A home with fake tools, and a guard that fails a test when the engine blocks the event loop."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
import ulid  # noqa: F401 - read once in a process; loading it reads package metadata
from blockbuster import BlockBuster

from engine.journal.memory.journal import MemoryJournal
from engine.journal.sqlite.journal import SqliteJournal
from tests.engine.runtime.embedded_home import Home

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from engine.journal.port import Journal


@pytest.fixture(autouse=True)
def _no_blocking_calls() -> Iterator[None]:
    guard = _guard()
    guard.activate()
    try:
        yield
    finally:
        guard.deactivate()


@cache
def _guard() -> BlockBuster:
    guard = BlockBuster("engine")
    for write in ("io.TextIOWrapper.write", "io.BufferedWriter.write"):
        # a colleague of the test, called by the engine
        guard.functions[write].can_block_in("test_bound_calls.py", {"reach"})
    # starting a process waits for its exec, as asyncio's own way does
    guard.functions["os.read"].can_block_in("process_group.py", {"run"})
    return guard


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
async def journal(home: Home) -> AsyncIterator[SqliteJournal]:
    """The home's journal, for an engine whose journal a test looks into."""
    opened = await SqliteJournal.open(home.config().journal_path, poll_seconds=0.05)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture(params=["sqlite", "memory"])
async def each_journal(request: pytest.FixtureRequest, home: Home) -> AsyncIterator[Journal]:
    """Either journal."""
    opened: Journal = (
        MemoryJournal()
        if request.param == "memory"
        else await SqliteJournal.open(home.config().journal_path, poll_seconds=0.05)
    )
    try:
        yield opened
    finally:
        await opened.close()
