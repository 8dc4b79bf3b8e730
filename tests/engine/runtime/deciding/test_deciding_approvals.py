from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RequestStatus, RunStatus
from engine.errors import AlreadyDecided, ErrorCode, InvalidInput, NotFound, Refused
from engine.governance.policies import Policies
from engine.journal.memory.journal import MemoryJournal
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    error_of,
    finished,
    kinds,
    pending_approval,
    rest,
    retry,
    start,
    statuses,
    tool,
    until,
)
from tests.engine.runtime.fake_clock import FakeClock

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from engine.journal.records import Decided, Decision
    from engine.journal.sqlite.journal import SqliteJournal

PARAMS = {"path": "{{ payload.path }}", "n": "{{ steps.draft.output.n }}"}


def gated(home: Home, **fields: Any) -> None:
    """The flow `gated`: a draft, an approval of writing it, the writing."""
    ask = approval("ok", "Write {{ payload.path }}?", risk="high", **fields)
    home.flow("gated", tool("draft", params={"n": 7}), ask, tool("write", params=PARAMS))


async def test_an_approval_shows_exactly_what_will_run(home: Home) -> None:
    gated(home, title="Write it")
    async with home.working() as engine:
        payload = {"path": "out.md", "prompt": "the weekly notes"}
        run_id = await start(engine, "gated", payload)
        shown = await pending_approval(engine, run_id)
        assert shown.action is not None
        assert (shown.title, shown.message, shown.risk) == ("Write it", "Write out.md?", "high")
        assert (shown.action.step, shown.action.kind, shown.action.target) == (
            "write",
            "tool",
            "fake.echo",
        )
        assert shown.action.params == {"path": "out.md", "n": 7}
        assert shown.intent == "the weekly notes"
        assert shown == await engine.requests.approval(shown.approval_id)
        decision = await engine.requests.approve(
            shown.approval_id, actor=BOB, digest=shown.digest, comment="fine"
        )
        assert (decision.decision, decision.decided_by) == ("APPROVED", "bob")
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.given("write") == [shown.action.params]
        decided = await engine.requests.approval(shown.approval_id)
        assert (decided.status, decided.comment, decided.decided_at) == (
            "APPROVED",
            "fine",
            decision.decided_at,
        )
        assert run.output == {"path": "out.md", "n": 7}


async def test_a_run_whose_request_was_decided_waits_for_a_worker_and_no_longer_for_a_person(
    home: Home,
) -> None:
    gated(home)
    async with home.working() as engine:
        run_id = await start(engine, "gated", {"path": "x"})
        shown = await pending_approval(engine, run_id)
        waiting = (await engine.runs.get(run_id)).run.waiting_for
        assert waiting is not None
        assert waiting.id == shown.approval_id
    async with home.open() as engine:
        await engine.requests.approve(shown.approval_id, actor=BOB)
        (listed,) = (await engine.runs.list()).items
        for view in (listed, (await engine.runs.get(run_id)).run):
            assert view.waiting_for is not None
            assert (view.waiting_for.text, view.waiting_for.id) == ("a worker", None)
    async with home.working() as engine:
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert run.waiting_for is None


async def test_a_run_that_waits_for_two_people_waits_for_the_other_one_when_the_first_has_decided(
    home: Home,
) -> None:
    asks = [[approval(f"ask_{name}", f"{name}?", gates="none")] for name in ("one", "two")]
    home.flow("both", {"id": "both", "type": "parallel", "branches": asks})
    async with home.working() as engine:
        run_id = await start(engine, "both", {})
        await until(lambda: two_pending(engine, run_id))
    async with home.open() as engine:
        waiting = (await engine.runs.get(run_id)).run.waiting_for
        assert waiting is not None
        (other,) = [
            one.approval_id
            for one in (await engine.requests.approvals(run_id=run_id)).items
            if one.approval_id != waiting.id
        ]
        await engine.requests.approve(other, actor=BOB)
        assert (await engine.runs.get(run_id)).run.waiting_for == waiting


async def two_pending(engine: Engine, run_id: str) -> bool:
    return len((await engine.requests.approvals(run_id=run_id)).items) == 2


