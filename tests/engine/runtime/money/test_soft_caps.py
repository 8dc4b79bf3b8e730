"""Soft caps: people are asked once how runs go on, runs wait where a cap says so, and the answer holds."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.actor import Actor, Operator, Role
from engine.contracts.governing.budget import CapOf, CapScope, CapTerms, CapWindow
from engine.contracts.status import RUN_TERMINAL, RequestStatus, RunStatus
from engine.errors import AlreadyDecided, ErrorCode, InvalidInput, NotFound, Refused, Unavailable
from engine.journal.memory.journal import MemoryJournal
from engine.models.settings import ModelSettings, NamedModel, ProviderName
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent
from tests.engine.runtime.embedded_home import ANN, BOB, Home, finished, start, until
from tests.engine.runtime.fake_clock import FakeClock, slow_clock
from tests.engine.runtime.fake_faults import FakeFaults
from tests.engine.runtime.money.test_caps import BOUND, answer, budget
from tests.engine.runtime.money.test_spending import ANSWER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.contracts.runs.listed import RunView
    from engine.contracts.runs.request import FormView
    from engine.facade.engine import Engine
    from engine.journal.records import NewRun
    from tests.engine.models.loopback import Loopback

PACKS = Path(__file__).parents[4] / "packs"
TENANT, DAY, TOTAL = CapScope.TENANT, CapWindow.DAY, CapWindow.TOTAL
SOFT = "0.0005"
"""Reached by the second answer."""
SMALL_BOUND = BOUND - 1
"""Tokens that an answer of the lower tier may have."""
PAUSES: dict[str, Any] = {"scope": "tenant", "window": "total", "soft": SOFT, "on_soft": "pause"}
WARNS: dict[str, Any] = {"scope": "tenant", "window": "total", "soft": SOFT}


@pytest.fixture(autouse=True)
def _short_rounds(home: Home) -> None:
    home.round_seconds = 0.02


@asynccontextmanager
async def asking(
    home: Home, *caps: dict[str, Any], heard: list[Loopback] | None = None, **config: Any
) -> AsyncIterator[Engine]:
    """Two tiers of the same server, which is put into `heard`; the pack that asks is there."""
    for name in ("budget", "_shared"):  # beside the loop, where nobody looks at each call that may block
        await asyncio.to_thread(
            shutil.copytree, PACKS / name, home.root / "shipped" / name, dirs_exist_ok=True
        )
    home.flow("ask", agent(tools=(), max_tokens=BOUND))
    async with serving(answer) as server:
        if heard is not None:
            heard.append(server)
        named = {
            name: NamedModel(
                provider=ProviderName.OPENAI, model=name, base_url=server.url, api_key="", max_tokens=bound
            )
            for name, bound in (("served", None), ("small", SMALL_BOUND))
        }
        tiers = {"high": "served", "low": "small"}
        models = ModelSettings(default="served", named=named, tiers=tiers, fallback=("high", "low"))
        prices = {"served": {"input": 3, "output": 15}, "small": {"input": 1, "output": 1}}
        settings = budget(*caps, prices=prices)
        async with home.working(models=models, budget=settings, **config) as engine:
            yield engine


async def asked(engine: Engine) -> FormView:
    """The one form about a soft cap, once it is there."""

    async def there() -> bool:
        return bool((await engine.requests.forms()).items)

    await until(there)
    (form,) = (await engine.requests.forms()).items
    return form


async def crossed(engine: Engine) -> FormView:
    for _ in range(2):
        await finished(engine, "ask")
    return await asked(engine)


async def paused(engine: Engine) -> str:
    run_id = await start(engine, "ask")

    async def is_paused() -> bool:
        return (await engine.runs.summary(run_id)).status is RunStatus.PAUSED

    await until(is_paused)
    return run_id


async def ended(engine: Engine, run_id: str) -> RunView:
    async def is_over() -> bool:
        return (await engine.runs.summary(run_id)).status in RUN_TERMINAL

    await until(is_over)
    return await engine.runs.summary(run_id)


async def test_a_soft_cap_asks_once_though_no_run_waits_and_many_go_on(home: Home) -> None:
    async with asking(home, WARNS) as engine:
        form = await crossed(engine)
        assert "tenant default" in (form.title or "")
        assert "$0.0009 of $0.0005 spent, hard cap none. Runs go on meanwhile." in form.prompt
        await finished(engine, "ask")
        await finished(engine, "ask")
        assert [one.request_id for one in (await engine.requests.forms(status=None)).items] == [
            form.request_id
        ]
        run = await engine.runs.summary(form.run_id)
        assert (run.pack, run.requested_by) == ("budget", "vasini budget")


class FakeFullJournal(MemoryJournal):
    """Has no room for the first run that would ask about a soft cap."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0

    async def create_run(self, run: NewRun) -> tuple[str, bool]:
        if run.pack == "budget" and not self.refused:
            self.refused += 1
            raise Unavailable(ErrorCode.DISK_FULL, "the disk is full")
        return await super().create_run(run)


