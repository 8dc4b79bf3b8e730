"""What can be learned of the journal and of packs by opening an engine on them."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ErrorCode, Unavailable, VasiniError
from engine.journal.sqlite.file.check import find_damage
from engine.journal.sqlite.file.connection import open_anywhere
from engine.threads import run_stoppable
from vasini_tui.wiring import OpenEngine, engine_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vasini_tui.settings.loading import LoadedSettings


@dataclass(slots=True)
class OpenedEngine:
    """What could be learned by opening an engine."""

    journal: dict[str, Any]
    packs: tuple[Mapping[str, Any], ...] = ()
    errors: list[VasiniError] = field(default_factory=list)


async def open_and_look(loaded: LoadedSettings, opener: OpenEngine, *, deep: bool) -> OpenedEngine:
    """Open an engine on the journal, else on a throw-away one. What is wrong is in the result."""
    file = loaded.places.journal_file
    seen = OpenedEngine({"state": "missing", "path": str(file)})
    try:
        if _is_there(file):
            seen.journal["state"] = "ok"
            seen.journal |= await asyncio.to_thread(_journal_file, file)
            await _read_engine(loaded, opener, seen)
            await _check_journal(file, seen, deep=deep)
            return seen
    except VasiniError as error:
        seen.journal["state"] = error.code.removeprefix("journal_")
        seen.errors.append(error)
    await _packs_without_journal(loaded, opener, seen)
    return seen


async def _check_journal(file: Path, seen: OpenedEngine, *, deep: bool) -> None:
    """What is damaged inside a journal that can be opened."""
    try:
        damages = await run_stoppable(lambda stop: find_damage(file, deep=deep, check=stop.check))
    except VasiniError as error:
        damages = []
        seen.errors.append(error)
    seen.journal["checked"] = "all of it" if deep else "pages, waiting mail and runs that are not over"
    if not os.access(file, os.W_OK):
        seen.journal["state"] = "read_only"
        seen.errors.append(Unavailable(ErrorCode.READ_ONLY, f"{file} can be read and not written"))
    for damage in damages:
        seen.journal["state"] = "corrupt"
        details = {"path": str(file), "run_id": damage.run_id}
        seen.errors.append(Unavailable(ErrorCode.JOURNAL_CORRUPT, f"{file}: {damage.message}", details))


async def _read_engine(loaded: LoadedSettings, opener: OpenEngine, seen: OpenedEngine) -> None:
    async with opener(engine_config(loaded)) as engine:
        counts = await engine.runs.counts()
        seen.journal["runs"] = {status.value: number for status, number in counts.runs.items()}
        seen.journal["approvals_pending"] = counts.approvals_pending
        seen.journal["forms_pending"] = counts.forms_pending
        seen.journal["workers"] = [
            {
                "worker_id": worker.worker_id,
                "host": worker.host,
                "pid": worker.pid,
                "alive": worker.alive,
                "runs_held": worker.runs_held,
                "resting_models": {one.name: round(one.seconds) for one in worker.resting},
            }
            for worker in await engine.workers()
        ]
        seen.packs = tuple(
            {
                "pack": pack.pack,
                "version": pack.version,
                "source": pack.source,
                "flows": len(pack.flows),
                "problems": len(pack.problems),
            }
            for pack in await engine.packs.list()
        )


async def _packs_without_journal(loaded: LoadedSettings, opener: OpenEngine, seen: OpenedEngine) -> None:
    """Packs can be told even without a usable journal: an engine on a throw-away one loads them."""
    aside = OpenedEngine({})
    try:
        with tempfile.TemporaryDirectory(prefix="vasini-doctor-") as name:
            directory = Path(name)
            config = replace(
                engine_config(loaded),
                data_dir=directory / "data",
                runs_dir=directory / "runs",
                cache_dir=directory / "cache",
            )
            for made in (config.data_dir, config.runs_dir, config.cache_dir):
                made.mkdir()
            await _read_engine(loaded, lambda _: opener(config), aside)
    except VasiniError as error:
        seen.errors.append(error)
    except OSError as error:
        message = (
            f"packs cannot be looked at: no temporary folder: {error.strerror}; free or name one by TMPDIR"
        )
        seen.errors.append(Unavailable(ErrorCode.ENGINE_STOPPED, message))
    seen.packs = aside.packs


def _journal_file(file: Path) -> dict[str, Any]:
    """Sizes and schema version, without locking or changing anything."""
    wal = file.with_name(f"{file.name}-wal")
    facts: dict[str, Any] = {
        "bytes": file.stat().st_size,
        "wal_bytes": wal.stat().st_size if wal.exists() else 0,
        "schema_version": None,
    }
    try:
        with closing(open_anywhere(file)) as connection:
            (facts["schema_version"],) = connection.execute("PRAGMA user_version").fetchone()
    except (sqlite3.Error, VasiniError):
        # Opening the engine says what is wrong with it, in words.
        return facts
    return facts


def _is_there(file: Path) -> bool:
    """Whether there is a journal. Raises Unavailable where none can be looked for, or made."""
    try:
        if file.exists():
            return True
        nearest = next(place for place in file.parents if place.exists())
        if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
            return False
    except OSError as error:  # as of a folder of another account
        message = f"the journal {file} cannot be looked for: {error.strerror}; choose another VASINI_HOME"
        raise Unavailable(ErrorCode.JOURNAL_UNAVAILABLE, message) from error
    message = f"the journal {file} cannot be made there; choose another VASINI_HOME"
    raise Unavailable(ErrorCode.READ_ONLY, message)
