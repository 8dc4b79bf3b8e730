"""What of a table over a long list is drawn again, and what is not."""

from __future__ import annotations

from engine.safe_text import sanitize
from screens.widgets.tables.rows import Cell, Row
from tests.screens.drawing.table_bench import FakeSource, bench
from tests.screens.stillness import settle


async def test_only_lines_that_changed_are_drawn() -> None:
    async with bench(FakeSource(length=10)) as b:
        b.table.drawn.clear()
        await b.table.reload()
        await settle(b.app)
        assert b.table.drawn == []
        b.table.rewrite(lambda row: Row(row.key, (Cell(sanitize("now 3")),)) if row.key == "3" else row)
        await settle(b.app)
        assert b.table.drawn == [4]
        assert b.lines()[4] == "  now 3"


async def test_more_rows_are_drawn_without_a_layout_of_the_screen() -> None:
    async with bench(FakeSource(length=100), follow=True) as b:
        laid_out: list[int] = []
        b.app.screen.screen_layout_refresh_signal.subscribe(b.app, lambda _: laid_out.append(b.source.length))
        b.source.length = 140
        await b.table.reload()
        await settle(b.app)
        assert b.lines()[19] == "▌ row 139"
        assert b.table.vertical_scrollbar.window_virtual_size == b.table.virtual_size.height == 141
        assert laid_out == []


async def test_a_bar_to_scroll_comes_with_the_first_row_that_does_not_fit_and_goes_with_it() -> None:
    async with bench(FakeSource(length=10)) as b:
        assert not b.table.show_vertical_scrollbar
        for length in (40, 10):
            b.source.length = length
            await b.table.reload()
            await settle(b.app)
            assert b.table.show_vertical_scrollbar == (length == 40)
            assert b.table.vertical_scrollbar.display == (length == 40)


async def test_marks_that_stay_as_they_are_draw_nothing() -> None:
    async with bench(FakeSource()) as b:
        b.table.select_rows({"2"})
        await settle(b.app)
        b.table.drawn.clear()
        b.table.select_rows({"2"})
        await settle(b.app)
        assert b.table.drawn == []
        b.table.select_rows(set())
        await settle(b.app)
        assert b.table.drawn