async def test_a_decision_on_something_else_than_what_is_shown_is_refused(home: Home) -> None:
    gated(home)
    async with home.working() as engine:
        run_id = await start(engine, "gated", {"path": "x"})
        shown = await pending_approval(engine, run_id)
        for decide in (engine.requests.approve, engine.requests.reject):
            with pytest.raises(Refused) as caught:
                await decide(shown.approval_id, actor=BOB, digest="0" * 64, comment="?")
            assert caught.value.code is ErrorCode.APPROVAL_CHANGED
        assert (await pending_approval(engine, run_id)).decided_by is None
        await engine.requests.approve(shown.approval_id, actor=BOB, digest=shown.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_the_first_of_many_decisions_wins(home: Home) -> None:
    gated(home)
    async with home.working() as engine:
        run_id = await start(engine, "gated", {"path": "x"})
        shown = await pending_approval(engine, run_id)
        outcomes = await asyncio.gather(
            engine.requests.approve(shown.approval_id, actor=ANN),
            engine.requests.reject(shown.approval_id, actor=BOB, comment="no"),
            engine.requests.approve(shown.approval_id, actor=ANN),
            return_exceptions=True,
        )
        late = [outcome for outcome in outcomes if isinstance(outcome, AlreadyDecided)]
        (won,) = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        assert len(late) == 2
        decided = await engine.requests.approval(shown.approval_id)
        assert decided.decision == won.decision
        for error in late:
            assert error.details["decided_by"] == decided.decided_by
            assert error.details["decision"] == decided.decision
            assert error.details["decided_at"].endswith("Z")
        assert (await kinds(engine, run_id)).count("approval_decided") == 1


async def test_a_decision_without_a_worker_counts_when_one_comes(home: Home) -> None:
    gated(home)
    async with home.open() as engine:
        async with engine.work():
            run_id = await start(engine, "gated", {"path": "x"})
            shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB)
        with pytest.raises(AlreadyDecided):
            await engine.requests.approve(shown.approval_id, actor=BOB)
        async with engine.work():
            await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_rejection_fails_the_run_with_its_comment(home: Home) -> None:
    gated(home)
    async with home.working() as engine:
        run_id = await start(engine, "gated", {"path": "x"})
        shown = await pending_approval(engine, run_id)
        with pytest.raises(InvalidInput, match="comment"):
            await engine.requests.reject(shown.approval_id, actor=BOB, comment="  ")
        await engine.requests.reject(shown.approval_id, actor=BOB, comment="too early")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert await error_of(engine, run_id) == ("approval_rejected", "rejected by bob: too early")
        assert (await engine.requests.approval(shown.approval_id)).comment == "too early"
    assert home.tools.given("write") == []


async def test_a_rejection_may_lead_elsewhere(home: Home) -> None:
    home.flow("gated", approval("ok", on_failure="other"), tool("write"), tool("other", params={"x": 1}))
    async with home.working() as engine:
        run_id = await start(engine, "gated")
        shown = await pending_approval(engine, run_id)
        await engine.requests.reject(shown.approval_id, actor=BOB, comment="no")
        assert (await rest(engine, run_id, expect=RunStatus.COMPLETED)).output == {"x": 1}
        assert await statuses(engine, run_id) == {"ok": "FAILED", "other": "COMPLETED"}


