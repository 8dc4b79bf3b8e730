"""The table over a long list: what is read, and where the cursor stays."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ErrorCode, Unavailable
from engine.safe_text import sanitize
from screens.widgets.tables.row_pages import KEPT_PAGES, PAGE, NoRows, RowPages
from screens.widgets.tables.rows import Cell, Row
from tests.screens.drawing.table_bench import MILLION, FakeSource, bench
from tests.screens.stillness import resize, settle

if TYPE_CHECKING:
    from collections.abc import Sequence


async def test_a_million_rows_cost_a_page() -> None:
    async with bench(FakeSource()) as b:
        assert b.lines()[1] == "▌ row 0"
        assert b.lines()[19] == "  row 18"
        assert sum(stop - start for start, stop in b.source.reads) <= 2 * PAGE
        await b.press("G")
        await b.read()
        assert b.lines()[19] == "▌ row 999999"
        assert b.table.cursor_key == "999999"
        await b.press("g")
        await b.read()
        assert b.lines()[1] == "▌ row 0"
        assert sum(stop - start for start, stop in b.source.reads) <= 6 * PAGE


async def test_keys_do_not_wait_for_a_read_and_only_what_is_visible_at_last_is_read() -> None:
    async with bench(FakeSource()) as b:
        b.source.reads.clear()
        b.source.gate.clear()
        for _ in range(50):
            await b.press("ctrl+d")
        assert b.table.cursor_row == 500
        assert b.table.cursor_key == ""
        assert set(b.lines()[1:]) == {"▌ …", "  …"}
        b.source.gate.set()
        await b.read()
        assert b.table.cursor_key == "500"
        await b.until(lambda: b.app.heard[-1] == "500")
        assert len(b.source.reads) == 2


async def test_enter_on_a_row_that_is_not_read_opens_nothing() -> None:
    async with bench(FakeSource()) as b:
        b.source.gate.clear()
        await b.press("G", "enter")
        assert b.table.cursor_key == ""
        b.table.toggle_selected()
        assert b.table.selected == set()
        b.source.gate.set()


async def test_news_leave_the_cursor_on_its_row_and_the_row_at_its_height() -> None:
    async with bench(FakeSource()) as b:
        assert await b.table.move_to("500000")
        await b.press("k", "k", "k")
        await b.read()
        before = b.lines()
        b.source.reads.clear()
        b.source.first -= 37
        b.source.length += 37
        await b.table.reload()
        await settle(b.app)
        assert b.table.cursor_key == "499997"
        assert b.table.cursor_row == 499997 + 37
        assert b.lines() == before
        assert sum(stop - start for start, stop in b.source.reads) <= 3 * PAGE


async def test_a_list_at_its_top_shows_what_comes_on_top() -> None:
    async with bench(FakeSource(length=5)) as b:
        await b.press("j")
        b.source.first, b.source.length = -1, 6
        await b.table.reload()
        await settle(b.app)
        assert b.lines()[1:4] == ["  row -1", "  row 0", "▌ row 1"]


async def test_a_cursor_that_moves_during_a_reload_stays_where_the_keys_put_it() -> None:
    async with bench(FakeSource()) as b:
        await b.table.move_to("1000")
        b.source.gate.clear()
        b.source.first, b.source.length = -10, MILLION + 10
        reload = asyncio.create_task(b.table.reload())
        await b.until(lambda: len(b.source.reads) > 2)
        await b.press("k", "k", "k")
        b.source.gate.set()
        await reload
        await b.read()
        assert b.table.cursor_key == "997"
        assert b.table.cursor_row == 1007


async def test_a_row_that_is_gone_leaves_the_cursor_at_its_place() -> None:
    async with bench(FakeSource(length=100)) as b:
        await b.press("G")
        b.source.length = 10
        await b.table.reload()
        await settle(b.app)
        assert b.table.cursor_key == "9"
        b.source.length = 0
        await b.table.reload()
        assert b.table.cursor_key == ""
        await b.until(lambda: b.app.heard[-1] == "")
        await b.press("j", "k", "enter", "ctrl+u")


async def test_another_list_begins_at_its_top_or_keeps_the_key() -> None:
    async with bench(FakeSource()) as b:
        await b.table.move_to("700")
        other = FakeSource(first=600)
        b.table.set_source(other, keep_key=True)
        assert b.table.cursor_row == 700
        await b.table.reload()
        assert (b.table.cursor_key, b.table.cursor_row) == ("700", 100)
        b.table.set_source(FakeSource(length=30))
        await b.table.reload()
        assert (b.table.cursor_key, b.table.cursor_row, b.table.row_count) == ("0", 0, 30)


async def test_following_stays_on_the_last_row_until_the_cursor_leaves_it() -> None:
    async with bench(FakeSource(length=100), follow=True) as b:
        assert b.table.cursor_key == "99"
        b.source.length = 400
        await b.table.reload()
        await settle(b.app)
        assert b.table.cursor_key == "399"
        assert b.lines()[19] == "▌ row 399"
        await b.press("k")
        before = b.lines()
        b.source.length = 500
        await b.table.reload()
        await settle(b.app)
        assert b.table.cursor_key == "398"
        assert b.lines()[1:] == before[1:]


async def test_a_resize_keeps_the_cursor_in_view() -> None:
    async with bench(FakeSource()) as b:
        await b.table.move_to("5000")
        for height in (8, 60, 20):
            await resize(b.app, 40, height)
            await b.read()
            assert any(line.startswith("▌ row 5000") for line in b.lines())


async def test_a_failed_read_is_told_and_the_next_reload_reads_again() -> None:
    async with bench(FakeSource()) as b:
        b.source.failure = Unavailable(ErrorCode.JOURNAL_LOCKED, "Another process holds the journal.")
        await b.press("G")
        await b.until(lambda: b.app.failures)
        b.source.failure = None
        await b.table.reload()
        await b.read()
        assert b.lines()[19] == "▌ row 999999"


async def test_marks_stay_on_their_keys() -> None:
    async with bench(FakeSource()) as b:
        b.table.toggle_selected()
        b.table.toggle_selected()
        assert b.table.selected == {"0", "1"}
        b.source.first, b.source.length = -1, MILLION + 1
        await b.table.reload()
        await settle(b.app)
        assert b.lines()[1:5] == ["  row -1", " *row 0", " *row 1", "▌ row 2"]
        b.table.select_rows(set())
        await settle(b.app)
        assert b.lines()[2] == "  row 0"


@dataclass
class FakeChangingSource(FakeSource):
    """Any keys in any order; the gate lets other tasks run in the middle of a read."""

    keys: list[str] = field(default_factory=list)

    async def count(self) -> int:
        await asyncio.sleep(0)
        return len(self.keys)

    async def rows(self, start: int, stop: int) -> Sequence[Row]:
        await asyncio.sleep(0)
        return [Row(key, (Cell(sanitize(f"row {key}")),)) for key in self.keys[start:stop]]

    async def position(self, key: str) -> int | None:
        await asyncio.sleep(0)
        return self.keys.index(key) if key in self.keys else None


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_happens_the_screen_shows_the_list_as_it_is(seed: int) -> None:
    chance = random.Random(seed)
    source = FakeChangingSource(keys=[str(number) for number in range(500)])
    async with bench(source) as b:
        for step in range(30):
            key, held = b.table.cursor_key, list(source.keys)
            match chance.randrange(4):
                case 0:
                    place = chance.choice((0, 0, chance.randint(0, len(held))))
                    source.keys[place:place] = [
                        f"n{step}.{number}" for number in range(chance.randint(1, 90))
                    ]
                case 1 if len(held) > 20:
                    place = chance.randrange(len(held))
                    del source.keys[place : place + chance.randint(1, 60)]
                case 2:
                    b.table.go_to(chance.randrange(len(held) + 1))
                    await b.read()
                    key = b.table.cursor_key
                case _:
                    await resize(b.app, 40, chance.randint(6, 40))
            await b.table.reload()
            await b.read()
            await settle(b.app)
            if key in source.keys:
                assert b.table.cursor_key == key
                assert any(line.startswith(f"▌ row {key}") for line in b.lines())
            top = b.table.scroll_offset.y
            shown = [row.key for row in b.table.visible_rows]
            assert shown == source.keys[top : top + b.table.size.height - 1]
            assert [line[2:] for line in b.lines()[1 : len(shown) + 1]] == [f"row {key}" for key in shown]


@given(st.lists(st.tuples(st.integers(0, MILLION), st.integers(1, 300)), min_size=1, max_size=60))
def test_pages_know_what_was_read_and_stay_few(spans: list[tuple[int, int]]) -> None:
    pages = RowPages(NoRows(), MILLION)
    for start, length in spans:
        stop = min(MILLION, start + length)
        places = pages.missing(start, stop)
        rows = [Row(str(place), ()) for place in places if place < MILLION]
        pages.keep(places, rows)
        shown = [pages.row(place) for place in range(start, stop)]
        assert [row.key if row else None for row in shown] == [str(place) for place in range(start, stop)]
        assert not pages.missing(start, stop)
        assert len(pages._pages) <= KEPT_PAGES
