"""The columns of the runs list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


@pytest.mark.parametrize(
    ("cost", "unpriced", "shown"),
    [
        (0, 0, ""),
        (1_234_000_000, 0, "$1.24"),
        (0, 2, "?"),
        (1_000, 1, "<$0.01+?"),
        (125_770_000_000, 1, "$125.77+?"),
    ],
)
async def test_what_models_cost_stands_beside_their_tokens_where_there_is_room(
    console: OpenConsole, cost: int, unpriced: int, shown: str
) -> None:
    engine = FakeEngine().add(a_run(tokens_used=2_150, cost=cost, unpriced_calls=unpriced))
    async with console(engine, size=(140, 30)) as stage:
        await stage.shows("Tokens  Cost")
        await stage.shows("● running")
        (line,) = [line for line in stage.text().splitlines() if "● running " in line]
        assert line.split("2.1k")[1].split("ana")[0].strip() == shown
