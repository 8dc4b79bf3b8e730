"""Triggers over several worker processes: each start is made once."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.contracts.runs.listed import RunFilter
from engine.runtime.embedded.engine import open_engine
from tests.engine.runtime.embedded_home import until
from tests.engine.runtime.fake_clock import FakeClock
from tests.system.drill import config, make_home, registry
from tests.system.kills.nursery import open_nursery
from tests.system.terminals.person import person_at

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine

pytestmark = pytest.mark.system

_FLOW = """\
id: triggered
triggers:
  - {{id: minutely, type: cron, schedule: "* * * * *", overlap: start}}
  - {{id: arriving, type: watch, path: "{inbox}/*", overlap: start}}
steps:
  - {{id: mark, type: tool, tool: drill.mark, params: {{label: mark}}}}
"""
FILES = 5


async def test_of_two_workers_one_makes_each_start(memory_path: Path) -> None:
    home, inbox = make_home(memory_path / "home"), memory_path / "inbox"
    inbox.mkdir()
    (home / "packs" / "drill" / "flows" / "triggered.yaml").write_text(_FLOW.format(inbox=inbox))
    # a worker of an hour ago has seen the triggers first: a moment has come since, whenever the test runs
    past = FakeClock()
    past.set_by(-3600)
    async with open_engine(config(home), registry=registry(home), clock=past) as engine, engine.work():
        await until(lambda: _seen(home))
        assert (await engine.packs.triggers()).starts
    for number in range(FILES):
        (inbox / f"{number}.txt").write_text("x")
    async with open_nursery() as nursery, person_at(home) as person:
        workers = [await nursery.start(home), await nursery.start(home)]

        async def all_started() -> bool:
            return await _started(person.engine, "arriving") == FILES

        await until(all_started)
        assert [await worker.drain() for worker in workers] == [0, 0]
        assert await _started(person.engine, "arriving") == FILES
        minutes = [run.created_at for run in (await person.engine.runs.list()).items]
        # one start makes up for the hour; more come only as minutes pass
        passed = (max(minutes) - min(minutes)).total_seconds() // 60 + 2
        assert 1 <= await _started(person.engine, "minutely") <= passed


async def _started(engine: Engine, trigger: str) -> int:
    return await engine.runs.count(RunFilter(requested_by=f"trigger {trigger}"))


async def _seen(home: Path) -> bool:
    """Whether both triggers have been looked at."""

    def count() -> int:
        with closing(sqlite3.connect(f"file:{home / 'data' / 'journal.db'}?mode=ro", uri=True)) as database:
            return int(
                database.execute(
                    "SELECT count(*) FROM triggers WHERE trigger_name LIKE 'drill/%'"
                ).fetchone()[0]
            )

    return await asyncio.to_thread(count) == 2
