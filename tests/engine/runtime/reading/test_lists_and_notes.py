"""Cursors of the runs list, claims between engines, drafts, saved filters and files as text."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.notes import SavedFilter
from engine.contracts.runs.listed import RunFilter, RunSort
from engine.contracts.status import RequestStatus, RunStatus
from engine.errors import ErrorCode, InvalidInput, NotFound, Refused
from engine.facade.feed import Topic
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    finished,
    form,
    pending_approval,
    start,
    tool,
    until,
)
from tests.engine.runtime.fake_clock import FakeClock
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.facade.engine import Engine
    from engine.facade.feed import FeedBatch
    from engine.journal.port import Journal

SECRET = "ghp_" + "a1B2" * 9


async def walked(engine: Engine, sort: RunSort, filters: RunFilter | None = None) -> list[str]:
    """Ids of the whole list, two at a time."""
    seen: list[str] = []
    after: str | None = None
    while True:
        page = await engine.runs.list(filters, sort=sort, limit=2, after=after)
        seen += [run.run_id for run in page.items]
        after = page.next
        if after is None:
            return seen


async def test_pages_counts_and_positions_of_a_list_agree(home: Home, each_journal: Journal) -> None:
    home.flow("one", tool("a"))
    home.flow("two", tool("a"), pack="other")
    async with home.open(journal=each_journal) as engine:
        made = [await start(engine, "one") for _ in range(4)]
        made += [await start(engine, "two", pack="other") for _ in range(3)]
        await engine.runs.cancel(made[5], actor=ANN)
        for sort in RunSort:
            for filters in (RunFilter(), RunFilter(pack="demo"), RunFilter(text="two")):
                ids = await walked(engine, sort, filters)
                assert await engine.runs.count(filters) == len(ids)
                places = [await engine.runs.position(run_id, filters, sort=sort) for run_id in ids]
                assert places == list(range(len(ids)))
                jumped = await engine.runs.list(filters, sort=sort, limit=2, offset=len(ids) - 2)
                assert [run.run_id for run in jumped.items] == ids[-2:]
                assert jumped.next is None
        assert await walked(engine, RunSort.STATUS) == [made[5], *[i for i in reversed(made) if i != made[5]]]
        assert await engine.runs.position(made[0], RunFilter(pack="other")) is None
        assert await engine.runs.count() == 7


async def test_a_cursor_is_of_one_order_only(home: Home) -> None:
    home.flow("one", tool("a"))
    async with home.open() as engine:
        for _ in range(2):
            await start(engine, "one")
        page = await engine.runs.list(limit=1)
        assert page.next is not None
        no_unicode = "WyJuZXdlc3QiLCAxLCAiXHVkODAwIl0"
        for after in (page.next + "x", page.next[:-3], "W10", "e30", "bnVsbA", no_unicode):
            with pytest.raises(InvalidInput):
                await engine.runs.list(after=after)
        with pytest.raises(InvalidInput):
            await engine.runs.list(after=page.next, sort=RunSort.FLOW)
        with pytest.raises(InvalidInput):
            await engine.runs.list(offset=-1)


async def test_counts_of_one_tenant_are_not_those_of_another(home: Home) -> None:
    home.flow("ask", form("word"), approval("ok"))
    async with home.working() as engine:
        for tenant in ("a", "a", "b"):
            await engine.runs.start("demo", "ask", {}, actor=ANN, tenant=tenant)

        async def all_ask() -> bool:
            return (await engine.runs.counts()).forms_pending == 3

        await until(all_ask)
        counts = await engine.runs.counts(tenant="a")
        assert (counts.forms_pending, counts.runs[RunStatus.PENDING_USER_INPUT]) == (2, 2)
        assert (await engine.runs.counts(tenant="c")).forms_pending == 0
        forms = await engine.requests.forms(tenant="b")
        assert [view.tenant for view in forms.items] == ["b"]
        assert len((await engine.requests.forms(tenant="a", status=None)).items) == 2
        assert (await engine.requests.approvals(tenant="a")).items == ()


async def told(batches: AsyncIterator[FeedBatch], topic: Topic) -> None:
    """Return when the feed has news of a topic."""
    async with asyncio.timeout(PATIENCE):
        while not (await anext(batches)).about(topic):
            pass


async def test_a_claim_is_told_to_this_engine_and_every_other_and_ends_by_itself(home: Home) -> None:
    home.flow("ask", approval("ok"))
    clock = FakeClock(0)
    async with home.open(clock=clock, claim_seconds=60) as first, home.open(claim_seconds=60) as second:
        async with first.work():
            shown = await pending_approval(first, await start(first, "ask"))
        name = shown.approval_id
        async with first.feed.subscribe() as mine, second.feed.subscribe() as others:
            claimed = await first.requests.claim(name, actor=ANN)
            assert claimed.claimed_by == "ann"
            await told(mine, Topic.CLAIMS)
            await told(others, Topic.CLAIMS)
            assert (await second.requests.approval(name)).claimed_by == "ann"
            with pytest.raises(Refused) as caught:
                await second.requests.claim(name, actor=BOB)
            assert caught.value.code is ErrorCode.ALREADY_CLAIMED
            released = await second.requests.release(name, actor=BOB)
            assert released.claimed_by == "ann"
            assert (await second.requests.release(name, actor=ANN)).claimed_by is None
            await told(mine, Topic.CLAIMS)
        await second.requests.claim(name, actor=BOB)
        clock.ahead = 61
        view = await first.requests.approval(name)
        assert (view.claimed_by, view.claimed_until) == (None, None)
        assert (await first.requests.claim(name, actor=ANN)).claimed_by == "ann"
        await first.requests.approve(name, actor=BOB)
        with pytest.raises(NotFound):
            await first.requests.claim("appr_01none", actor=ANN)
        with pytest.raises(NotFound):
            await first.requests.release("appr_01none", actor=ANN)


async def test_earlier_decisions_on_the_same_step_are_shown(home: Home) -> None:
    home.flow("ask", approval("ok"))
    async with home.working() as engine:
        names = [(await pending_approval(engine, await start(engine, "ask"))).approval_id for _ in range(3)]
        await engine.requests.approve(names[0], actor=BOB)
        await engine.requests.reject(names[1], actor=ANN, comment="not now")
        earlier = await engine.requests.earlier(names[2])
        assert [(view.approval_id, view.decision, view.comment) for view in earlier] == [
            (names[1], RequestStatus.REJECTED.value, "not now"),
            (names[0], RequestStatus.APPROVED.value, None),
        ]
        assert len(await engine.requests.earlier(names[2], limit=1)) == 1
        with pytest.raises(NotFound):
            await engine.requests.earlier("appr_01none")


async def test_drafts_outlive_the_engine(home: Home) -> None:
    draft = {"word": "ünal", "n": [1, {"deep": None}], "empty": ""}
    async with home.open() as engine:
        assert await engine.drafts.get("ann", "form_1") is None
        await engine.drafts.keep("ann", "form_1", {"word": "old"})
        await engine.drafts.keep("ann", "form_1", draft)
    async with home.open() as engine:
        assert await engine.drafts.get("ann", "form_1") == draft
        assert await engine.drafts.get("bob", "form_1") is None
        await engine.drafts.drop("ann", "form_1")
        assert await engine.drafts.get("ann", "form_1") is None


@pytest.mark.parametrize(
    ("draft", "kept"),
    [
        ({"a": f"it is {SECRET}", "b": "plain"}, {"b": "plain"}),
        ({"list": ["x", SECRET, "y"]}, {"list": ["x", "", "y"]}),
        ({"password": "hunter2", "user": "ann"}, {"user": "ann"}),
        ({"deep": {"token": "abc", "n": 1}}, {"deep": {"n": 1}}),
        ({SECRET: "x", "b": 1}, {"b": 1}),
    ],
)
async def test_texts_that_hold_a_secret_are_not_kept(
    home: Home, draft: dict[str, Any], kept: dict[str, Any]
) -> None:
    async with home.open() as engine:
        await engine.drafts.keep("ann", "k", draft)
        assert await engine.drafts.get("ann", "k") == kept
    assert SECRET.encode() not in home.bytes_at_rest()


async def test_a_draft_that_is_too_large_or_no_json_is_refused(home: Home) -> None:
    async with home.open() as engine:
        for draft in ({"a": "x" * 300_000}, {"a": float("nan")}, {"a": "\ud800"}, {"a": object()}):
            with pytest.raises(InvalidInput):
                await engine.drafts.keep("ann", "k", draft)
        with pytest.raises(InvalidInput):
            await engine.drafts.keep("", "k", {})
        assert await engine.drafts.get("ann", "k") is None


async def test_saved_filters_are_an_operator_s_own(home: Home) -> None:
    async with home.open() as engine:
        await engine.saved_filters.save("ann", SavedFilter(name="mine", text="failed"))
        await engine.saved_filters.save("ann", SavedFilter(name="mine", text="status:failed pack:demo"))
        await engine.saved_filters.save("ann", SavedFilter(name="a", text="x"))
        listed = await engine.saved_filters.list("ann")
        assert [saved.name for saved in listed] == ["a", "mine"]
        assert listed[1].text == "status:failed pack:demo"
        assert await engine.saved_filters.list("bob") == ()
        await engine.saved_filters.drop("ann", "a")
        with pytest.raises(InvalidInput):
            await engine.saved_filters.save("ann", SavedFilter(name="s", text=SECRET))
        for number in range(99):
            await engine.saved_filters.save("ann", SavedFilter(name=f"n{number}", text="x"))
        with pytest.raises(InvalidInput):
            await engine.saved_filters.save("ann", SavedFilter(name="one more", text="x"))


async def test_an_output_file_is_read_as_masked_text(home: Home) -> None:
    home.flow("files", tool("a", "fake.files", params={"names": ["a.txt"]}))
    async with home.working() as engine:
        run = await finished(engine, "files")
        (file,) = (await engine.runs.get(run.run_id)).files
        output = home.root / "runs" / "demo" / run.run_id / "output"
        text = await engine.runs.file_text(run.run_id, file.stored_name)
        assert text.text.encode() == output.joinpath("a.txt").read_bytes()
        assert (text.size, text.truncated) == (len(text.text), False)
        assert text.path == file.path
        response = await engine.runs.file_text(run.run_id, "response.json")
        assert run.run_id in response.text

        output.joinpath("secret.txt").write_text(f"mail ann@example.org, {SECRET}\n")
        shown = (await engine.runs.file_text(run.run_id, "secret.txt")).text
        assert SECRET not in shown
        assert "ann@example.org" not in shown

        output.joinpath("long.txt").write_text("ä" * 5_000)
        cut = await engine.runs.file_text(run.run_id, "long.txt", limit=3_001)
        assert (cut.truncated, cut.binary, cut.size) == (True, False, 10_000)
        assert cut.text == "ä" * 1_500

        output.joinpath("edge.txt").write_text(f"{'x' * 90} {SECRET} {'y' * 20_000}")
        assert "ghp_" not in (await engine.runs.file_text(run.run_id, "edge.txt", limit=100)).text

        for name, raw in (("zero.bin", b"a\0b"), ("latin.txt", "é".encode("latin-1") * 9)):
            output.joinpath(name).write_bytes(raw)
            binary = await engine.runs.file_text(run.run_id, name)
            assert (binary.binary, binary.text, binary.truncated) == (True, "", False)


async def test_only_regular_files_of_the_run_s_own_folder_are_read(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    async with home.working() as engine:
        run = await finished(engine, "one")
        output = home.root / "runs" / "demo" / run.run_id / "output"
        outside = home.root / "outside.txt"
        outside.write_text("not yours")
        output.joinpath("link.txt").symlink_to(outside)
        output.joinpath("folder").mkdir()
        os.mkfifo(output / "pipe")
        names = ["link.txt", "folder", "pipe", "../input/input.json", str(outside), "", ".", "..", "none.txt"]
        for name in [*names, "a\0b", "\ud800", "x" * 5_000]:
            with pytest.raises(NotFound):
                await engine.runs.file_text(run.run_id, name)
        with pytest.raises(NotFound):
            await engine.runs.file_text("run_01nope", "response.json")
        for limit in (0, 10**9):
            with pytest.raises(InvalidInput):
                await engine.runs.file_text(run.run_id, "response.json", limit=limit)
