"""The list of approvals at every width: who is on what, and since when it waits, is always there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.frame.screen import LEAST_WIDTH
from screens.widgets.tables.row_table import RowTable
from tests.fakes.engine import FakeEngine
from tests.fakes.views import an_approval

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


async def test_what_an_operator_needs_stays_in_the_list_at_every_width(console: OpenConsole) -> None:
    engine = FakeEngine()
    engine.add(an_approval(subject="acme/repo #12"))
    async with console(engine, size=(LEAST_WIDTH, 32)) as stage:
        await stage.press("2")
        shown: dict[int, tuple[str, ...]] = {}
        for width in (LEAST_WIDTH, 80, 109, 110, 114, 119, 120, 140, 200):
            await stage.resize(width, 32)
            await stage.settle()
            heads = stage.app.screen.query_one("#approvals", RowTable).render_line(0).text
            shown[width] = tuple(
                name for name in ("Risk", "Title", "Subject", "Flow", "Age", "State") if name in heads
            )
        assert all({"Risk", "Title", "Age", "State"} <= set(names) for names in shown.values()), shown
        assert all("Subject" in names for names in shown.values() if "Flow" in names), shown
        assert {"Subject", "Flow"} <= set(shown[80]) & set(shown[200])
