"""The fake engine answers as the embedded one does: the same reads of the same runs, the same refusals."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from engine.contracts.actor import Actor
from engine.contracts.runs.listed import RunFilter, RunSort
from engine.contracts.runs.run import EventFilter
from engine.contracts.status import OutcomeDecision, RequestStatus, RunStatus
from engine.errors import NotFound, VasiniError
from engine.journal.memory.journal import MemoryJournal
from tests.engine.runtime.embedded_home import ANN, BOB, Home, approval, form, rest, tool
from tests.fakes.engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from engine.facade.engine import Engine

NOWHERE = "run_01nope"
RESPONSE = "response.json"


def _keeps_to_the_port(fake: FakeEngine) -> Engine:
    """Checked by types: the fake has every method of the facade."""
    return fake


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An embedded engine with runs of every kind, two packs, two tenants and three requesters."""
    home = Home(tmp_path)
    home.flow("one", tool("a", params={"x": 1}))
    home.flow("two", tool("a", params={"x": 1}), tool("b", params={"y": 2}), pack="other")
    home.flow("fails", tool("a", "fake.fail"))
    home.flow("gated", approval("gate", gates="a"), tool("a"))
    home.flow("asks", form())
    home.flow("top", {"id": "below", "type": "subflow", "subflow": "one"})
    async with home.open(journal=MemoryJournal()) as whole:
        async with whole.work():
            for pack, flow, tenant, actor in _STARTS:
                run = await whole.runs.start(pack, flow, {}, actor=actor, tenant=tenant)
                await rest(whole, run.run_id)
            decided, rejected, claimed, *_ = (await whole.requests.approvals()).items
            await whole.requests.approve(decided.approval_id, actor=BOB, comment="go on")
            await whole.requests.reject(rejected.approval_id, actor=BOB, comment="no")
            await whole.requests.claim(claimed.approval_id, actor=BOB)
            answered, *_ = (await whole.requests.forms()).items
            await whole.requests.answer(answered.request_id, {"word": "yes"}, actor=BOB)
            for run_id in (decided.run_id, rejected.run_id, answered.run_id):
                await rest(whole, run_id)
        for flow in ("one", "two"):
            await whole.runs.start("other" if flow == "two" else "demo", flow, {}, actor=ANN)
        newest = (await whole.runs.list(limit=1)).items[0]
        await whole.runs.cancel(newest.run_id, actor=BOB)
        yield whole


_EVE = Actor(name="eve-4", via="cli")
_STARTS = (
    ("demo", "one", "acme", ANN),
    ("other", "two", "acme", BOB),
    ("demo", "gated", "acme", ANN),
    ("demo", "gated", "acme", BOB),
    ("demo", "gated", "beta", _EVE),
    ("demo", "gated", "acme", _EVE),
    ("demo", "asks", "acme", ANN),
    ("demo", "asks", "beta", BOB),
    ("demo", "fails", "beta", _EVE),
    ("demo", "one", "acme", BOB),
    ("demo", "top", "acme", ANN),
)


async def faked(engine: Engine) -> FakeEngine:
    """A fake that holds what the engine tells."""
    fake = FakeEngine(stored_packs=await engine.packs.list())
    for summary in (await engine.runs.list(limit=1000)).items:
        run_id = summary.run_id
        detail = await engine.runs.get(run_id)
        fake.add(detail.run, *detail.approvals, *detail.forms)
        fake.stored_steps[run_id] = detail.steps
        fake.stored_files[run_id] = detail.files
        fake.stored_events[run_id] = await engine.runs.events(run_id)
        fake.stored_snapshots[run_id] = await engine.runs.snapshot(run_id)
        fake.stored_handoffs[run_id] = await engine.runs.handoffs(run_id)
        fake.stored_timelines[run_id] = await engine.runs.timeline(run_id)
        with suppress(NotFound):  # a run that has not ended has no response
            fake.stored_texts[run_id, RESPONSE] = await engine.runs.file_text(run_id, RESPONSE)
        for event in fake.stored_events[run_id]:
            past = await engine.runs.as_of(run_id, event.run_seq)
            fake.stored_pasts[run_id, event.run_seq] = past
    for view in fake.stored_packs:
        fake.packs.details[view.pack] = await engine.packs.get(view.pack)
    return fake


@dataclass(frozen=True)
class Call:
    """A call of a method of the facade, as `runs.list`."""

    method: str
    given: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)
    paged: bool = False
    """All pages, one after the other."""

    async def answer(self, engine: Engine) -> Any:
        """What it brings, as JSON, or the code it is refused with."""
        part, _, method = self.method.partition(".")
        ask = partial(getattr(getattr(engine, part), method), *self.given, **self.named)
        try:
            if not self.paged:
                return plain(await ask())
            pages = [await ask()]
            while pages[-1].next is not None:
                pages.append(await ask(after=pages[-1].next))
            return plain(pages)
        except VasiniError as error:
            return f"raises {error.code}"


