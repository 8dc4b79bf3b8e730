"""From the least terminal to a very large one the cursor stays on its row, in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import Risk
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_form, a_run, ago, an_approval

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole

SIZES = ((300, 100), (60, 20), (200, 60), (80, 24))


def many() -> FakeEngine:
    engine = FakeEngine()
    for number in range(60):
        name = f"no-{number:02}"
        engine.add(
            a_run(f"run-{name}", created_at=ago(number), flow=name),
            an_approval(f"app-{name}", risk=Risk.LOW, requested_at=ago(100 - number), title=name),
            a_form(f"form-{name}", requested_at=ago(100 - number), title=name),
        )
    return engine


@pytest.mark.parametrize("view", ["1", "2", "3"])
async def test_a_resize_leaves_the_cursor_on_its_row_and_in_view(console: OpenConsole, view: str) -> None:
    async with console(many(), size=(80, 24)) as stage:
        await stage.press(view)
        await stage.shows("no-03")
        await stage.press(*["j"] * 25)
        await stage.shows("▌")
        cursor = next(line for line in stage.text().splitlines() if line.startswith("▌"))
        name = cursor[cursor.index("no-") :][:5]
        for size in SIZES:
            await stage.resize(*size)
            await stage.until(
                lambda: any(line.startswith("▌") and name in line for line in stage.text().splitlines()),
                f"{name} under the cursor at {size}",
            )
            await stage.until(lambda: "? Help" in stage.text().splitlines()[-1], "the keys")
