"""A home that a group may write to: what one of its people makes there the others may write, too."""

from __future__ import annotations

import asyncio
import os
import stat
from typing import TYPE_CHECKING

import pytest

from engine.runtime.files.call_outputs import CallOutputs
from engine.safe_files.sharing import make_directory
from tests.engine.runtime.embedded_home import finished, tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.engine.runtime.embedded_home import Home


@pytest.fixture
def _umask() -> Iterator[None]:
    before = os.umask(0o007)
    yield
    os.umask(before)


def modes(*places: Path) -> dict[str, str]:
    """Of all below the places."""
    return {
        path.name: stat.filemode(path.stat().st_mode)[:7]
        for place in places
        for path in (place, *place.rglob("*"))
        if not path.is_symlink()
    }


@pytest.mark.usefixtures("_umask")
@pytest.mark.parametrize(
    ("home_mode", "file", "directory"), [(0o770, "-rw-rw-", "drwxrwx"), (0o700, "-rw----", "drwx---")]
)
async def test_what_an_engine_makes_is_for_the_group_where_its_home_is(
    home: Home, home_mode: int, file: str, directory: str
) -> None:
    home.root.chmod(home_mode)
    data, runs = home.root / "data", home.root / "runs"
    data.mkdir(home_mode)
    home.flow("main", tool("say", params={"text": "x"}))
    async with home.working() as engine:
        run = await finished(engine, "main")
        assert await asyncio.to_thread(CallOutputs(runs).append, "demo", run.run_id, b"{}\n")
        found = await asyncio.to_thread(modes, data, runs)
    made = {"journal.db", "journal.db-wal", "workers", "demo", run.run_id, "response.json", "output.jsonl"}
    assert made <= found.keys(), found.keys()
    shared = {
        "journal.db",
        "journal.db-wal",
        "journal.db-shm",
        "journal.db-turn",
        "journal.db-write",
        "calls.lock",
    }
    private = found if home_mode & 0o070 else {name: found[name] for name in found.keys() - shared}
    assert set(private.values()) == {file, directory}


@pytest.mark.usefixtures("_umask")
@pytest.mark.parametrize(("around", "made"), [(0o770, 0o770), (0o1777, 0o700), (0o755, 0o700)])
def test_where_everybody_may_write_nothing_is_for_the_group(tmp_path: Path, around: int, made: int) -> None:
    tmp_path.chmod(around)
    make_directory(tmp_path / "home")
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == made
