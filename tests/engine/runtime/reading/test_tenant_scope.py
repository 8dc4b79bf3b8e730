"""Each person's engine: what belongs to another tenant is not there, and every verb asks for its role."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.actor import Actor, Operator, Role
from engine.contracts.notes import SavedFilter
from engine.contracts.runs.listed import RunFilter
from engine.contracts.runs.run import EventFilter
from engine.contracts.status import OutcomeDecision
from engine.errors import ErrorCode, NotFound, Refused
from engine.governance.policies import Policies
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    form,
    pending_approval,
    tool,
    until,
)
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from engine.facade.engine import Engine

Call = Callable[["Engine", dict[str, str]], Awaitable[Any]]

OF_RUNS: dict[str, Call] = {
    "get": lambda engine, ids: engine.runs.get(ids["run"]),
    "summary": lambda engine, ids: engine.runs.summary(ids["run"]),
    "events": lambda engine, ids: engine.runs.events(ids["run"]),
    "find_events": lambda engine, ids: engine.runs.find_events(ids["run"], EventFilter()),
    "as_of": lambda engine, ids: engine.runs.as_of(ids["run"], 1),
    "timeline": lambda engine, ids: engine.runs.timeline(ids["run"]),
    "files": lambda engine, ids: engine.runs.files(ids["run"]),
    "file_text": lambda engine, ids: engine.runs.file_text(ids["run"], "response.json"),
    "steps": lambda engine, ids: engine.runs.steps(ids["run"]),
    "steps_at": lambda engine, ids: engine.runs.steps_at(ids["run"], ["gate"]),
    "step": lambda engine, ids: engine.runs.step(ids["run"], "gate"),
    "conversation": lambda engine, ids: engine.runs.conversation(ids["run"], "gate"),
    "wait": lambda engine, ids: engine.runs.wait(ids["run"], timeout=0.01),
    "successors": lambda engine, ids: engine.runs.successors(ids["run"]),
    "handoffs": lambda engine, ids: engine.runs.handoffs(ids["run"]),
    "hand_off": lambda engine, ids: engine.runs.hand_off(ids["run"], "demo", None, {}, actor=ANN),
    "pause": lambda engine, ids: engine.runs.pause(ids["run"], actor=ANN),
    "resume": lambda engine, ids: engine.runs.resume(ids["run"], actor=ANN),
    "cancel": lambda engine, ids: engine.runs.cancel(ids["run"], actor=ANN),
    "narrow": lambda engine, ids: engine.runs.narrow(ids["run"], actor=ANN, without=("files.read",)),
    "tell": lambda engine, ids: engine.runs.tell(ids["run"], "mind the time zone", actor=ANN),
    "snapshot": lambda engine, ids: engine.runs.snapshot(ids["run"]),
    "retry": lambda engine, ids: engine.runs.retry(ids["run"], actor=ANN),
    "find_id": lambda engine, ids: engine.runs.find_id(ids["run"]),
    "output": lambda engine, ids: engine.runs.output(ids["run"]),
    "start_again": lambda engine, ids: engine.runs.start_again(ids["run"], {}, actor=ANN),
}
OF_REQUESTS: dict[str, Call] = {
    "approval": lambda engine, ids: engine.requests.approval(ids["approval"]),
    "approve": lambda engine, ids: engine.requests.approve(ids["approval"], actor=ANN),
    "reject": lambda engine, ids: engine.requests.reject(ids["approval"], actor=ANN, comment="no"),
    "claim": lambda engine, ids: engine.requests.claim(ids["approval"], actor=ANN),
    "release": lambda engine, ids: engine.requests.release(ids["approval"], actor=ANN),
    "earlier": lambda engine, ids: engine.requests.earlier(ids["approval"]),
    "form": lambda engine, ids: engine.requests.form(ids["form"]),
    "token": lambda engine, ids: engine.requests.token(ids["form"], actor=ANN),
    "answer": lambda engine, ids: engine.requests.answer(ids["form"], {"word": "x"}, actor=ANN),
}
OF_OUTCOMES: dict[str, Call] = {
    "outcome": lambda engine, ids: engine.requests.outcome(ids["outcome"]),
    "decide_outcome": lambda engine, ids: engine.requests.decide_outcome(
        ids["outcome"], OutcomeDecision.DONE, actor=ANN
    ),
}


async def filled(engine: Engine) -> dict[str, str]:
    """Ids of what tenant acme has: a run at an approval, and one at a form."""
    run = await engine.runs.start("demo", "gated", {}, actor=ANN, tenant="acme")
    asked = await engine.runs.start("demo", "asks", {}, actor=ANN, tenant="acme")
    found = await pending_approval(engine, run.run_id)
    await engine.runs.wait(asked.run_id, timeout=PATIENCE)
    (waiting,) = (await engine.requests.forms(run_id=asked.run_id)).items
    return {"run": run.run_id, "approval": found.approval_id, "form": waiting.request_id}


@pytest.fixture
def acme(home: Home) -> Home:
    home.flow("gated", approval("gate", gates="a"), tool("a"))
    home.flow("asks", form())
    return home


async def test_an_id_of_another_tenant_is_not_found_by_any_method(acme: Home) -> None:
    async with acme.working() as engine:
        ids = await filled(engine)
        stranger = engine.for_(ANN, tenant="beta")
        for name, call in {**OF_RUNS, **OF_REQUESTS}.items():
            with pytest.raises(NotFound):
                assert not await call(stranger, ids), f"{name} found what belongs to another tenant"
        assert await stranger.runs.position(ids["run"]) is None
        assert (await engine.requests.approval(ids["approval"])).status == "PENDING"


async def test_an_interrupted_call_of_another_tenant_is_not_found_either(acme: Home) -> None:
    acme.flow("sends", tool("send", "fake.slow", on_lost="ask"))
    async with acme.open() as engine:
        async with engine.work():
            run = await engine.runs.start("demo", "sends", {}, actor=ANN, tenant="acme")

            async def called() -> bool:
                return acme.tools.under_way > 0

            await until(called)
        async with engine.work():
            await engine.runs.wait(run.run_id, timeout=PATIENCE)
        (asked,) = (await engine.requests.outcomes()).items
        stranger = engine.for_(ANN, tenant="beta")
        for name, call in OF_OUTCOMES.items():
            with pytest.raises(NotFound):
                assert not await call(stranger, {"outcome": asked.request_id}), f"{name} found it"
        assert (await stranger.requests.outcomes()).items == ()
        assert (await stranger.runs.counts()).outcomes_pending == 0
        assert (await engine.requests.outcome(asked.request_id)).status == "PENDING"


async def test_the_methods_tried_are_all_there_are(acme: Home) -> None:
    async with acme.open() as engine:
        lists = {"list", "count", "counts", "position", "start", "all_events", "session"}
        assert public(engine.runs) - lists == set(OF_RUNS)
        lists = {"approvals", "forms", "outcomes", "check"}
        assert public(engine.requests) - lists - set(OF_OUTCOMES) == set(OF_REQUESTS)


def public(part: object) -> set[str]:
    mixed_in = {"within", "access", "reader"}
    return {name for name in dir(part) if not name.startswith("_")} - mixed_in


async def test_lists_and_counts_hold_what_is_in_view(acme: Home) -> None:
    async with acme.working() as engine:
        await filled(engine)
        for tenant, runs in (("acme", 2), ("beta", 0)):
            mine = engine.for_(ANN, tenant=tenant)
            assert len((await mine.runs.list()).items) == await mine.runs.count() == runs
            assert (await mine.runs.counts()).approvals_pending == runs // 2
            assert len({event.run_id for event in (await mine.runs.all_events()).events}) == runs
            assert len((await mine.requests.approvals()).items) == runs // 2
            assert len((await mine.requests.forms()).items) == runs // 2
        with pytest.raises(NotFound):
            await engine.for_(ANN, tenant="beta").runs.list(RunFilter(tenant="acme"))
        assert await engine.for_(ANN, all_tenants=True).runs.count() == 2


async def test_drafts_filters_and_counts_of_packs_are_those_of_the_tenant_in_view(acme: Home) -> None:
    async with acme.working() as engine:
        await filled(engine)
        views = [engine.for_(ANN, tenant="acme"), engine.for_(ANN, tenant="beta")]
        await views[0].drafts.keep("ann", "form", {"word": "x"})
        await views[0].saved_filters.save("ann", SavedFilter(name="mine", text="failed"))
        assert [await view.drafts.get("ann", "form") for view in views] == [{"word": "x"}, None]
        assert [len(await view.saved_filters.list("ann")) for view in views] == [1, 0]
        packs = [await view.packs.get("demo") for view in (*views, engine)]
        assert [sum(one.runs for one in pack.view.runs) for pack in packs] == [2, 0, 2]


async def test_a_run_belongs_to_the_tenant_in_view(acme: Home) -> None:
    async with acme.open() as engine:
        mine = engine.for_(ANN, tenant="beta")
        assert (await mine.runs.start("demo", "asks", {}, actor=ANN)).tenant == "beta"
        with pytest.raises(NotFound):
            await mine.runs.start("demo", "asks", {}, actor=ANN, tenant="acme")


async def test_news_of_another_tenant_are_no_news(acme: Home) -> None:
    async with acme.open() as engine, engine.for_(ANN, tenant="beta").feed.subscribe() as news:
        await engine.runs.start("demo", "asks", {}, actor=ANN, tenant="acme")
        mine = await engine.runs.start("demo", "asks", {}, actor=ANN, tenant="beta")
        async with asyncio.timeout(PATIENCE):
            batch = await anext(news)
        assert {event.run_id for event in batch.events} == {mine.run_id}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.APPROVER])
async def test_every_verb_asks_for_its_role(acme: Home, role: Role) -> None:
    operators = {"vi": Operator(tenants=("acme",), roles=frozenset({role}))}
    vi = Actor(name="vi", account="vi")
    async with acme.working(operators=operators) as whole:
        ids = await filled(whole)
        engine = whole.for_(vi)
        verbs: dict[Role, list[Callable[[], Awaitable[Any]]]] = {
            Role.OPERATOR: [
                lambda: engine.runs.start("demo", "asks", {}, actor=vi),
                lambda: engine.runs.pause(ids["run"], actor=vi),
                lambda: engine.requests.answer(ids["form"], {"word": "x"}, actor=vi),
            ],
            Role.APPROVER: [
                lambda: engine.requests.claim(ids["approval"], actor=vi),
                lambda: engine.requests.approve(ids["approval"], actor=vi),
            ],
            Role.ADMIN: [lambda: engine.packs.trust("demo", "0", actor=vi)],
        }
        for needed, calls in verbs.items():
            for call in calls:
                if needed is role:
                    await call()
                    continue
                with pytest.raises(Refused) as caught:
                    await call()
                assert (caught.value.code, caught.value.details["needs"]) == (ErrorCode.ROLE_MISSING, needed)


async def test_where_duties_are_separate_nobody_approves_what_they_requested(acme: Home) -> None:
    impersonating = Actor(name="ann (as the-ciso)", account="ann")
    async with acme.working(policies=Policies(separate_duties=True)) as engine:
        ids = await filled(engine)
        for actor in (ANN, impersonating):
            with pytest.raises(Refused) as caught:
                await engine.requests.approve(ids["approval"], actor=actor)
            assert caught.value.code is ErrorCode.OWN_REQUEST
        decided = await engine.requests.approve(ids["approval"], actor=Actor(name="bob", account="bob"))
        assert decided.decided_by == "bob"


async def test_a_decision_records_name_account_and_way(acme: Home) -> None:
    actor = Actor(name="ann (as the-ciso)", account="ann", via="ssh")
    async with acme.working() as engine:
        ids = await filled(engine)
        await engine.requests.approve(ids["approval"], actor=actor)
        await engine.requests.answer(ids["form"], {"word": "x"}, actor=actor)
        form_run = (await engine.requests.form(ids["form"])).run_id
        for run_id, kind in ((ids["run"], "approval_decided"), (form_run, "user_input_received")):
            (event,) = [e for e in await engine.runs.events(run_id) if e.kind == kind]
            assert event.actor == "ann (as the-ciso)"
            assert (event.account, event.via) == ("ann", "ssh")
