"""People are told what waits or failed: at least once, and of nothing that does not hold any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from engine.contracts.notice import Notice, NoticeKind
from engine.contracts.status import RunStatus
from engine.errors import InvalidInput, Unavailable
from engine.journal.memory.journal import MemoryJournal
from engine.journal.records import NewRun
from engine.machine.events.event import Event
from engine.machine.events.run_facts import RunRefused
from engine.runtime.notice_sender import NOTED_AFTER
from tests.engine.runtime.embedded_home import (
    ANN,
    approval,
    form,
    pending_approval,
    pending_form,
    rest,
    start,
    tool,
    until,
)

if TYPE_CHECKING:
    from engine.journal.records import StoredEvent
    from engine.journal.rows import RequestViewRow
    from tests.engine.runtime.embedded_home import Home

MAIL = "ann.example@example.org"


class FakeChannel:
    """Keeps what it was told; refuses `refuses` notices before."""

    def __init__(self, refuses: int = 0) -> None:
        self.told: list[Notice] = []
        self.tries = 0
        self.refuses = refuses

    async def __call__(self, notice: Notice) -> None:
        self.tries += 1
        if self.tries <= self.refuses:
            raise InvalidInput("nobody is there")
        self.told.append(notice)

    async def has(self, *kinds: NoticeKind) -> bool:
        return [notice.kind for notice in self.told] == list(kinds)


def flows(home: Home) -> None:
    home.flow("ask", approval("ask", f"Write to {MAIL}?", risk="high"))
    home.flow("fill", form())
    home.flow("bad", tool("go", "fake.fail"))
    home.flow("top", {"id": "below", "type": "subflow", "subflow": "bad"})


async def test_approvals_forms_and_failures_are_told_masked(home: Home) -> None:
    flows(home)
    channel = FakeChannel()
    async with home.working(notify={"way": channel}) as engine:
        await pending_approval(engine, await start(engine, "ask"))
        await until(lambda: channel.has(NoticeKind.APPROVAL))
        await pending_form(engine, await start(engine, "fill"))
        await until(lambda: channel.has(NoticeKind.APPROVAL, NoticeKind.FORM))
        await rest(engine, failed := await start(engine, "bad"), expect=RunStatus.FAILED)
        await until(lambda: channel.has(NoticeKind.APPROVAL, NoticeKind.FORM, NoticeKind.FAILURE))
    asked, _, bad = channel.told
    assert MAIL not in asked.model_dump_json()
    assert (asked.risk, asked.pack, asked.flow) == ("high", "demo", "ask")
    assert asked.request_id is not None
    assert (bad.run_id, bad.title) == (failed, "demo/bad failed")


async def test_a_failure_below_is_told_once_as_that_of_the_run_on_top(home: Home) -> None:
    flows(home)
    channel = FakeChannel()
    async with home.working(notify={"way": channel}) as engine:
        top = await start(engine, "top")
        await rest(engine, top, expect=RunStatus.FAILED)
        await until(lambda: channel.has(NoticeKind.FAILURE))
    assert channel.told[0].run_id == top


async def test_what_a_person_rejected_is_no_failure(home: Home) -> None:
    flows(home)
    channel = FakeChannel()
    async with home.working(notify={"way": channel}) as engine:
        asked = await pending_approval(engine, await start(engine, "ask"))
        await until(lambda: channel.has(NoticeKind.APPROVAL))
        await engine.requests.reject(asked.approval_id, actor=ANN, comment="no")
        await rest(engine, asked.run_id, expect=RunStatus.FAILED)
        await rest(engine, await start(engine, "bad"), expect=RunStatus.FAILED)
        await until(lambda: channel.has(NoticeKind.APPROVAL, NoticeKind.FAILURE))
    assert channel.told[1].flow == "bad"


async def test_what_could_not_be_told_is_told_later(home: Home) -> None:
    flows(home)
    channel = FakeChannel(refuses=3)
    async with home.working(notify={"way": channel}, notify_retry_seconds=(0.01, 0.02)) as engine:
        await pending_approval(engine, await start(engine, "ask"))
        await until(lambda: channel.has(NoticeKind.APPROVAL))
    assert channel.tries == 4


async def test_a_worker_goes_on_where_the_one_before_stopped(home: Home) -> None:
    flows(home)
    before, after = FakeChannel(), FakeChannel()
    async with home.working() as engine:
        old = await pending_approval(engine, await start(engine, "ask"))
    async with home.working(notify={"way": before}) as engine:
        first = await pending_approval(engine, await start(engine, "ask"))
        await until(lambda: before.has(NoticeKind.APPROVAL))
    async with home.open() as engine:  # nobody is told meanwhile
        decided = await start(engine, "ask")
    async with home.working() as engine:
        second = await pending_approval(engine, decided)
    async with home.working(notify={"way": after}):
        await until(lambda: after.has(NoticeKind.APPROVAL))
    ids = [notice.request_id for notice in (*before.told, *after.told)]
    assert ids == [first.approval_id, second.approval_id]
    assert old.approval_id not in ids


async def test_what_was_decided_meanwhile_is_not_told(home: Home) -> None:
    flows(home)
    home.flow("ask-and-say", approval(), tool("say", params={"n": 1}))
    channel = FakeChannel()
    async with home.working(notify={"way": channel}):
        await asyncio.sleep(0)
    async with home.working() as engine:
        asked = await pending_approval(engine, await start(engine, "ask-and-say"))
        await engine.requests.approve(asked.approval_id, actor=ANN)
        await rest(engine, asked.run_id, expect=RunStatus.COMPLETED)
    async with home.working(notify={"way": channel}) as engine:
        await rest(engine, await start(engine, "bad"), expect=RunStatus.FAILED)
        await until(lambda: channel.has(NoticeKind.FAILURE))


async def test_a_way_that_fails_holds_up_no_other_one(home: Home) -> None:
    flows(home)
    down, up = FakeChannel(refuses=1_000_000), FakeChannel()
    ways = {"down": down, "up": up}
    async with home.working(notify=ways, notify_retry_seconds=(0.01, 0.02)) as engine:
        await pending_approval(engine, await start(engine, "ask"))
        await until(lambda: up.has(NoticeKind.APPROVAL))
        await pending_form(engine, await start(engine, "fill"))
        await until(lambda: up.has(NoticeKind.APPROVAL, NoticeKind.FORM))
    assert not down.told
    again = FakeChannel()
    async with home.working(notify={"down": again, "up": up}):
        await until(lambda: again.has(NoticeKind.APPROVAL, NoticeKind.FORM))
    assert [notice.kind for notice in up.told] == [NoticeKind.APPROVAL, NoticeKind.FORM]


async def test_what_is_decided_while_it_cannot_be_told_is_not_told_later(home: Home) -> None:
    flows(home)
    home.flow("ask-and-say", approval(), tool("say", params={"n": 1}))
    channel = FakeChannel(refuses=1_000_000)
    async with home.working(notify={"way": channel}, notify_retry_seconds=(0.01, 0.02)) as engine:
        asked = await pending_approval(engine, await start(engine, "ask-and-say"))

        async def tried() -> bool:
            return channel.tries > 1

        await until(tried)
        await engine.requests.approve(asked.approval_id, actor=ANN)
        await rest(engine, await start(engine, "bad"), expect=RunStatus.FAILED)
        channel.refuses = 0
        await until(lambda: channel.has(NoticeKind.FAILURE))


class FakeBroken(MemoryJournal):
    """Has a bug in what reads forms, and once in what reads events."""

    def __init__(self) -> None:
        super().__init__()
        self.events_fail = 0

    async def feed_events(self, after_seq: int, limit: int) -> list[StoredEvent]:
        if self.events_fail:
            self.events_fail -= 1
            raise RuntimeError("a bug that passes")
        return await super().feed_events(after_seq, limit)

    async def request_row(self, request_id: str) -> RequestViewRow | None:
        if request_id.startswith("form"):
            raise RuntimeError("a bug that stays")
        return await super().request_row(request_id)


async def test_a_fault_of_the_program_at_one_notice_keeps_no_other_from_being_told(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    flows(home)
    channel, journal = FakeChannel(), FakeBroken()
    way = {"way": channel}
    async with home.working(journal=journal, notify=way, notify_retry_seconds=(0.01, 0.02)) as engine:
        journal.events_fail = 1
        await start(engine, "fill")
        await rest(engine, await start(engine, "bad"), expect=RunStatus.FAILED)
        await until(lambda: channel.has(NoticeKind.FAILURE))
    assert caplog.text.count("cannot be told") == 1


async def test_events_of_which_nobody_is_told_are_not_read_again_by_the_next_worker(home: Home) -> None:
    channel, journal = FakeChannel(), MemoryJournal()
    refused = [Event(RunRefused({}), number, "ann") for number in range(NOTED_AFTER)]
    async with home.working(journal=journal, notify={"way": channel}):
        names = ("run_01many", "default", "demo", "1", "0" * 64, "one", "v1", "ann")
        await journal.create_run(NewRun(*names, RunStatus.FAILED, refused))

        async def noted() -> bool:
            return (await journal.counters()).get("told:way", 0) >= NOTED_AFTER

        await until(noted)
    assert not channel.told


async def test_a_lock_that_cannot_be_made_is_told_in_words(home: Home) -> None:
    config = home.config()
    await asyncio.to_thread(config.notices_lock("way").mkdir)
    async with home.open(notify={"way": FakeChannel()}) as engine:
        with pytest.raises(Unavailable) as caught:
            async with engine.work():
                pass
    assert "notices-way.lock" in caught.value.message
