"""What both journals keep about packs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, Refused
from engine.journal.rules.publishing import GoodPack, PublishedPack, TrustedCode

if TYPE_CHECKING:
    from engine.journal.changes import ChangeSet
    from engine.journal.port import Journal

NOW = 100
GOOD = GoodPack("/packs/demo", "demo", "d1", 10)
VERSION = PublishedPack("demo", "1.0.0", "d1", 10, "ann", "Somebody", None, None, "none", None, None)


async def good(journal: Journal) -> GoodPack:
    (found,) = await journal.packs.good()
    return found


async def test_the_last_good_content_of_a_directory_is_kept_with_the_one_before(journal: Journal) -> None:
    await journal.packs.keep_good([(GOOD, "one")], NOW)
    assert await good(journal) == GOOD
    await journal.packs.keep_good([(replace(GOOD, digest="d2", read_at=20), "two")], NOW)
    assert await good(journal) == replace(GOOD, digest="d2", read_at=20, before="d1")
    assert (await journal.content("d1"), await journal.content("d2")) == ("one", "two")


async def test_an_earlier_reading_never_replaces_a_later_one(journal: Journal) -> None:
    await journal.packs.keep_good([(replace(GOOD, digest="d2", read_at=20), "two")], NOW)
    await journal.packs.keep_good([(GOOD, "one")], NOW)
    assert (await good(journal)).digest == "d2"


async def test_a_reading_from_before_the_clock_was_set_back_is_an_earlier_one(journal: Journal) -> None:
    await journal.packs.keep_good([(replace(GOOD, digest="d2", read_at=NOW + 10), "two")], NOW + 10)
    await journal.packs.keep_good([(replace(GOOD, digest="d3", read_at=NOW), "three")], NOW)
    assert (await good(journal)).digest == "d3"


async def test_the_same_content_again_keeps_what_was_before_it(journal: Journal) -> None:
    await journal.packs.keep_good([(GOOD, "one")], NOW)
    await journal.packs.keep_good([(replace(GOOD, digest="d2", read_at=20), "two")], NOW)
    await journal.packs.keep_good([(replace(GOOD, digest="d2", read_at=30), "two")], NOW)
    assert await good(journal) == replace(GOOD, digest="d2", read_at=30, before="d1")


async def test_another_pack_in_the_directory_has_nothing_before_it(journal: Journal) -> None:
    await journal.packs.keep_good([(GOOD, "one")], NOW)
    await journal.packs.keep_good([(GoodPack("/packs/demo", "other", "d3", 20), "three")], NOW)
    assert (await good(journal)).before is None


async def test_a_published_version_never_changes(journal: Journal) -> None:
    assert await journal.packs.publish(VERSION, "one") == VERSION
    again = replace(VERSION, published_at=99, published_by="bob")
    assert await journal.packs.publish(again, "one") == VERSION
    with pytest.raises(Refused) as refused:
        await journal.packs.publish(replace(VERSION, digest="d2"), "two")
    assert refused.value.code is ErrorCode.VERSION_CONFLICT
    assert await journal.packs.versions("demo") == [VERSION]
    assert await journal.packs.versions("other") == []
    assert await journal.packs.published() == {("demo", "1.0.0"): "d1"}
    assert await journal.content("d1") == "one"


async def test_trust_names_who_gave_it_first(journal: Journal) -> None:
    await journal.packs.trust(TrustedCode("demo", "c1", 10, "ann"))
    await journal.packs.trust(TrustedCode("demo", "c1", 20, "bob"))
    assert await journal.packs.trusted() == [TrustedCode("demo", "c1", 10, "ann")]


async def test_publishing_and_trusting_are_news_and_counted(journal: Journal) -> None:
    told: list[ChangeSet] = []
    journal.on_change(told.append)
    before = await journal.packs.written()
    await journal.packs.publish(VERSION, "one")
    await journal.packs.trust(TrustedCode("demo", "c1", 10, "ann"))
    await journal.packs.keep_good([(GOOD, "one")], NOW)
    assert await journal.packs.written() == before + 2
    assert [change.packs for change in told if not change.foreign] == [True, True]