async def test_a_question_that_could_not_be_written_is_asked_at_the_next_look(home: Home) -> None:
    journal = FakeFullJournal()
    async with asking(home, WARNS, journal=journal) as engine:
        form = await crossed(engine)
        assert journal.refused == 1
        assert "tenant default" in (form.title or "")


async def test_runs_wait_at_a_boundary_and_a_top_up_wakes_them_with_the_same_attempt(home: Home) -> None:
    async with asking(home, PAUSES) as engine:
        form = await crossed(engine)
        assert "wait there until" in form.prompt
        waiting = [await paused(engine), await paused(engine)]
        held = [one for one in await engine.runs.events(waiting[0]) if "held_back" in one.kind]
        assert [one.payload["cap"]["scope"] for one in held] == ["tenant"]
        run = await engine.runs.summary(waiting[0])
        assert run.waiting_for is not None
        assert run.waiting_for.text == "a word about the soft cap of tenant default"
        values = {"choice": "top_up", "amount": "0.50", "comment": "rush"}
        await engine.requests.answer(form.request_id, values, actor=ANN)
        (cap,) = (await engine.budget.caps()).caps
        assert (cap.soft, cap.topped_up) == (500_500_000, 500_000_000)
        for run_id in waiting:
            run = await ended(engine, run_id)
            assert (run.cost, run.waiting_for) == (ANSWER, None)
            steps = (await engine.runs.get(run_id)).steps
            assert {step.attempt for step in steps} == {1}
        (act, *_) = (await engine.budget.caps()).acts
        assert (act.kind, act.actor, act.amount, act.comment) == ("topped_up", ANN.name, 500_000_000, "rush")


async def test_the_model_of_the_next_lower_tier_is_asked_when_a_person_says_so(home: Home) -> None:
    heard: list[Loopback] = []
    async with asking(home, PAUSES, heard=heard) as engine:
        form = await crossed(engine)
        run_id = await paused(engine)
        await engine.requests.answer(form.request_id, {"choice": "lower_model"}, actor=ANN)
        run = await ended(engine, run_id)
        bounds = [one.body["max_tokens"] for server in heard for one in server.asked]
        assert bounds[-1] == SMALL_BOUND < min(bounds[:-1]), "it answers as briefly as it may"
        assert run.cost == 110 * 1_000
        used = [one for one in await engine.runs.events(run_id) if one.kind == "model_usage"]
        assert [one.payload["model"] for one in used] == ["small"]
        assert "a lower tier since the soft cap of tenant default" in used[0].payload["why"]


async def test_stop_ends_runs_at_their_next_question_without_a_failure(home: Home) -> None:
    async with asking(home, WARNS) as engine:
        form = await crossed(engine)
        await engine.requests.answer(form.request_id, {"choice": "stop", "comment": "enough"}, actor=ANN)
        run = await ended(engine, await start(engine, "ask"))
        assert (run.status, run.cost) == (RunStatus.CANCELLED, 0)
        await engine.budget.top_up(CapOf(TENANT, "default", TOTAL), 10**9, actor=ANN, comment="after all")
        await finished(engine, "ask")


