"""Money for calls under way, in both journals: held and begun in one transaction, settled with the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from engine.budget.caps import Cap, Limit, Subject
from engine.budget.price import Price, Rates
from engine.contracts.governing.budget import CapScope, CapWindow
from engine.contracts.status import RunStatus
from engine.errors import InvalidInput
from engine.journal.errors import LeaseLost
from engine.journal.rules.spending.acts import act_of
from engine.journal.rules.spending.holding import CallAdmission, Granted, OverHardCap, PaidCall
from engine.journal.rules.spending.soft_caps import HeldBack, UseLowerTier
from engine.journal.rules.spending.tokens import OverTokenCeiling
from engine.journal.spend_rows import CAP_SET, LOWERED, STOPPED, TOPPED_UP
from engine.machine.model.inputs import Cancel
from tests.engine.journal.money.test_journal_spending import used
from tests.engine.journal.run_script import NOW, HeldRun, a_run, hold, take

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.journal.spend_rows import CapRow, NewActRow

UTC = ZoneInfo("UTC")
DAY = 86_400_000_000
PRICE = Price((Rates(0, 10**6, 10**6, 10**6),))
"""One billionth a token."""


def hard(amount: int, scope: CapScope = CapScope.TENANT, **fields: Any) -> Cap:
    return Cap(scope, fields.pop("window", CapWindow.DAY), hard=amount, **fields)


def a_call(held: HeldRun, number: int, *caps: Cap, most: int = 100, **changes: Any) -> PaidCall:
    call = PaidCall(
        hold_id=f"hold_{number}",
        run_id=held.run_id,
        epoch=held.epoch,
        step_id="work/0/model",
        subject=Subject("default", "docs", "fast", held.run_id),
        price=PRICE,
        sent=most - 10,
        added=0,
        answer=10,
        caps=caps,
        zone=UTC,
        allow_unpriced=False,
        now=NOW,
        boot_id="boot",
        uptime=0,
        deadline=1_000,
    )
    return replace(call, **changes)


async def begun(journal: Journal, call: PaidCall) -> CallAdmission:
    return await journal.begin_call(call)


async def held_amounts(journal: Journal) -> list[int]:
    return [one["amount"] for one in await journal.spending.holds()]


async def test_a_call_holds_the_most_it_may_cost_until_its_answer_is_written(journal: Journal) -> None:
    held = await hold(journal)
    assert await begun(journal, a_call(held, 1, hard(150))) == Granted(100, capped=True)
    assert await held_amounts(journal) == [100]
    await held.append(used(cost=30, hold="hold_1"))
    assert await held_amounts(journal) == []
    assert await begun(journal, a_call(held, 2, hard(150))) == Granted(100, capped=True)
    assert await begun(journal, a_call(held, 3, added=20)) == Granted(120, capped=False)


async def test_rows_that_are_read_compare_alike_in_every_journal(journal: Journal) -> None:
    held = await hold(journal)
    await begun(journal, a_call(held, 1, hard(150)))
    holds = await journal.spending.holds()
    assert holds == [{**holds[0]}] == await journal.spending.holds_of_run(held.run_id)


async def test_one_that_fits_only_when_others_cost_less_waits_for_them_and_is_refused_then(
    journal: Journal,
) -> None:
    held = await hold(journal)
    cap = hard(150)
    await begun(journal, a_call(held, 1, cap))
    second = await begun(journal, a_call(held, 2, cap))
    assert isinstance(second, OverHardCap)
    assert (second.waits, second.balance.held, second.most) == (True, 100, 100)
    assert (await held.row())["waiting_for"] == "money"
    await held.append(used(cost=60, hold="hold_1"))
    refused = await begun(journal, a_call(held, 2, cap))
    assert isinstance(refused, OverHardCap)
    assert (refused.waits, refused.balance.spent, refused.balance.held) == (False, 60, 0)
    assert (await held.row())["waiting_for"] is None


async def test_what_was_learned_of_bytes_tells_whether_it_is_worth_waiting(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(used(model="fast", input=10, sent=100, cost=100))
    await begun(journal, a_call(held, 1, hard(250)))
    over_cap = await begun(journal, a_call(held, 2, hard(250), most=240))  # 23 tokens and 10 are likely
    assert isinstance(over_cap, OverHardCap)
    assert over_cap.waits
    too_much = await begun(journal, a_call(held, 2, hard(250), most=1_510))  # 150 tokens and 10
    assert isinstance(too_much, OverHardCap)
    assert not too_much.waits


async def test_what_a_dead_worker_held_stays_until_its_deadline_or_the_next_boot(journal: Journal) -> None:
    held = await hold(journal)
    cap = hard(100)
    await begun(journal, a_call(held, 1, cap))
    assert isinstance(await begun(journal, a_call(held, 2, cap, uptime=1_000)), OverHardCap)
    assert isinstance(await begun(journal, a_call(held, 2, cap, uptime=1_001, deadline=2_000)), Granted)
    assert isinstance(await begun(journal, a_call(held, 3, cap, boot_id="next")), Granted)


async def test_what_a_dead_worker_held_is_known_until_its_run_counts_it(journal: Journal) -> None:
    held = await hold(journal)
    await begun(journal, a_call(held, 1))
    await begun(journal, a_call(held, 2, uptime=1_001, deadline=2_000))
    assert await held_amounts(journal) == [100]
    left = await journal.spending.holds_of_run(held.run_id)
    assert [(one["hold_id"], one["ended"]) for one in left] == [("hold_1", 1), ("hold_2", 0)]
    await journal.lower_hold("hold_1", 30)
    await journal.lower_hold("hold_1", 70)  # it never rises
    await journal.lower_hold("hold_9", 1)
    assert [one["amount"] for one in await journal.spending.holds_of_run(held.run_id)] == [30, 100]
    await held.append(used(cost=30, hold="hold_1"))
    assert [one["hold_id"] for one in await journal.spending.holds_of_run(held.run_id)] == ["hold_2"]
    assert await held_amounts(journal) == [100]


async def test_whoever_lost_the_run_begins_no_call(journal: Journal) -> None:
    held = await hold(journal)
    with pytest.raises(LeaseLost):
        await begun(journal, a_call(held, 1, epoch=held.epoch + 1))
    await journal.release(held.run_id, held.epoch, ready=True)
    with pytest.raises(LeaseLost):
        await begun(journal, a_call(held, 1))
    assert await held_amounts(journal) == []


@pytest.mark.parametrize("scope", [CapScope.PACK, CapScope.MODEL, CapScope.TENANT])
async def test_only_what_is_spent_in_its_scope_and_window_counts(journal: Journal, scope: CapScope) -> None:
    held = await hold(journal)
    await held.append(used(cost=90, model="fast"), used(cost=90, model="fast", ts=NOW - DAY))
    own = Subject("default", "docs", "fast", held.run_id)
    others = {
        CapScope.TENANT: replace(own, tenant="other"),
        CapScope.PACK: replace(own, pack="other"),
        CapScope.MODEL: replace(own, model="other"),
    }
    assert isinstance(await begun(journal, a_call(held, 1, hard(180, scope))), OverHardCap)
    assert isinstance(await begun(journal, a_call(held, 1, hard(190, scope))), Granted)
    assert isinstance(await begun(journal, a_call(held, 2, hard(100, scope), subject=others[scope])), Granted)


async def test_a_run_s_cap_counts_the_whole_tree_and_nothing_else(journal: Journal) -> None:
    await journal.create_run(a_run(1))
    await journal.create_run(a_run(2, parent_run_id="run_0001"))
    parent, child = await take(journal, "run_0001"), await take(journal, "run_0002")
    for run in (parent, child):
        head = replace(run.commit(status=RunStatus.RUNNING).head, cost=40)
        await run.append(used(cost=40), head=head)
    cap = hard(150, CapScope.RUN, window=CapWindow.TOTAL)
    subject = Subject("default", "docs", "fast", "run_0001")
    found = await begun(journal, a_call(child, 1, cap, subject=subject))
    assert isinstance(found, OverHardCap)
    assert found.balance.spent == 80
    alone = await begun(journal, a_call(child, 1, cap, subject=replace(subject, tree="run_0002")))
    assert isinstance(alone, Granted)


async def test_an_unknown_price_is_refused_below_a_hard_cap_unless_it_is_allowed(journal: Journal) -> None:
    held = await hold(journal)
    call = a_call(held, 1, hard(10), price=None)
    refused = await begun(journal, call)
    assert isinstance(refused, OverHardCap)
    assert (refused.most, refused.waits) == (None, False)
    assert isinstance(await begun(journal, replace(call, allow_unpriced=True)), Granted)
    for caps in ((), (Cap(CapScope.TENANT, CapWindow.DAY, soft=10),)):
        assert await begun(journal, replace(call, caps=caps)) == Granted(0, capped=False)
    assert await held_amounts(journal) == [0]
    assert await begun(journal, replace(call, hold_id="outside", sent=0, caps=())) == Granted(0, capped=False)
    assert await held_amounts(journal) == [0]


async def test_a_soft_cap_is_told_once_in_its_window_when_it_is_reached(journal: Journal) -> None:
    held = await hold(journal)
    soft = Cap(CapScope.TENANT, CapWindow.DAY, soft=50, hard=1_000)
    for number, cost in enumerate((40, 10, 10), 1):
        await begun(journal, a_call(held, number, soft))
        await held.append(used(cost=cost, hold=f"hold_{number}"))
    (act,) = await journal.spending.newest_acts("default", 10)
    assert (act["kind"], act["amount"], act["soft"], act["since"]) == (
        "soft_reached",
        50,
        50,
        NOW - NOW % DAY,
    )
    await begun(journal, a_call(held, 9, soft, now=NOW + DAY))
    await held.append(used(cost=60, hold="hold_9", ts=NOW + DAY))
    assert [one["since"] - act["since"] for one in await journal.spending.acts_after(act["act"], 5)] == [DAY]


async def test_a_run_s_own_soft_cap_counts_the_call_that_reaches_it(journal: Journal) -> None:
    held = await hold(journal)
    await begun(journal, a_call(held, 1, Cap(CapScope.RUN, CapWindow.TOTAL, soft=50)))
    await held.append(used(cost=50, hold="hold_1"), head=replace(held.commit().head, cost=50))
    (act,) = await journal.spending.newest_acts(None, 10)
    assert (act["kind"], act["name"], act["amount"]) == ("soft_reached", held.run_id, 50)


async def test_a_person_s_cap_and_top_up_count_at_once_and_are_recorded(journal: Journal) -> None:
    held = await hold(journal)
    row: CapRow = {
        "scope": "tenant",
        "tenant": "default",
        "name": "default",
        "cap_window": "day",
        "soft": None,
        "pause": 0,
        "hard": 50,
    }
    limit = Limit(CapScope.TENANT, CapWindow.DAY, "default", "default", None, 50, "person", NOW - NOW % DAY)
    await journal.change_cap(row, act_of(limit, CAP_SET, NOW, actor="ann", via="cli", comment="less"))
    assert isinstance(await begun(journal, a_call(held, 1, hard(1_000))), OverHardCap)
    await journal.record_act(act_of(limit, TOPPED_UP, NOW, actor="ann", via="cli", amount=50, comment="more"))
    assert isinstance(await begun(journal, a_call(held, 1, hard(1_000))), Granted)
    acts = await journal.spending.newest_acts("default", 10)
    assert [(one["kind"], one["actor"], one["comment"]) for one in acts] == [
        ("topped_up", "ann", "more"),
        ("cap_set", "ann", "less"),
    ]
    assert [one["amount"] for one in await journal.spending.top_ups()] == [50]
    await journal.change_cap(row, act_of(limit, "cap_removed", NOW), remove=True)
    assert list(await journal.spending.caps()) == []


async def test_top_ups_of_a_window_that_nobody_can_add_up_are_refused(journal: Journal) -> None:
    limit = Limit(CapScope.TENANT, CapWindow.DAY, "default", "default", None, 50, "person", NOW - NOW % DAY)
    act = act_of(limit, TOPPED_UP, NOW, actor="ann", via="cli", amount=10**18, comment="more")
    await journal.record_act(act)
    with pytest.raises(InvalidInput, match=r"\$1,000,000,000.00 were added"):
        await journal.record_act({**act, "amount": 1})
    assert [one["amount"] for one in await journal.spending.top_ups()] == [10**18]


async def test_a_call_that_cost_nothing_is_held_for_no_more(journal: Journal) -> None:
    held = await hold(journal)
    await begun(journal, a_call(held, 1))
    await journal.lower_hold("hold_1", 0)
    assert await held_amounts(journal) == []
    await held.append(used(hold="hold_1"))  # a late answer is counted all the same
    assert [row["cost"] for row in await journal.spending.by_names(None, 0, 2**40)] == [7]


def said(limit: Limit, kind: str, **fields: Any) -> NewActRow:
    return act_of(limit, kind, NOW, actor="ann", via="cli", **fields)


async def test_at_a_soft_cap_that_pauses_a_call_is_held_back_until_somebody_has_said_how_to_go_on(
    journal: Journal,
) -> None:
    held = await hold(journal)
    await held.append(used(cost=50))
    cap = Cap(CapScope.TENANT, CapWindow.DAY, soft=50, hard=500, pause=True)
    limit = Limit(CapScope.TENANT, CapWindow.DAY, "default", "default", 50, 500, "", NOW - NOW % DAY)
    await journal.record_act(said(limit, TOPPED_UP, amount=0))  # what was said before it was reached
    for _ in range(2):
        found = await begun(journal, a_call(held, 1, cap))
        assert isinstance(found, HeldBack)
        assert not found.stop
    (wait,) = await journal.spending.waits("", 10)
    assert (wait["run_id"], wait["scope"], wait["since"], wait["answered"]) == (
        held.run_id,
        "tenant",
        limit.since,
        0,
    )
    assert await journal.spending.waits(held.run_id, 10) == [], "the next ones are looked at as well"
    assert await held_amounts(journal) == []
    await journal.record_act(said(limit, LOWERED))
    assert [one["answered"] for one in await journal.spending.waits("", 10)] == [1]
    assert isinstance(await begun(journal, a_call(held, 1, cap, may_lower=True)), UseLowerTier)
    assert await begun(journal, a_call(held, 1, cap)) == Granted(100, capped=True)
    assert await journal.spending.waits("", 10) == []
    kinds = [act["kind"] for act in await journal.spending.newest_acts(None, 10)]
    assert kinds == ["lowered", "soft_reached", "topped_up"]


async def test_below_a_soft_cap_that_pauses_calls_begin(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(used(cost=49))
    cap = Cap(CapScope.TENANT, CapWindow.DAY, soft=50, pause=True)
    assert await begun(journal, a_call(held, 1, cap, may_lower=True)) == Granted(100, capped=False)


async def test_what_another_tenant_s_calls_hold_takes_no_room(journal: Journal) -> None:
    held = await hold(journal)
    cap = hard(150, CapScope.PACK)
    other = replace(a_call(held, 1, cap).subject, tenant="other")
    await begun(journal, a_call(held, 1, cap, subject=other))
    assert isinstance(await begun(journal, a_call(held, 2, cap)), Granted)


async def test_a_run_that_no_token_is_left_for_waits_at_no_soft_cap_any_more(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(used(cost=50))
    cap = Cap(CapScope.TENANT, CapWindow.DAY, soft=50, pause=True)
    assert isinstance(await begun(journal, a_call(held, 1, cap)), HeldBack)
    assert len(await journal.spending.waits("", 10)) == 1
    assert isinstance(await begun(journal, a_call(held, 1, cap, ceiling=1)), OverTokenCeiling)
    assert await journal.spending.waits("", 10) == []


async def test_stop_at_a_soft_cap_tells_the_outermost_run_in_the_same_transaction(journal: Journal) -> None:
    await journal.create_run(a_run(1))
    await journal.create_run(a_run(2, parent_run_id="run_0001"))
    parent, child = await take(journal, "run_0001"), await take(journal, "run_0002")
    await child.append(used(cost=50))
    cap = Cap(CapScope.TENANT, CapWindow.DAY, soft=50)
    limit = Limit(CapScope.TENANT, CapWindow.DAY, "default", "default", 50, None, "", NOW - NOW % DAY)
    subject = Subject("default", "docs", "fast", parent.run_id)
    await begun(journal, a_call(child, 1, cap, subject=subject))
    await journal.record_act(said(limit, STOPPED))
    found = await begun(journal, a_call(child, 2, cap, subject=subject, may_lower=True))
    assert isinstance(found, HeldBack)
    assert found.stop
    row = await journal.run_row(parent.run_id)
    assert row is not None
    mail = await journal.mail_for(row["lease_worker"] or "")
    assert [(run_id, type(given)) for _, run_id, given in mail] == [("run_0001", Cancel)]