def call(method: str, *given: Any, **named: Any) -> Call:
    return Call(method, given, named)


def paged(method: str, *given: Any, **named: Any) -> Call:
    return Call(method, given, named, paged=True)


def plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def lists_of_runs(fake: FakeEngine) -> Iterator[Call]:
    """Every filter in every order, paged, counted and located."""
    runs = sorted(fake.stored_runs.values(), key=lambda run: run.run_id)
    one = runs[0].run_id
    early, late = runs[1].created_at, runs[-2].created_at
    words = ("", "OTHER", "dem", "eve-4", "compl", "%", "_", "é", "nn")
    filters = [
        RunFilter(),
        *(RunFilter(status=(status,)) for status in RunStatus),
        RunFilter(status=(RunStatus.FAILED, RunStatus.QUEUED)),
        *(RunFilter(pack=pack) for pack in ("demo", "other", "Demo")),
        *(RunFilter(flow=flow) for flow in ("one", "none")),
        *(RunFilter(tenant=tenant) for tenant in ("acme", "beta", "nobody")),
        *(RunFilter(requested_by=name) for name in ("ann", "eve-4", "eve")),
        RunFilter(created_after=early),
        RunFilter(created_before=late),
        RunFilter(created_after=early, created_before=late, pack="demo", status=(RunStatus.COMPLETED,)),
        *(RunFilter(status=(RunStatus.FAILED, RunStatus.QUEUED), rejected=told) for told in (True, False)),
        *(RunFilter(nested=nested) for nested in (True, False)),
        *(RunFilter(parent=run.run_id) for run in runs if run.children or run is runs[0]),
        *(RunFilter(error=code) for code in ("approval_rejected", "tool_failed", "boom", "none")),
        RunFilter(ended_after=early),
        *(RunFilter(words=words) for words in ("no", "approval REJECTED", "1", "broke", "-", "nowhere")),
        RunFilter(words="reject", status=(RunStatus.FAILED,), requested_by="bob", nested=False),
        RunFilter(ended_before=late, text="dem", requested_by="ann", error="approval_rejected"),
        *(RunFilter(text=text) for text in (*words, "run_", one, one[:9], one[-6:], one[-3:], "run_01X")),
    ]
    for wanted in filters:
        yield call("runs.count", wanted)
        for sort in RunSort:
            yield paged("runs.list", wanted, sort=sort, limit=3)
            for run_id in (one, runs[-1].run_id, NOWHERE):
                yield call("runs.position", run_id, wanted, sort=sort)
    for offset, limit in ((0, 1), (2, 3), (100, 3), (-1, 3), (0, 0), (0, 100_000)):
        yield call("runs.list", offset=offset, limit=limit)
    for after in ("", "no cursor", "bm9uZQ", one):
        yield call("runs.list", after=after)
    for tenant in (None, "acme", "nobody"):
        yield call("runs.counts", tenant=tenant)
        yield call("runs.counts", tenant=tenant, failed_after=early)


def reads_of_a_run(fake: FakeEngine) -> Iterator[Call]:
    """Each run by its id, and one that is not there."""
    for run_id in (*fake.stored_runs, NOWHERE):
        for name in ("get", "summary", "steps", "timeline", "successors", "handoffs", "events"):
            yield call(f"runs.{name}", run_id)
        yield call("runs.files", run_id)
        yield call("runs.steps_at", run_id, ("gate", "none"))
        yield call("runs.steps_at", run_id, ("gate",), as_of=2)
        yield call("runs.steps_at", run_id, (), as_of=10_000)
        yield call("runs.steps", run_id, after="x")
        for step in ("a", "gate", "none"):
            yield call("runs.step", run_id, step)
        for number in (0, 1, 3, 10_000):
            yield call("runs.as_of", run_id, number)
        for name in (RESPONSE, "none"):
            yield call("runs.file_text", run_id, name)
        for after, limit in ((0, 2), (2, 500), (1000, 1), (0, 0), (2**63, 1)):
            yield call("runs.events", run_id, after_run_seq=after, limit=limit)
            for wanted in EVENT_FILTERS:
                yield call("runs.find_events", run_id, wanted, after_run_seq=after, limit=limit)


EVENT_FILTERS = (
    EventFilter(),
    EventFilter(kind="STEP"),
    EventFilter(step_id="gat"),
    EventFilter(actor="bob"),
    EventFilter(text='"x"'),
    EventFilter(text="nowhere"),
    EventFilter(kind="step", text="a"),
)


