"""Caps in force: what may cost more is not begun, whoever asks at once; people are warned, and can top up."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.budget.settings import BudgetSettings
from engine.contracts.actor import Actor, Operator, Role
from engine.contracts.governing.budget import AsShown, CapOf, CapScope, CapState, CapTerms, CapWindow
from engine.contracts.notice import NoticeKind
from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, InvalidInput, NotFound, Refused
from engine.facade.feed import CapsChanged, FeedBatch, Topic
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, models_at, spoken
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    failed,
    finished,
    rest,
    retry,
    start,
    until,
)
from tests.engine.runtime.money.test_spending import ANSWER, usages
from tests.engine.runtime.reading.test_notices import FakeChannel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.facade.engine import Engine
    from tests.engine.models.loopback import Write

DAY, TOTAL = CapWindow.DAY, CapWindow.TOTAL
BOUND = 20
"""Tokens of an answer at the most."""


def budget(*caps: dict[str, Any], **fields: Any) -> BudgetSettings:
    prices = {"served": {"input": 3, "output": 15}}
    return BudgetSettings.model_validate({"prices": prices, "caps": caps, **fields})


async def answer(write: Write) -> None:
    await write(spoken("Done."))


@asynccontextmanager
async def asking(home: Home, settings: BudgetSettings, **config: Any) -> AsyncIterator[tuple[Engine, Any]]:
    """An engine whose model answers as often as it is asked, and the server that hears it."""
    home.flow("ask", agent(tools=(), max_tokens=BOUND))
    async with (
        serving(answer) as server,
        home.working(models=models_at(server.url), budget=settings, **config) as engine,
    ):
        yield engine, server


async def test_a_call_that_may_pass_a_hard_cap_is_not_begun(home: Home) -> None:
    cap = {"scope": "tenant", "window": "day", "hard": "0.0001"}
    async with asking(home, budget(cap)) as (engine, server):
        run = await failed(engine, "ask")
        assert run.error is not None
        assert (run.error.code, run.error.details["reason"]) == ("budget_exhausted", "hard_cap_exceeded")
        assert (run.error.details["scope"], run.error.details["hard"]) == ("tenant", 100_000)
        assert run.error.details["needed"] > 100_000
        assert "vasini budget top-up" in run.error.message
        assert server.asked == []
        assert run.cost == 0


async def test_many_runs_at_once_never_pass_a_cap_and_use_nearly_all_of_it(home: Home) -> None:
    async with asking(home, budget()) as (engine, _):
        run = await finished(engine, "ask")
        (usage,) = await usages(engine, run.run_id)
        most = (usage.payload["sent"] + 64) * 3_000 + BOUND * 15_000
    cap = {"scope": "pack", "of": "demo", "window": "total", "hard": f"{(ANSWER + 6 * most) / 10**9:.9f}"}
    async with asking(home, budget(cap)) as (engine, _):
        ids = [await start(engine, "ask") for _ in range(25)]
        runs = [await rest(engine, run_id) for run_id in ids]
        (view,) = (await engine.budget.caps()).caps
        assert view.hard is not None
        assert view.hard - most < view.spent <= view.hard
        assert view.held == 0
        done = [run for run in runs if run.status is RunStatus.COMPLETED]
        assert len(done) * ANSWER + ANSWER == view.spent
        refused = [run.error.code for run in runs if run.error is not None]
        assert refused == ["budget_exhausted"] * (25 - len(done))


async def test_a_model_without_a_price_is_refused_below_a_hard_cap_unless_that_is_allowed(home: Home) -> None:
    cap = {"scope": "tenant", "window": "day", "hard": 1}
    async with asking(home, budget(cap, prices={})) as (engine, _):
        run = await failed(engine, "ask")
        assert run.error is not None
        assert run.error.details["reason"] == "price_unknown"
    async with asking(home, budget(cap, prices={}, unpriced="allow")) as (engine, _):
        run = await finished(engine, "ask")
        assert run.unpriced_calls == 1
        (view,) = (await engine.budget.caps()).caps
        assert (view.spent, view.unpriced) == (0, 1)


async def test_where_a_hard_cap_holds_an_answer_is_bounded(home: Home) -> None:
    cap = {"scope": "run", "hard": 1}
    home.flow("free", agent(tools=()))
    async with asking(home, budget(cap, answer_tokens=77)) as (engine, server):
        await finished(engine, "free")
        assert server.asked[0].body["max_tokens"] == 77
    async with asking(home, budget(answer_tokens=77)) as (engine, server):
        await finished(engine, "free")
        assert "max_tokens" not in server.asked[0].body


async def test_after_a_top_up_with_a_comment_the_run_goes_on(home: Home) -> None:
    cap = {"scope": "tenant", "window": "day", "hard": "0.0001"}
    async with asking(home, budget(cap)) as (engine, _):
        run = await failed(engine, "ask")
        with pytest.raises(InvalidInput, match="comment"):
            await engine.budget.top_up(CapOf(CapScope.TENANT, "default", DAY), 10**9, actor=ANN, comment=" ")
        mine = engine.for_(ANN)
        view = await mine.budget.top_up(
            CapOf(CapScope.TENANT, "default", DAY), 10**9, actor=ANN, comment="rush"
        )
        assert view is not None
        assert (view.hard, view.topped_up) == (10**9 + 100_000, 10**9)
        await retry(engine, run.run_id)
        assert (await rest(engine, run.run_id)).status is RunStatus.COMPLETED
        (act,) = (await mine.budget.caps()).acts
        assert (act.kind, act.actor, act.comment, act.amount) == ("topped_up", ANN.name, "rush", 10**9)


async def test_who_may_not_begin_a_first_call_sees_the_cap_that_is_in_the_way(home: Home) -> None:
    caps = (
        {"scope": "tenant", "window": "day", "hard": "0.0001"},
        {"scope": "pack", "window": "day", "hard": "0.0002"},
        {"scope": "model", "of": "served", "tenant": "acme", "window": "day", "hard": "0.0003"},
    )
    async with asking(home, budget(*caps)) as (engine, _):
        await failed(engine, "ask")
        mine = engine.for_(ANN).budget
        assert [(one.scope, one.name, one.hard) for one in (await mine.caps()).caps] == [
            (CapScope.TENANT, "default", 100_000)
        ]
        await mine.top_up(CapOf(CapScope.TENANT, "default", DAY), 10**9, actor=ANN, comment="go")
        await mine.top_up(CapOf(CapScope.PACK, "demo", DAY), 10**9, actor=ANN, comment="go")
        assert [(one.scope, one.hard) for one in (await mine.caps()).caps] == [
            (CapScope.PACK, 10**9 + 200_000),
            (CapScope.TENANT, 10**9 + 100_000),
        ]
        await finished(engine, "ask")
        everywhere = (await engine.budget.caps()).caps
        assert (CapScope.MODEL, "acme") in {(one.scope, one.tenant) for one in everywhere}


async def test_a_run_s_own_cap_is_topped_up_by_its_id(home: Home) -> None:
    async with asking(home, budget({"scope": "run", "hard": "0.0001"})) as (engine, _):
        run = await failed(engine, "ask")
        await engine.budget.top_up(CapOf(CapScope.RUN, run.run_id, TOTAL), 10**9, actor=ANN, comment="once")
        await retry(engine, run.run_id)
        assert (await rest(engine, run.run_id)).status is RunStatus.COMPLETED
        assert (await failed(engine, "ask")).error is not None


async def test_a_top_up_of_a_run_is_bound_to_the_cap_that_was_seen(home: Home) -> None:
    caps = {"scope": "run", "soft": "0.00005", "hard": "0.0001"}
    async with asking(home, budget(caps)) as (engine, _):
        run = await failed(engine, "ask")
        money = engine.for_(ANN).budget
        cap = await money.cap(CapOf(CapScope.RUN, run.run_id, TOTAL))
        assert cap is not None
        assert (cap.soft, cap.hard, cap.name) == (50_000, 100_000, run.run_id)
        seen = AsShown(soft=cap.soft, hard=cap.hard)
        more: dict[str, Any] = {"actor": ANN, "comment": "once", "seen": seen}
        raised = await money.top_up(CapOf(CapScope.RUN, run.run_id, TOTAL), 10**9, **more)
        assert raised is not None
        assert raised.hard == 1_000_100_000
        with pytest.raises(Refused) as caught:
            await money.top_up(CapOf(CapScope.RUN, run.run_id, TOTAL), 10**9, **more)
        assert caught.value.code == ErrorCode.CAP_CHANGED
        assert [one.kind for one in (await money.caps()).acts] == ["topped_up"]


async def test_a_pack_s_own_cap_of_a_run_is_part_of_what_is_seen(home: Home) -> None:
    home.flow("ask", agent(tools=(), max_tokens=BOUND))
    manifest = home.root / "shipped" / "demo" / "profession-pack.yaml"
    limit = {"tools": {"tool_policies": {"cost_limit_per_task": "$0.0001"}}}
    async with asking(home, budget()) as (engine, _):
        manifest.write_text(yaml.safe_dump({**yaml.safe_load(manifest.read_text()), **limit}))
        await engine.packs.reload()
        run = await failed(engine, "ask")
        cap = await engine.budget.cap(CapOf(CapScope.RUN, run.run_id, TOTAL))
        assert cap is not None
        assert (cap.source, cap.hard) == ("pack", 100_000)
        seen = AsShown(hard=cap.hard)
        more: dict[str, Any] = {"actor": ANN, "comment": "once"}
        await engine.budget.top_up(CapOf(CapScope.RUN, run.run_id, TOTAL), 1, seen=seen, **more)
        with pytest.raises(Refused):
            await engine.budget.top_up(CapOf(CapScope.RUN, run.run_id, TOTAL), 1, seen=seen, **more)


async def test_a_person_s_cap_counts_at_once_until_it_is_taken_back(home: Home) -> None:
    async with asking(home, budget()) as (engine, _):
        mine = engine.for_(ANN).budget
        await mine.set_cap(CapOf(CapScope.MODEL, "served", DAY), CapTerms(hard=1), actor=ANN, comment="stop")
        assert (await failed(engine, "ask")).error is not None
        (view,) = (await mine.caps()).caps
        assert (view.scope, view.name, view.source, view.hard) == (CapScope.MODEL, "served", "person", 1)
        await mine.set_cap(CapOf(CapScope.MODEL, "served", DAY), CapTerms(), actor=ANN)
        await finished(engine, "ask")
        with pytest.raises(InvalidInput, match="nobody has set"):
            await mine.set_cap(CapOf(CapScope.MODEL, "served", DAY), CapTerms(), actor=ANN)


@pytest.mark.parametrize(
    ("scope", "name", "soft", "hard"),
    [
        ("tenant", "default", 2, 1),
        ("pack", " ", None, 1),
        ("run", "run_1", None, 1),
        ("pack", "demo", -1, None),
        ("pack", "p" * 201, None, 1),
    ],
)
async def test_a_cap_that_cannot_hold_is_refused(
    home: Home, scope: str, name: str, soft: int | None, hard: int | None
) -> None:
    async with home.open() as engine:
        with pytest.raises(InvalidInput):
            await engine.budget.set_cap(
                CapOf(CapScope(scope), name, TOTAL), CapTerms(soft=soft, hard=hard), actor=ANN
            )


async def test_a_comment_that_no_list_could_show_is_refused(home: Home) -> None:
    home.flow("ask", agent(tools=()))
    async with home.open() as engine:
        with pytest.raises(InvalidInput, match="500 characters"):
            await engine.budget.set_cap(
                CapOf(CapScope.PACK, "demo", TOTAL), CapTerms(hard=1), actor=ANN, comment="c" * 501
            )
        assert (await engine.budget.caps()).acts == ()


async def test_a_cap_of_a_pack_that_is_not_there_is_refused_and_a_pause_stays_when_nothing_is_said(
    home: Home,
) -> None:
    home.flow("ask", agent(tools=()))
    async with home.open() as engine:
        money = engine.for_(ANN).budget
        with pytest.raises(InvalidInput, match="there are demo"):
            await money.set_cap(CapOf(CapScope.PACK, "dmeo", DAY), CapTerms(hard=1), actor=ANN)
        await money.set_cap(CapOf(CapScope.PACK, "*", DAY), CapTerms(hard=1), actor=ANN)
        await money.set_cap(CapOf(CapScope.PACK, "demo", DAY), CapTerms(soft=1, pause=True), actor=ANN)
        await money.set_cap(CapOf(CapScope.PACK, "demo", DAY), CapTerms(soft=2), actor=ANN)
        (cap,) = [one for one in (await money.caps()).caps if one.name == "demo"]
        assert (cap.soft, cap.pauses) == (2, True)


async def test_only_admins_change_caps_and_nobody_those_of_another_tenant(home: Home) -> None:
    home.flow("ask", agent(tools=()))
    operators = {
        "op": Operator(tenants=("default",), roles=frozenset({Role.OPERATOR})),
        "boss": Operator(tenants=("default",), roles=frozenset({Role.ADMIN})),
    }
    op, boss = Actor(name="op", account="op"), Actor(name="boss", account="boss")
    async with home.open(operators=operators) as engine:
        with pytest.raises(Refused):
            await engine.for_(op).budget.set_cap(
                CapOf(CapScope.PACK, "demo", DAY), CapTerms(hard=1), actor=op
            )
        await engine.for_(boss).budget.set_cap(
            CapOf(CapScope.PACK, "demo", DAY), CapTerms(hard=1), actor=boss
        )
        assert [one.tenant for one in (await engine.for_(op).budget.caps()).caps] == ["default"]


async def test_people_are_told_once_that_a_soft_cap_is_reached(home: Home) -> None:
    channel = FakeChannel()
    cap = {"scope": "tenant", "window": "total", "soft": "0.0005"}
    async with asking(home, budget(cap), notify={"way": channel}) as (engine, _):
        for _ in range(3):
            await finished(engine, "ask")
        await until(lambda: channel.has(NoticeKind.BUDGET))
        assert "tenant default" in channel.told[0].title
        assert "$0.0009" in channel.told[0].text
        (view,) = (await engine.budget.caps()).caps
        assert view.state is CapState.SOFT


async def test_a_change_that_was_made_on_what_is_not_so_any_more_is_refused(home: Home) -> None:
    cap = {"scope": "pack", "of": "demo", "window": "day", "soft": 1, "hard": 2}
    async with asking(home, budget(cap)) as (engine, _):
        mine = engine.for_(ANN).budget
        seen = AsShown(soft=10**9, hard=2 * 10**9)
        place = (CapScope.PACK, "demo", DAY)
        more = await mine.top_up(CapOf(*place), 10**9, actor=ANN, comment="rush", seen=seen)
        assert more is not None
        assert (more.soft, more.hard) == (2 * 10**9, 3 * 10**9)
        with pytest.raises(Refused) as refused:
            await mine.top_up(CapOf(*place), 10**9, actor=ANN, comment="rush, too", seen=seen)
        assert refused.value.code == "cap_changed"
        with pytest.raises(Refused):
            await mine.set_cap(CapOf(*place), CapTerms(hard=5), actor=ANN, seen=seen)
        with pytest.raises(Refused):
            await mine.set_cap(CapOf(CapScope.MODEL, "served", DAY), CapTerms(hard=5), actor=ANN, seen=seen)
        await mine.set_cap(CapOf(CapScope.MODEL, "served", DAY), CapTerms(hard=5), actor=ANN, seen=AsShown())
        assert len((await mine.caps()).acts) == 2


async def test_caps_that_change_are_news(home: Home) -> None:
    async with asking(home, budget()) as (engine, _), engine.feed.subscribe(topics={Topic.CAPS}) as batches:
        await engine.budget.set_cap(CapOf(CapScope.PACK, "demo", DAY), CapTerms(hard=10**9), actor=ANN)
        assert await anext(batches) == FeedBatch(notices=(CapsChanged(),))


async def test_a_cap_of_each_pack_is_told_of_one_that_has_not_spent_anything_and_can_be_changed(
    home: Home,
) -> None:
    cap = {"scope": "pack", "of": "*", "window": "month", "soft": 1, "hard": 2}
    async with asking(home, budget(cap)) as (engine, _):
        mine = engine.for_(ANN).budget
        place = (CapScope.PACK, "demo", CapWindow.MONTH)
        shown = await mine.cap(CapOf(*place))
        assert shown is not None
        assert (shown.soft, shown.hard, shown.spent) == (10**9, 2 * 10**9, 0)
        seen = AsShown(soft=shown.soft, hard=shown.hard)
        await mine.set_cap(CapOf(*place), CapTerms(hard=3 * 10**9), actor=ANN, seen=seen)
        changed = await mine.cap(CapOf(*place))
        assert changed is not None
        assert (changed.hard, changed.source) == (3 * 10**9, "person")
        assert await mine.cap(CapOf(CapScope.MODEL, "served", DAY)) is None
        with pytest.raises(NotFound):
            await mine.cap(CapOf(CapScope.TENANT, "acme", DAY))


async def test_a_cap_of_a_model_that_is_not_there_is_refused_whoever_sets_it(home: Home) -> None:
    async with asking(home, budget()) as (engine, _):
        with pytest.raises(InvalidInput, match="there is no model 'srved'"):
            await engine.budget.set_cap(CapOf(CapScope.MODEL, "srved", DAY), CapTerms(hard=5), actor=ANN)