async def test_stop_ends_runs_that_wait_and_the_run_that_started_one(home: Home) -> None:
    home.flow("above", {"id": "below", "type": "subflow", "subflow": "ask"})
    async with asking(home, PAUSES) as engine:
        form = await crossed(engine)
        alone = await paused(engine)
        parent = await start(engine, "above")

        async def child_waits() -> bool:
            runs = (await engine.runs.list()).items
            return sum(run.status is RunStatus.PAUSED for run in runs) == 2

        await until(child_waits)
        await engine.requests.answer(form.request_id, {"choice": "stop"}, actor=ANN)
        for run_id in (alone, parent):
            assert (await ended(engine, run_id)).status is RunStatus.CANCELLED


async def test_a_run_whose_operator_resumes_it_waits_again_and_a_top_up_by_hand_wakes_it(home: Home) -> None:
    async with asking(home, PAUSES) as engine:
        await crossed(engine)
        run_id = await paused(engine)
        await engine.runs.resume(run_id, actor=ANN)

        async def held_twice() -> bool:
            kinds = [one.kind for one in await engine.runs.events(run_id)]
            return kinds.count("model_call_held_back") == 2

        await until(held_twice)
        await engine.budget.top_up(CapOf(TENANT, "default", TOTAL), 10**9, actor=ANN, comment="go")
        assert (await ended(engine, run_id)).status is RunStatus.COMPLETED


async def test_what_an_answer_needs_is_asked_for_and_nothing_is_recorded_without_it(home: Home) -> None:
    async with asking(home, WARNS) as engine:
        form = await crossed(engine)
        for values in (
            {"choice": "top_up", "comment": "why"},
            {"choice": "top_up", "amount": "1"},
            {"choice": "top_up", "amount": "0", "comment": "why"},
            {"choice": "top_up", "amount": "١", "comment": "why"},
            {"choice": "stop", "amount": "1"},
            {"choice": "more"},
        ):
            with pytest.raises(InvalidInput):
                await engine.requests.answer(form.request_id, values, actor=ANN)
        assert [one.kind for one in (await engine.budget.caps()).acts] == ["soft_reached"]
        assert (await engine.requests.form(form.request_id)).status is RequestStatus.PENDING


async def test_a_question_comes_back_with_its_window_when_the_clock_is_set_back(
    home: Home,
) -> None:
    clock = FakeClock()
    daily = {**WARNS, "window": "day"}
    async with asking(home, daily, clock=clock) as engine:
        first = await crossed(engine)
        for _ in range(2):
            clock.set_by(3 * 86_400)
            assert (await ended(engine, first.run_id)).status is RunStatus.CANCELLED
            clock.set_by(-3 * 86_400)
            again = await asked(engine)
            assert (again.form_id, again.run_id != first.run_id) == (first.form_id, True)
            first = again
        values = {"choice": "top_up", "amount": "1", "comment": "more"}
        await engine.requests.answer(first.request_id, values, actor=ANN)
        assert (await engine.budget.caps()).caps[0].topped_up == 10**9


async def test_a_window_that_came_too_early_is_asked_about_when_it_is_in_force(home: Home) -> None:
    clock = FakeClock()
    clock.set_by(3 * 86_400)
    daily = {**WARNS, "window": "day"}
    async with asking(home, daily, clock=clock) as engine:
        early = await crossed(engine)
        clock.set_by(-3 * 86_400)
        await ended(engine, early.run_id)
        clock.set_by(3 * 86_400)
        assert (await asked(engine)).form_id == early.form_id


async def test_the_first_answer_counts_and_a_second_one_changes_nothing(home: Home) -> None:
    async with asking(home, WARNS) as engine:
        form = await crossed(engine)
        await engine.requests.answer(form.request_id, {"choice": "stop"}, actor=ANN)
        values = {"choice": "top_up", "amount": "1", "comment": "no"}
        with pytest.raises(AlreadyDecided):
            await engine.requests.answer(form.request_id, values, actor=BOB)
        assert [one.kind for one in (await engine.budget.caps()).acts] == ["stopped", "soft_reached"]


