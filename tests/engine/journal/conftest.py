"""Both journals, one contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.journal.memory.journal import MemoryJournal
from engine.journal.sqlite.journal import SqliteJournal
from tests.engine.empty_journal import lay_journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from engine.journal.port import Journal


@pytest.fixture
async def sqlite_journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    journal = await SqliteJournal.open(lay_journal(tmp_path / "journal.db"), poll_seconds=0.02)
    try:
        yield journal
    finally:
        await journal.close()


@pytest.fixture(params=["memory", "sqlite"])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Journal]:
    opened: Journal
    if request.param == "memory":
        opened = MemoryJournal()
    else:
        opened = await SqliteJournal.open(lay_journal(tmp_path / "journal.db"), poll_seconds=60)
    try:
        yield opened
    finally:
        await opened.close()
