"""Caps while time passes: windows that change under a call, clocks that jump, tenants that appear."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import pytest

from engine.budget.caps import Cap, Subject, window_around
from engine.contracts.governing.budget import CapScope, CapState, CapWindow
from engine.journal.memory.journal import MemoryJournal
from engine.journal.rules.spending.holding import Granted, OverHardCap
from engine.journal.spend_rows import COUNTS, SLOT
from engine.runtime.views.cap_views import CapViews
from tests.engine.journal.money.test_journal_holding import DAY, a_call, begun, hard, held_amounts
from tests.engine.journal.money.test_journal_spending import used
from tests.engine.journal.run_script import NOW, a_run, hold, take

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.journal.rules.store import Store
    from engine.journal.spend_rows import SpendRow

UTC = ZoneInfo("UTC")
MONTH = CapWindow.MONTH
TENANTS = 10_000


async def test_a_cap_whose_window_changes_under_a_call_counts_that_call(
    journal: Journal,
) -> None:
    held = await hold(journal)
    await held.append(used(cost=40, ts=NOW - DAY))
    assert isinstance(await begun(journal, a_call(held, 1, hard(150))), Granted)  # a cap of the day
    by_month = hard(230, window=MONTH)
    assert isinstance(await begun(journal, a_call(held, 2, by_month)), OverHardCap)  # 40 spent, 100 held
    await held.append(used(cost=80, hold="hold_1"))
    assert isinstance(await begun(journal, a_call(held, 2, by_month)), Granted)  # 120 spent of 230
    found = await begun(journal, a_call(held, 3, by_month))
    assert isinstance(found, OverHardCap)
    assert (found.balance.spent, found.balance.held) == (120, 100)


async def test_a_call_that_ends_after_midnight_counts_on_the_day_it_ends_and_holds_until_then(
    journal: Journal,
) -> None:
    held = await hold(journal)
    tomorrow = NOW + DAY
    assert isinstance(await begun(journal, a_call(held, 1, hard(150))), Granted)
    waits = await begun(journal, a_call(held, 2, hard(150), now=tomorrow))
    assert isinstance(waits, OverHardCap)
    assert (waits.balance.spent, waits.balance.held) == (0, 100)
    await held.append(used(cost=60, hold="hold_1", ts=tomorrow))
    found = await begun(journal, a_call(held, 2, hard(150), now=tomorrow))
    assert isinstance(found, OverHardCap)
    assert found.balance.spent == 60
    back = await begun(journal, a_call(held, 2, hard(150)))
    assert isinstance(back, OverHardCap)  # a clock that is set back finds no room in what it knows already


@pytest.mark.parametrize("jump", [-400 * DAY, -DAY, DAY, 400 * DAY])
async def test_a_clock_that_jumps_frees_nothing_that_is_held(journal: Journal, jump: int) -> None:
    held = await hold(journal)
    assert isinstance(await begun(journal, a_call(held, 1, hard(150, window=CapWindow.TOTAL))), Granted)
    total = a_call(held, 2, hard(150, window=CapWindow.TOTAL), now=NOW + jump)
    assert isinstance(await begun(journal, total), OverHardCap)
    by_day = a_call(held, 2, hard(150), now=NOW + jump)
    assert isinstance(await begun(journal, by_day), OverHardCap)
    assert await held_amounts(journal) == [100]
    assert isinstance(await begun(journal, replace(total, uptime=2_000, deadline=9_000)), Granted)


async def test_a_tenant_that_appears_mid_month_has_all_of_its_cap(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(used(cost=90))
    await journal.create_run(a_run(2, tenant="new"))
    other = await take(journal, "run_0002")
    each = hard(100, window=MONTH)
    assert isinstance(await begun(journal, a_call(held, 1, each)), OverHardCap)
    subject = Subject("new", "docs", "fast", other.run_id)
    assert isinstance(await begun(journal, a_call(other, 2, each, subject=subject)), Granted)
    (view,) = await CapViews(journal.spending, (each,), NOW, UTC, await journal.spending.holds()).all(
        "default"
    )
    assert (view.spent, view.left) == (90, 10)
    mine = await CapViews(journal.spending, (each,), NOW, UTC, await journal.spending.holds()).all("new")
    since, _ = window_around(MONTH, NOW, UTC)
    assert [(one.spent, one.held, one.left) for one in mine] == [(0, 100, 0)]
    assert mine[0].since is not None
    assert round(mine[0].since.timestamp() * 1_000_000) == since


async def test_ten_thousand_tenants_each_have_their_own_sum() -> None:
    journal = MemoryJournal()
    held = await hold(journal)
    names = {"pack": "docs", "flow": "ask", "step": "work", "model": "fast"}
    counts = dict.fromkeys(COUNTS, 0)

    def spend(store: Store) -> None:
        for number in range(TENANTS):
            row = {**names, **counts, "tenant": f"t{number:05}", "slot": NOW // SLOT, "cost": number}
            store.add_spending(cast("SpendRow", row))

    await journal.write(spend)
    each = Cap(CapScope.TENANT, MONTH, soft=9_000, hard=9_990)
    views = {
        one.tenant: one
        for one in await CapViews(journal.spending, (each,), NOW, UTC, await journal.spending.holds()).all(
            None
        )
    }
    assert len(views) == TENANTS
    assert [(views[name].spent, views[name].left) for name in ("t00001", "t09989")] == [
        (1, 9_989),
        (9_989, 1),
    ]
    assert sum(one.state is CapState.HARD for one in views.values()) == 10
    subject = Subject("t09995", "docs", "fast", held.run_id)
    assert isinstance(await begun(journal, a_call(held, 1, each, subject=subject)), OverHardCap)
