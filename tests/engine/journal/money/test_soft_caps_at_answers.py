"""What an answer reaches is what soft caps are when it is written: its call may have begun on the day before,
or below other caps."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from engine.budget.caps import Cap, Limit
from engine.contracts.governing.budget import CapScope, CapWindow
from engine.journal.rules.spending.acts import act_of
from engine.journal.spend_rows import CAP_SET, SOFT_REACHED
from tests.engine.journal.money.test_journal_holding import DAY, a_call, begun
from tests.engine.journal.money.test_journal_spending import used
from tests.engine.journal.run_script import NOW, hold

if TYPE_CHECKING:
    from engine.journal.port import Journal

SOFT = Cap(CapScope.TENANT, CapWindow.DAY, soft=50)
TODAY = NOW - NOW % DAY


async def told(journal: Journal) -> list[tuple[int, int | None, int | None]]:
    """The day, the cap and what was spent, of each time that a soft cap was told to be reached."""
    acts = await journal.spending.newest_acts(None, 10)
    return [(one["since"], one["soft"], one["amount"]) for one in acts if one["kind"] == SOFT_REACHED]


async def set_soft(journal: Journal, soft: int) -> None:
    limit = Limit(CapScope.TENANT, CapWindow.DAY, "default", "default", soft, None, "person", TODAY)
    await journal.change_cap(
        {
            "scope": "tenant",
            "tenant": "default",
            "name": "default",
            "cap_window": "day",
            "soft": soft,
            "hard": None,
            "pause": 0,
        },
        act_of(limit, CAP_SET, NOW, actor="ann", via="cli"),
    )


async def test_an_answer_of_the_next_day_reaches_the_cap_of_that_day(journal: Journal) -> None:
    held = await hold(journal)
    await begun(journal, a_call(held, 1, SOFT))
    await held.append(used(cost=60, ts=NOW + DAY, hold="hold_1"))
    assert await told(journal) == [(TODAY + DAY, 50, 60)]


async def test_an_answer_of_the_next_day_is_not_added_to_what_the_day_before_cost(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(used(cost=40))
    await begun(journal, a_call(held, 1, SOFT))
    await held.append(used(cost=20, ts=NOW + DAY, hold="hold_1"))
    assert await told(journal) == []


async def test_days_are_those_of_the_time_zone_when_its_clock_is_set(journal: Journal) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    held = await hold(journal)
    before, after = (
        1_792_873_800_000_000,
        1_792_971_000_000_000,
    )  # 22:30 and, 27 hours later, 00:30 behind a day of 25
    await begun(journal, a_call(held, 1, SOFT, zone=berlin, now=before))
    await held.append(used(cost=60, ts=after, hold="hold_1"))
    assert await told(journal) == [(after - 1_800_000_000, 50, 60)]


async def test_a_cap_that_was_raised_while_a_call_was_under_way_is_told_when_that_one_is_reached(
    journal: Journal,
) -> None:
    held = await hold(journal)
    await begun(journal, a_call(held, 1, SOFT))
    await set_soft(journal, 100)
    await held.append(used(cost=60, hold="hold_1"))
    assert await told(journal) == []
    await begun(journal, a_call(held, 2, SOFT))
    await held.append(used(cost=60, hold="hold_2"))
    assert await told(journal) == [(TODAY, 100, 120)]


async def test_a_cap_that_was_set_or_lowered_while_a_call_was_under_way_is_told_by_its_answer(
    journal: Journal,
) -> None:
    held = await hold(journal)
    await begun(journal, a_call(held, 1))
    await set_soft(journal, 50)
    await held.append(used(cost=50, hold="hold_1"))
    assert await told(journal) == [(TODAY, 50, 50)]
