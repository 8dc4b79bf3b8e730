"""Sums of very many packs are those of their buckets, in both journals; and which packs changed is known."""

from __future__ import annotations

import random
import sqlite3
from typing import TYPE_CHECKING

from engine.journal.memory.journal import MemoryJournal
from engine.journal.rules.levels.level_reads import LevelSpan
from engine.journal.sqlite.file.connection import migrate
from engine.journal.sqlite.journal import SqliteJournal
from engine.slo.buckets import DAY, LENGTHS, Bucket, start_of
from engine.slo.drift import cut_of
from engine.slo.sums import SumsAsked, sums_of
from tests.engine.journal.run_script import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from engine.journal.port import Journal
    from engine.journal.rules.store import Store

ASKED = SumsAsked(start_of(NOW - 30 * DAY), NOW, cut_of(NOW), NOW - 3 * DAY)
EVERY = LevelSpan(("", ""), ("~", "~"))
PACKS = ("docs", "other")
Counted = dict[tuple[str, str], list[Bucket]]


def some_buckets(chance: random.Random) -> list[Bucket]:
    """What a pack may have: few or many runs, now and long ago, and some that a wrong clock wrote."""
    starts = {start_of(NOW - chance.randrange(-2, 40) * DAY, width): width for width in LENGTHS * 4}
    return [
        Bucket(
            start,
            width,
            good=chance.randrange(30),
            bad=chance.choice((0, 0, 3)),
            flagged=chance.randrange(2),
            doubtful=chance.randrange(3),
            cost=chance.choice((0, 2**62)),
            priced=chance.randrange(30),
            tokens=chance.randrange(10**6),
            metered=chance.randrange(30),
            times={number: chance.randrange(1, 9) for number in chance.sample(range(900), 3)},
            waits=dict.fromkeys(chance.sample(range(900), chance.randrange(2)), 1),
        )
        for start, width in sorted(starts.items())
    ]


async def put(journal: Journal, counted: Counted) -> None:
    assert isinstance(journal, MemoryJournal | SqliteJournal)

    def write(store: Store) -> None:
        for place, buckets in counted.items():
            for bucket in buckets:
                store.put_level(*place, bucket)

    await journal.write(write)


def some_packs() -> Counted:
    chance = random.Random(7)
    return {(f"t{number:02}", pack): some_buckets(chance) for number in range(20) for pack in PACKS}


async def test_sums_are_those_of_the_buckets(journal: Journal) -> None:
    counted = some_packs()
    await put(journal, counted)
    whole = [sums_of(*place, buckets, ASKED) for place, buckets in counted.items()]
    found = await journal.levels.sums(EVERY, ASKED)
    assert list(found) == [sums for sums in whole if sums is not None]
    assert any(sums.sides is not None for sums in found)
    assert any(sums.recent_bad for sums in found)


async def test_a_span_is_from_one_pack_to_another_and_of_some_packs_only(journal: Journal) -> None:
    await put(journal, some_packs())
    span = LevelSpan(("t03", "other"), ("t05", "docs"))
    found = await journal.levels.sums(span, ASKED)
    assert [(sums.tenant, sums.pack) for sums in found] == [
        ("t03", "other"),
        ("t04", "docs"),
        ("t04", "other"),
        ("t05", "docs"),
    ]
    only = await journal.levels.sums(span._replace(packs=frozenset({"docs"})), ASKED)
    assert [sums.tenant for sums in only] == ["t04", "t05"]


async def test_runs_of_the_last_days_are_read_of_the_packs_that_are_named(journal: Journal) -> None:
    counted = some_packs()
    await put(journal, counted)
    place = ("t02", "docs")
    found = await journal.levels.recent([place, ("nobody", "docs")], ASKED.recent, NOW)
    late = [one for one in counted[place] if one.end > ASKED.recent and one.start <= NOW]
    assert found == (
        {place: [Bucket(one.start, one.width, one.good, one.bad) for one in late]} if late else {}
    )


async def test_packs_that_changed_after_a_mark_are_known(journal: Journal) -> None:
    assert list(await journal.levels.changed(-1, None)) == []
    await put(journal, some_packs())
    every = await journal.levels.changed(-1, None)
    assert [(one.tenant, one.pack) for one in every] == sorted(some_packs())
    last = max(one.mark for one in every)
    assert list(await journal.levels.changed(last, None)) == []
    await put(journal, {("t01", "docs"): [Bucket(start_of(NOW), good=1)], ("new", "docs"): [Bucket(0)]})
    after = await journal.levels.changed(last, None)
    assert [(one.tenant, one.pack) for one in after] == [("new", "docs"), ("t01", "docs")]
    assert [one.tenant for one in await journal.levels.changed(last, "t01")] == ["t01"]


def test_what_an_earlier_version_counted_is_known_as_changed(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path, to=26)
    columns = "tenant, pack, start, width, good, bad, excluded, asked, expired, codes, times, waits"
    for start in (0, 1):
        connection.execute(
            f"INSERT INTO levels ({columns}) VALUES ('t', 'docs', ?, 1, 1, 0, 0, 0, 0, '{{}}', x'', x'')",
            (start,),
        )
    migrate(connection, path)
    assert connection.execute("SELECT * FROM level_marks").fetchall() == [("t", "docs", 0)]
    connection.close()
