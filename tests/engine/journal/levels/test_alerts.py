"""Alerts of service levels begin and end once, by both journals alike."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.journal.changes import ChangeSet
from engine.journal.rules.levels.alerts import AlertLook, NewAlert
from engine.journal.sqlite.journal import SqliteJournal
from tests.engine.journal.run_script import NOW

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.journal.port import Journal

PAGE = NewAlert("page", "docs: page", "3 of 9 runs failed")
TICKET = NewAlert("ticket", "docs: ticket", "3 of 9 runs failed")


def look(
    *begun: NewAlert,
    seen: Iterable[int] = (),
    ended: Iterable[int] = (),
    now: int = NOW,
    tenant: str = "default",
) -> AlertLook:
    return AlertLook(tenant, "docs", frozenset(seen), begun, frozenset(ended), now)


async def kinds(journal: Journal, tenant: str = "default") -> list[tuple[str, int, int | None]]:
    rows = await journal.levels.newest_alerts(tenant, "docs", 10)
    return [(row["kind"], row["began"], row["ended"]) for row in rows]


async def test_an_alert_begins_and_ends(journal: Journal) -> None:
    assert await journal.levels.last_alert() == 0
    assert await journal.note_alerts(look(PAGE, TICKET))
    assert [row["alert"] for row in await journal.levels.standing_alerts()] == [1, 2]
    assert await journal.note_alerts(look(seen={1, 2}, ended={1}, now=NOW + 5))
    assert await kinds(journal) == [("ticket", NOW, None), ("page", NOW, NOW + 5)]
    assert [row["kind"] for row in await journal.levels.standing_alerts()] == ["ticket"]
    (end,) = await journal.levels.alerts_after(2, 10)
    assert end == {
        "alert": 3,
        "ts": NOW + 5,
        "began": NOW,
        "ends": 1,
        "tenant": "default",
        "pack": "docs",
        "kind": "page",
        "title": "docs: page",
        "told": "3 of 9 runs failed",
        "quiet": 0,
    }
    assert await journal.levels.last_alert() == 3
    assert [row["alert"] for row in await journal.levels.alerts_after(0, 2)] == [1, 2]


async def test_who_saw_other_alerts_than_stand_records_nothing(journal: Journal) -> None:
    assert await journal.note_alerts(look(PAGE))
    assert not await journal.note_alerts(look(PAGE))
    assert await journal.note_alerts(look(seen={1}, ended={1}, now=NOW + 1))
    assert not await journal.note_alerts(look(seen={1}, ended={1}, now=NOW + 2))
    assert await kinds(journal) == [("page", NOW, NOW + 1)]


async def test_each_tenant_has_its_own(journal: Journal) -> None:
    assert await journal.note_alerts(look(PAGE))
    assert await journal.note_alerts(look(TICKET, tenant="acme"))
    assert await kinds(journal, "acme") == [("ticket", NOW, None)]


async def test_a_clock_that_was_set_back_ends_none_before_it_began(journal: Journal) -> None:
    assert await journal.note_alerts(look(PAGE))
    assert await journal.note_alerts(look(seen={1}, ended={1}, now=NOW - 9))
    assert await kinds(journal) == [("page", NOW, NOW)]


async def test_listeners_hear_of_what_was_recorded_and_of_nothing_else(journal: Journal) -> None:
    heard: list[ChangeSet] = []
    journal.on_change(heard.append)
    await journal.note_alerts(look(PAGE))
    await journal.note_alerts(look(PAGE))
    assert [change.alerts for change in heard if change != ChangeSet()] == [True]


async def test_of_two_programs_on_one_file_one_records(tmp_path: Path) -> None:
    one, other = [await SqliteJournal.open(tmp_path / "journal.db") for _ in range(2)]
    try:
        looks = (journal.note_alerts(look(PAGE)) for journal in (one, other))
        assert sorted(await asyncio.gather(*looks)) == [False, True]
        assert await kinds(other) == [("page", NOW, None)]
    finally:
        await one.close()
        await other.close()


async def test_alerts_that_ended_before_a_moment_are_removed_and_those_that_stand_stay(
    journal: Journal,
) -> None:
    await journal.note_alerts(look(PAGE, TICKET))
    await journal.note_alerts(look(PAGE, tenant="acme"))
    await journal.note_alerts(look(seen={1, 2}, ended={1}, now=NOW + 5))
    await journal.note_alerts(look(seen={3}, ended={3}, now=NOW + 5, tenant="acme"))
    assert await journal.upkeep.old_alerts(NOW + 5, None) == 0
    assert await journal.upkeep.old_alerts(NOW + 6, None) == 2
    assert await journal.upkeep.drop_alerts(NOW + 6, "default") == 1
    assert await kinds(journal) == [("ticket", NOW, None)]
    assert await kinds(journal, "acme") == [("page", NOW, NOW + 5)]
    assert await journal.upkeep.drop_alerts(NOW + 6, None) == 1
    assert await kinds(journal, "acme") == []
    before = await journal.levels.last_alert()
    await journal.note_alerts(look(PAGE, seen={2}))
    (row,) = await journal.levels.alerts_after(before, 10)
    assert row["alert"] == 6, "no number is given twice: who reads news knows where it stands"