def reads_of_requests(fake: FakeEngine) -> Iterator[Call]:
    """Lists of each kind by status, run and tenant; each by its id, and by an id of another kind."""
    run_id = next(iter(fake.stored_approvals.values())).run_id
    for kind in ("approvals", "forms", "outcomes"):
        for status in (None, *RequestStatus):
            for run, tenant in ((None, None), (run_id, None), (NOWHERE, None), (None, "acme"), (None, "x")):
                yield paged(f"requests.{kind}", status=status, run_id=run, tenant=tenant, limit=2)
        for limit in (0, 5_000):
            yield call(f"requests.{kind}", limit=limit)
        for after in ("", NOWHERE):
            yield call(f"requests.{kind}", after=after)
    for request_id in (*fake.stored_approvals, *fake.stored_forms, "appr_none"):
        for name in ("approval", "form", "outcome", "earlier"):
            yield call(f"requests.{name}", request_id)


def reads_of_packs(_: FakeEngine) -> Iterator[Call]:
    """Packs, their flows and versions."""
    yield call("packs.list")
    for pack in ("demo", "other", "none"):
        for name in ("get", "versions", "code"):
            yield call(f"packs.{name}", pack)
        for flow in ("one", "two", "none"):
            yield call("packs.flow", pack, flow)


async def test_the_fake_answers_every_read_as_the_engine_does(engine: Engine) -> None:
    fake = await faked(engine)
    differing: list[Any] = []
    asked = 0
    for tenant in ("acme", "beta", "default", None):
        everything = tenant is None
        real = engine.for_(ANN, tenant=tenant, all_tenants=everything)
        other = fake.for_(ANN, tenant=tenant, all_tenants=everything)
        for reads in (lists_of_runs, reads_of_a_run, reads_of_requests, reads_of_packs):
            for read in reads(fake):
                asked += 1
                wanted, given = await read.answer(real), await read.answer(other)
                if wanted != given:
                    differing.append((tenant, read, wanted, given))
    assert asked > 1000
    assert not differing, f"{len(differing)} of {asked}: {differing[:5]}"


def verbs_of_runs(fake: FakeEngine) -> Iterator[Call]:
    """Verbs on runs that have ended or are not there."""
    ended = [key for key, run in fake.stored_runs.items() if run.status is RunStatus.COMPLETED]
    cancelled = [key for key, run in fake.stored_runs.items() if run.status is RunStatus.CANCELLED]
    for run_id in (ended[0], cancelled[0], NOWHERE):
        for verb in ("pause", "resume", "cancel", "retry"):
            yield call(f"runs.{verb}", run_id, actor=ANN)
        yield call("runs.narrow", run_id, actor=ANN, without=["no tool!"])


def decisions(fake: FakeEngine) -> Iterator[Call]:
    """Decisions that come too late, on something else, or with nothing to say; and first ones."""
    for key in (*fake.stored_approvals, "appr_none"):
        yield call("requests.reject", key, comment=" ", actor=ANN)
        yield call("requests.approve", key, digest="0", actor=ANN)
        yield call("requests.claim", key, actor=ANN)
        yield call("requests.release", key, actor=ANN)
        yield call("requests.approve", key, actor=ANN)
        yield call("requests.reject", key, comment="no", actor=ANN)
    for key in (*fake.stored_forms, "form_none"):
        yield call("requests.answer", key, {"word": "so"}, actor=ANN, token="vat_x")
        for values in ({}, {"word": 3}, {"word": "so"}, {"word": "again"}):
            yield call("requests.answer", key, values, actor=ANN)
    yield call("requests.decide_outcome", "outc_none", OutcomeDecision.DONE, actor=ANN)


WHEN = {"decided_at", "answered_at", "claimed_until", "requested_at"}


async def test_the_fake_refuses_what_the_engine_refuses(engine: Engine) -> None:
    fake = await faked(engine)
    fake.clock = max(run.updated_at for run in fake.stored_runs.values())
    for tenant in ("beta", None):
        real = engine.for_(ANN, tenant=tenant, all_tenants=tenant is None)
        other = fake.for_(ANN, tenant=tenant, all_tenants=tenant is None)
        for acts in (verbs_of_runs, decisions):
            for act in acts(fake):
                wanted, given = await act.answer(real), await act.answer(other)
                assert _without_times(given) == _without_times(wanted), (tenant, act)


def _without_times(told: Any) -> Any:
    return {key: value for key, value in told.items() if key not in WHEN} if isinstance(told, dict) else told
