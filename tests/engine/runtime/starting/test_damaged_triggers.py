"""A trigger whose notes in the journal are damaged starts nothing, says so, and holds up no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engine.runtime.embedded_home import ANN, Home
from tests.engine.runtime.fake_clock import FakeClock
from tests.engine.runtime.starting.test_triggers import (
    DAY,
    EVERY_DAY,
    WORK,
    count_is,
    job,
    looked_again,
    noted,
)

if TYPE_CHECKING:
    from engine.journal.sqlite.journal import SqliteJournal


async def test_a_trigger_whose_notes_are_damaged_keeps_no_other_from_its_moment(
    home: Home, journal: SqliteJournal
) -> None:
    home.round_seconds = 0.02
    job(home, EVERY_DAY)
    home.flow("later", WORK, triggers=[{**EVERY_DAY, "id": "later"}])
    await journal.shared_notes.note("demo/job/daily", '{"definition"', 0)
    clock = FakeClock()
    async with home.working(journal=journal, clock=clock) as engine:
        before = await noted(journal, "demo/later/later")
        clock.set_by(DAY)
        await looked_again(journal, before, "demo/later/later")
        await count_is(engine, 1)
        daily, _ = (await engine.packs.triggers(limit=1)).triggers
        assert "damaged" in (daily.off or "")
        daily = await engine.packs.switch_trigger("daily", on=True, actor=ANN)
        assert daily.off is None