async def test_a_retry_after_a_rejection_asks_again(home: Home) -> None:
    gated(home)
    async with home.working() as engine:
        run_id = await start(engine, "gated", {"path": "x"})
        first = await pending_approval(engine, run_id)
        await engine.requests.reject(first.approval_id, actor=BOB, comment="no")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        await retry(engine, run_id)
        second = await pending_approval(engine, run_id)
        assert second.approval_id != first.approval_id
        await engine.requests.approve(second.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_an_approval_holds_for_the_pack_as_it_was_shown(home: Home) -> None:
    gated(home)
    async with home.working() as engine:
        run_id = await start(engine, "gated", {"path": "x"})
        shown = await pending_approval(engine, run_id)
    home.flow("gated", tool("draft"), approval("ok"), tool("write", params={"path": "/etc/passwd"}))
    async with home.working() as engine:
        await engine.requests.approve(shown.approval_id, actor=BOB, digest=shown.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.given("write") == [{"path": "x", "n": 7}]
        newer = await start(engine, "gated")
        assert (await pending_approval(engine, newer)).message == "Go on?"


async def test_a_pack_that_is_gone_does_not_stop_its_runs(home: Home) -> None:
    gated(home)
    async with home.working() as engine:
        run_id = await start(engine, "gated", {"path": "x"})
        shown = await pending_approval(engine, run_id)
    async with home.working(shipped_packs=home.root / "nowhere") as engine:
        await engine.requests.approve(shown.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_difference_of_policies_elsewhere_voids_no_approval(home: Home) -> None:
    gated(home)
    async with home.working() as engine:
        run_id = await start(engine, "gated", {"path": "x"})
        shown = await pending_approval(engine, run_id)
        first = shown.approval_id
    async with home.working(policies=Policies(max_steps=99)) as engine:
        await engine.requests.approve(first, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert len((await engine.requests.approvals(run_id=run_id, status=None)).items) == 1
    assert len(home.tools.given("write")) == 1


async def test_a_tool_that_was_blocked_meanwhile_is_not_called(home: Home) -> None:
    gated(home)
    async with home.working() as engine:
        run_id = await start(engine, "gated", {"path": "x"})
        shown = await pending_approval(engine, run_id)
    async with home.working(policies=Policies(blocked_tools=frozenset({"fake.echo"}))) as engine:
        await engine.requests.approve(shown.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert (await error_of(engine, run_id))[0] == "permission_denied"
    assert home.tools.given("write") == []


async def test_nobody_is_asked_to_approve_what_policy_forbids(home: Home) -> None:
    gated(home)
    async with home.working(policies=Policies(blocked_tools=frozenset({"fake.echo"}))) as engine:
        run_id = await start(engine, "gated", {"path": "x"})
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert (await engine.requests.approvals(run_id=run_id, status=None)).items == ()


async def test_an_approval_nobody_gives_in_time_is_expired(home: Home) -> None:
    gated(home, timeout=0.05)
    async with home.working() as engine:
        run_id = await start(engine, "gated", {"path": "x"})

        async def over() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.FAILED

        await until(over)
        assert (await error_of(engine, run_id))[0] == "timeout"
        (shown,) = (await engine.requests.approvals(run_id=run_id, status=None)).items
        assert shown.status == "EXPIRED"
        with pytest.raises(Refused) as caught:
            await engine.requests.approve(shown.approval_id, actor=BOB)
        assert caught.value.code is ErrorCode.REQUEST_EXPIRED
        assert not isinstance(caught.value, AlreadyDecided)


async def test_a_decision_after_its_time_is_refused_though_no_worker_has_run(home: Home) -> None:
    gated(home, timeout=60)
    async with home.working() as engine:
        run_id = await start(engine, "gated", {"path": "x"})
        shown = await pending_approval(engine, run_id)
    assert shown.expires_at is not None
    assert (shown.expires_at - shown.requested_at).total_seconds() == 60
    async with home.open(clock=FakeClock(61)) as engine:
        assert (await engine.requests.approval(shown.approval_id)).status == "EXPIRED"
        with pytest.raises(Refused) as looked:
            await engine.requests.claim(shown.approval_id, actor=BOB)
        with pytest.raises(Refused) as caught:
            await engine.requests.approve(shown.approval_id, actor=BOB)
        assert {looked.value.code, caught.value.code} == {ErrorCode.REQUEST_EXPIRED}
        assert (await engine.requests.approvals(run_id=run_id)).items == ()
    async with home.working(clock=FakeClock(61)) as engine:

        async def over() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.FAILED

        await until(over)
        assert (await error_of(engine, run_id))[0] == "timeout"
        assert (await kinds(engine, run_id)).count("request_expired") == 1
        assert "request_withdrawn" not in await kinds(engine, run_id)
        assert (await engine.requests.approval(shown.approval_id)).status == "EXPIRED"
    assert home.tools.given("write") == []


async def test_a_decision_cancels_the_timeout(home: Home, journal: SqliteJournal) -> None:
    home.flow("two", approval("ok", timeout=60), approval("then"), tool("a", params={"x": 1}))
    async with home.working(journal=journal) as engine:
        run_id = await start(engine, "two")
        shown = await pending_approval(engine, run_id)
        assert await journal.next_timer() is not None
        await engine.requests.approve(shown.approval_id, actor=BOB)
        assert (await pending_approval(engine, run_id)).step_id == "then"
        assert await journal.next_timer() is None


async def test_a_decision_before_the_timeout_is_seen_wins(home: Home) -> None:
    gated(home, timeout=60)
    async with home.open() as engine:
        async with engine.work():
            run_id = await start(engine, "gated", {"path": "x"})
            shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB)
    async with home.working(clock=FakeClock(ahead=3600)) as engine:  # the timer is due as well
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_an_unknown_approval_is_not_found(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    async with home.working() as engine:
        run = await finished(engine, "one")
        for unknown in ("appr_01nope", run.run_id, ""):
            with pytest.raises(NotFound):
                await engine.requests.approve(unknown, actor=BOB)
            with pytest.raises(NotFound):
                await engine.requests.approval(unknown)


class HeardJournal(MemoryJournal):
    """Says when a decision is on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.deciding = asyncio.Event()

    async def decide(self, decision: Decision) -> Decided:
        self.deciding.set()
        return await super().decide(decision)


async def test_a_decision_whose_caller_is_cancelled_still_moves_its_run_on(home: Home) -> None:
    gated(home)
    journal = HeardJournal()
    async with home.working(journal=journal) as engine:
        run_id = await start(engine, "gated", {"path": "out.md"})
        shown = await pending_approval(engine, run_id)
        deciding = asyncio.create_task(engine.requests.approve(shown.approval_id, actor=BOB))
        await journal.deciding.wait()
        deciding.cancel()

        async def decided() -> bool:
            view = await engine.requests.approval(shown.approval_id)
            return view.status is not RequestStatus.PENDING

        await until(decided)
        assert (await rest(engine, run_id)).status is RunStatus.COMPLETED


async def test_a_comment_that_is_no_text_decides_nothing(home: Home) -> None:
    home.flow("gated", approval("ok"))
    async with home.working() as engine:
        shown = await pending_approval(engine, await start(engine, "gated"))
        for decide in (engine.requests.approve, engine.requests.reject):
            with pytest.raises(InvalidInput, match="half a character"):
                await decide(shown.approval_id, actor=ANN, digest=shown.digest, comment="no \udcff")
        assert (await engine.requests.approval(shown.approval_id)).status is RequestStatus.PENDING
