"""What chaos would find: promises that were broken are counted and named."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.system.chaos.chaos_promises import check_promises
from tests.system.chaos.chaos_roles import Acknowledged, acknowledged_file
from tests.system.drill import effects_file, make_home
from tests.system.kills.nursery import open_nursery
from tests.system.terminals.person import person_at

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system


async def test_promises_that_are_broken_are_counted(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    async with open_nursery() as nursery, person_at(home) as person:
        person.acknowledged = Acknowledged(acknowledged_file(home))
        run_id = await person.start("human_approval")
        worker = await nursery.start(home)
        await person.operate(seconds=90)
        assert await worker.drain() == 0
    kept = check_promises(home, ())
    assert (kept.broken, set(kept.tried.values())) == (0, {1})

    made = effects_file(home).read_text()
    effects_file(home).write_text(made * 2)
    with acknowledged_file(home).open("a") as stream:
        stream.write("appr_lost\tAPPROVED\n")
    with closing(sqlite3.connect(home / "data" / "journal.db")) as database, database:
        database.execute("UPDATE runs SET status = 'DEAD_LETTER'")
        database.execute("UPDATE events SET ts = 0 WHERE run_seq = 3")
    broken = check_promises(home, ())
    assert {promise for promise, breaches in broken.breaches.items() if breaches} == {
        "an acknowledged decision is in the journal",
        "a run is the fold of its history",
        "lists and counters say what the events say",
        "an approval lets its step act once",
        "the history of a run goes forward in time",
        "no innocent run is a dead letter",
    }
    assert broken.broken == 6
    assert f"{run_id}/act: 2" in broken.table()