@pytest.mark.parametrize("other", ["topped up", "set anew", "taken back"])
async def test_a_form_tops_up_no_cap_that_somebody_changed_since_it_asked(home: Home, other: str) -> None:
    caps = () if other == "taken back" else (WARNS,)
    async with asking(home, *caps) as engine:
        money, amount = engine.budget, 500_000
        if not caps:
            await money.set_cap(CapOf(TENANT, "default", TOTAL), CapTerms(soft=amount), actor=ANN)
        form = await crossed(engine)
        if other == "topped up":
            await money.top_up(CapOf(TENANT, "default", TOTAL), 10**9, actor=ANN, comment="rush")
        else:
            soft = None if other == "taken back" else 10**9
            await money.set_cap(CapOf(TENANT, "default", TOTAL), CapTerms(soft=soft), actor=ANN)
        values = {"choice": "top_up", "amount": "1", "comment": "rush"}
        with pytest.raises(Refused) as refused:
            await engine.requests.answer(form.request_id, values, actor=BOB)
        assert refused.value.code == "cap_changed"
        assert sum(act.kind == "topped_up" for act in (await money.caps()).acts) == (other == "topped up")
        await engine.requests.answer(form.request_id, {"choice": "stop"}, actor=BOB)


async def test_an_open_form_says_that_its_cap_was_topped_up_elsewhere(home: Home) -> None:
    async with asking(home, PAUSES) as engine:
        form = await crossed(engine)
        assert form.note is None
        money = engine.for_(ANN, tenant="default").budget
        await money.top_up(CapOf(TENANT, "default", TOTAL), 10**9, actor=BOB, comment="rush")
        note = (await engine.requests.form(form.request_id)).note
        assert note is not None
        assert "it is $1.0005 now. top_up is refused here" in note
        assert (await engine.runs.get(form.run_id)).forms[0].note == note
        assert (await asked(engine)).note == note
        await engine.requests.answer(form.request_id, {"choice": "stop"}, actor=ANN)
        assert (await engine.requests.form(form.request_id)).note is None


async def test_who_may_not_raise_a_cap_may_not_by_its_form_but_operators_may_stop(home: Home) -> None:
    operators = {
        "op": Operator(tenants=("default",), roles=frozenset({Role.OPERATOR})),
        "far": Operator(tenants=("other",), roles=frozenset({Role.ADMIN})),
    }
    op, far = Actor(name="op", account="op"), Actor(name="far", account="far")
    async with asking(home, WARNS, operators=operators) as engine:
        form = await crossed(engine)
        values = {"choice": "top_up", "amount": "1", "comment": "mine"}
        with pytest.raises(Refused):
            await engine.for_(op).requests.answer(form.request_id, values, actor=op)
        with pytest.raises(NotFound):
            await engine.for_(far).requests.answer(form.request_id, {"choice": "stop"}, actor=far)
        await engine.for_(op).requests.answer(form.request_id, {"choice": "stop"}, actor=op)


async def test_a_form_that_somebody_else_started_changes_no_cap(home: Home) -> None:
    async with asking(home, WARNS) as engine:
        form = await crossed(engine)
        given = (await engine.runs.summary(form.run_id)).input
        await engine.requests.answer(form.request_id, {"choice": "lower_model"}, actor=ANN)
        await engine.runs.start("budget", "soft-cap", given, actor=BOB)
        forged = await asked(engine)
        values = {"choice": "top_up", "amount": "1000", "comment": "mine"}
        await engine.requests.answer(forged.request_id, values, actor=ANN)
        assert [one.kind for one in (await engine.budget.caps()).acts] == ["lowered", "soft_reached"]


@pytest.mark.parametrize("moment", ["before_commit", "after_commit", "before_tool", "after_tool"])
async def test_work_that_breaks_off_at_any_moment_leaves_no_run_behind(home: Home, moment: str) -> None:
    faults = FakeFaults()
    # what ended unexpectedly is tried again after a lease
    async with asking(home, PAUSES, clock=slow_clock(), faults=faults, lease_seconds=0.3) as engine:
        form = await crossed(engine)
        if moment.endswith("tool"):
            faults.fail(moment)
        run_id = await paused(engine)
        values = {"choice": "top_up", "amount": "1", "comment": "on"}
        faults.fail(moment)
        await engine.requests.answer(form.request_id, values, actor=ANN)
        assert (await ended(engine, run_id)).status is RunStatus.COMPLETED
        assert len((await engine.requests.forms(status=None)).items) == 1
        assert [one.kind for one in (await engine.budget.caps()).acts] == ["topped_up", "soft_reached"]
