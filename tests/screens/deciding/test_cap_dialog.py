"""The question what a cap is to be: bound to what was shown, with a comment, and Enter decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.governing.budget import (
    CapOf,
    Caps,
    CapScope,
    CapTerms,
    CapWindow,
    SpendBy,
    SpendRow,
    SpendSum,
)
from engine.errors import ErrorCode, Refused
from engine.facade.feed import CapsChanged, FeedBatch
from screens.frame.inputs import SafeInput
from screens.slo.cap import CapDialog
from screens.slo.screen import SloScreen
from screens.slo.spend_rows import amount
from tests.fakes.budget import a_cap
from tests.fakes.engine import FakeEngine
from tests.fakes.levels import a_level

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.screens.conftest import OpenConsole, Stage

DOLLAR = 10**9
PACK = {"scope": "pack", "tenant": "default", "name": "hello", "window": "month"}


def an_engine(**cap: Any) -> FakeEngine:
    engine = FakeEngine()
    engine.levels.stored = (a_level("hello"),)
    caps = (a_cap(**PACK, spent=8 * DOLLAR, **cap),) if cap else ()
    engine.budget.of_caps = Caps(time_zone="UTC", caps=caps)
    return engine


async def opened(stage: Stage) -> CapDialog:
    await stage.press("4")
    await stage.on(SloScreen)
    await stage.shows("met")
    await stage.press("c")
    await stage.on(CapDialog)
    dialog = stage.app.screen
    assert isinstance(dialog, CapDialog)
    return dialog


@pytest.fixture
async def stage(console: OpenConsole) -> AsyncIterator[Stage]:
    async with console(an_engine(soft=7 * DOLLAR, source="person"), size=(80, 24)) as stage:
        await opened(stage)
        await stage.shows("at most $10.00")
        yield stage


async def fill(stage: Stage, **fields: str) -> None:
    for name, text in fields.items():
        stage.app.screen.query_one(f"#cap-{name}").focus()
        await stage.write(text)


async def test_a_cap_is_topped_up_with_a_comment(stage: Stage) -> None:
    await stage.shows("Spent $8.00; warned at $7.00, at most $10.00 (person)")
    await stage.write("2.50")
    await stage.press("f2")
    await stage.shows("Say why")
    await fill(stage, comment="rush")
    await stage.press("enter")
    await stage.shows("Enter never decides")
    assert not stage.engine.budget.done
    await stage.press("f2")
    await stage.on(SloScreen)
    place = CapOf(CapScope.PACK, "hello", CapWindow.MONTH)
    assert stage.engine.budget.done == [("top_up", place, 2_500_000_000, "ben", "rush")]
    assert "pack hello is topped up by $2.50" in stage.notices()


async def test_another_cap_is_set(stage: Stage) -> None:
    for name in ("of", "in"):
        stage.app.screen.query_one(f"#cap-{name}").focus()
        await stage.write("tenant acme" if name == "of" else "day")
    await stage.shows("No such cap holds so far.")
    await fill(stage, soft="$5", hard="7", comment="a start")
    await stage.press("f2")
    await stage.on(SloScreen)
    place = CapOf(CapScope.TENANT, "acme", CapWindow.DAY)
    terms = CapTerms(5 * DOLLAR, 7 * DOLLAR, pause=False)
    assert stage.engine.budget.done == [("set_cap", place, terms, "ben", "a start")]


CANNOT_HOLD = (
    ({"of": "nobody"}, "A cap is of a tenant, pack, model"),
    ({"of": "pack"}, "Which pack?"),
    ({"in": "week"}, "a day, a month or in total"),
    ({"hard": "much"}, "much is no amount in dollars"),
    ({"more": "7" * 99}, f" {'7' * 40} is no amount"),
    ({"more": "-1"}, "-1 is no amount in dollars"),
    ({"more": "1", "hard": "2"}, "not both at once"),
    ({"soft": "3", "hard": "none"}, "Only a cap that a person set"),
    ({"soft": "3", "hard": "2"}, "The warning is above"),
    ({"soft": "3", "hard": ""}, "No call may pass $10.00 now: say that again"),
    ({"of": "run", "in": "total", "more": "1"}, "One run is topped up"),
    ({"of": "model strong", "more": "1"}, "no such cap to top up"),
    ({"of": "model strong"}, "Say what it is to be"),
)


async def test_what_cannot_hold_is_told_and_stays(stage: Stage) -> None:
    await fill(stage, comment="why")
    inputs = stage.app.screen.query(SafeInput)
    proposed = {field: field.value for field in inputs}
    for fields, words in CANNOT_HOLD:
        for field, value in proposed.items():
            field.value = "" if str(field.id).removeprefix("cap-") in fields else value
        await fill(stage, **fields)
        await stage.press("f2")
        await stage.shows(words)
        assert isinstance(stage.app.screen, CapDialog), fields
        assert not stage.engine.budget.done, fields
    await stage.press("escape")
    await stage.on(SloScreen)
    await stage.press("c")
    await stage.on(CapDialog)
    await stage.shows("at most $10.00")
    assert words not in stage.text()


async def test_who_may_not_set_caps_keeps_what_was_typed(stage: Stage) -> None:
    stage.engine.budget.refusal = Refused(ErrorCode.ROLE_MISSING, "only admin may set budgets")
    await fill(stage, more="1", comment="why")
    await stage.press("f2")
    await stage.shows("only admin may set budgets")
    assert isinstance(stage.app.screen, CapDialog)


async def test_a_cap_that_changed_meanwhile_is_looked_at_first(stage: Stage) -> None:
    await fill(stage, more="1", comment="why")
    budget = stage.engine.budget
    topped = a_cap(
        **PACK, spent=8 * DOLLAR, soft=8 * DOLLAR, hard=11 * DOLLAR, topped_up=DOLLAR, source="person"
    )
    budget.of_caps = Caps(time_zone="UTC", caps=(topped,))
    stage.engine.feed.publish(FeedBatch(notices=(CapsChanged(),)))
    await stage.shows("at most $11.00, topped up by")
    await stage.shows("Somebody changed this cap just now")
    await stage.press("f2")
    await stage.shows("look, then F2 once more")
    assert not budget.done
    await stage.press("f2")
    await stage.on(SloScreen)
    assert [one[0] for one in budget.done] == ["top_up"]


async def test_what_the_console_has_not_heard_of_is_refused_by_the_engine(stage: Stage) -> None:
    await fill(stage, more="1", comment="why")
    stage.engine.budget.of_caps = Caps(time_zone="UTC", caps=(a_cap(**PACK, hard=20 * DOLLAR),))
    await stage.press("f2")
    await stage.shows("at most $20.00")
    assert not stage.engine.budget.done


async def test_a_cap_that_was_topped_up_is_set_below_its_top_ups_and_that_is_said(
    console: OpenConsole,
) -> None:
    engine = an_engine(hard=15 * DOLLAR, topped_up=5 * DOLLAR, source="person")
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage)
        await fill(stage, hard="10", comment="less")
        await stage.press("f2")
        await stage.on(SloScreen)
        words = "The cap of pack hello is set: at most $15.00, with $5.00 that it was topped up by"
        assert words in stage.notices()


async def test_a_persons_cap_is_taken_back_by_a_word(stage: Stage) -> None:
    await fill(stage, comment="not needed")
    await stage.press("f2")
    await stage.shows("Say what it is to be")
    await fill(stage, hard="none")
    await stage.press("f2")
    await stage.on(SloScreen)
    assert stage.engine.budget.done[0][2] == CapTerms(pause=False)


async def test_names_from_outside_are_harmless(console: OpenConsole) -> None:
    engine = an_engine()
    engine.levels.stored = (a_level("evil\x1b[2J\u202epack"),)
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage)
        await stage.shows("No such cap holds so far.")
        assert not {"\x1b", "\u202e"} & set(stage.text())


async def test_a_pack_under_the_lower_cursor_is_meant_not_the_one_above(console: OpenConsole) -> None:
    engine = an_engine(source="settings")
    engine.budget.rows = {SpendBy.PACK: (SpendRow(name="other", sum=SpendSum(calls=1, cost=DOLLAR)),)}
    async with console(engine, size=(80, 24)) as stage:
        await stage.press("4")
        await stage.on(SloScreen)
        await stage.shows("no cap")
        await stage.press("tab", "G", "c")
        await stage.on(CapDialog)
        await stage.shows("Set or top up a cap within tenant default")
        await stage.shows("pack other")


async def test_a_cap_of_each_tenant_is_set_for_each_and_says_so(console: OpenConsole) -> None:
    engine = an_engine(source="person")
    engine.budget.of_caps = Caps(time_zone="UTC", caps=(a_cap(**{**PACK, "tenant": "*"}),))
    async with console(engine, size=(80, 24)) as stage:
        await stage.press("4")
        await stage.on(SloScreen)
        await stage.press("*")
        await stage.shows("in every tenant")
        await stage.shows("below")
        await stage.press("tab", "g", "c")
        await stage.on(CapDialog)
        await stage.shows("Set or top up a cap within each tenant")
        assert engine.asked("for_")[-1] == ("ben", None, True)


async def test_what_every_tenant_spent_on_a_pack_is_told_though_one_of_them_has_a_cap(
    console: OpenConsole,
) -> None:
    engine = an_engine(source="settings")
    engine.budget.rows = {SpendBy.PACK: (SpendRow(name="hello", sum=SpendSum(calls=1, cost=99 * DOLLAR)),)}
    async with console(engine, size=(80, 40)) as stage:
        await stage.press("4")
        await stage.on(SloScreen)
        await stage.shows("below")
        assert " $99.00 " not in stage.text().replace("$99.00 in 30 days", "")
        await stage.press("*")
        await stage.shows("in part")
        assert " $99.00 " in stage.text().replace("$99.00 in 30 days", "")


def test_an_amount_has_at_most_seven_characters() -> None:
    for cost in (999_994_000_000, 999_995_000_000, 1_000 * DOLLAR, 10**18, 1, 0):
        assert len(amount(cost)) <= 7, amount(cost)
    assert amount(999_995_000_000) == "$1k"
