"""Once means once: an approved call that was interrupted acts again only when a person says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.listed import WaitingFor
from engine.contracts.status import OutcomeDecision, RequestStatus, RunStatus, WaitKind
from engine.errors import AlreadyDecided, InvalidInput, NotFound
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    error_of,
    kinds,
    pending_approval,
    rest,
    retry,
    start,
    tool,
    until,
)
from tests.engine.runtime.fake_clock import FakeClock

if TYPE_CHECKING:
    from engine.contracts.runs.request import OutcomeView
    from engine.facade.engine import Engine

PARAMS = {"key": "all", "to": "ops"}


async def approved_and_under_way(home: Home, engine: Engine, **fields: Any) -> str:
    """A run whose approved call is in the middle of its work."""
    home.flow(
        "send",
        approval("ask"),
        tool("send", "fake.slow", params=PARAMS, **fields),
        tool("after", params={"x": 1}),
    )
    run_id = await start(engine, "send")
    card = await pending_approval(engine, run_id)
    await engine.requests.approve(card.approval_id, actor=ANN)

    async def called() -> bool:
        return home.tools.under_way > 0

    await until(called)
    return run_id


async def interrupted(home: Home, engine: Engine, **fields: Any) -> str:
    """Such a run, after its worker has left in the middle of the call."""
    async with engine.work():
        return await approved_and_under_way(home, engine, **fields)


async def pending_outcome(engine: Engine, run_id: str) -> OutcomeView:
    await rest(engine, run_id, expect=RunStatus.PENDING_HUMAN)
    (found,) = (await engine.requests.outcomes(run_id=run_id)).items
    return found


async def test_a_worker_that_leaves_in_the_middle_of_an_approved_call_leaves_a_question(home: Home) -> None:
    async with home.open(drain_seconds=0.05) as engine:
        run_id = await interrupted(home, engine)
        async with engine.work():
            asked = await pending_outcome(engine, run_id)
            assert (await engine.runs.counts()).outcomes_pending == 1
            waits = (await engine.runs.summary(run_id)).waiting_for
            assert waits == WaitingFor(kind=WaitKind.OUTCOME, id=asked.request_id)
        assert asked.action.target == "fake.slow"
        assert asked.action.params == PARAMS
        assert (asked.gated, asked.lost, asked.attempt) == (True, False, 1)
        assert asked.idempotency_key == f"{run_id}/send"
        assert asked.started_at is not None
        (shown,) = (await engine.runs.get(run_id)).outcomes
        assert shown == asked
    assert len(home.tools.calls) == 1, "nothing acted again"


async def test_a_dead_workers_approved_call_is_not_made_again_either(home: Home) -> None:
    async with home.working() as first:
        run_id = await approved_and_under_way(home, first)
        async with home.working(clock=FakeClock(ahead=3600)) as second:  # to it the first one is dead
            asked = await pending_outcome(second, run_id)
            assert (asked.lost, asked.recoveries) == (True, 1)
            assert len(home.tools.calls) == 1
            home.tools.release()


async def test_run_again_makes_the_call_once_more_with_the_same_key(home: Home) -> None:
    async with home.open(drain_seconds=0.05) as engine:
        run_id = await interrupted(home, engine)
        home.tools.release()
        async with engine.work():
            asked = await pending_outcome(engine, run_id)
            said = await engine.requests.decide_outcome(
                asked.request_id, OutcomeDecision.RUN_AGAIN, actor=BOB, comment="nothing was sent"
            )
            assert (said.status, said.decision) == (RequestStatus.ANSWERED, OutcomeDecision.RUN_AGAIN)
            assert (said.decided_by, said.comment) == ("bob", "nothing was sent")
            run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
            (comment,) = home.document(run, "input/comments.json")
            told = [comment[name] for name in ("comment", "decision", "step_id", "by")]
            assert told == ["nothing was sent", "run_again", "send", "bob"]
        assert (await engine.requests.outcomes()).items == ()
    assert [path for path, _ in home.tools.calls] == ["send", "send", "after"]
    assert home.tools.keys[0] == home.tools.keys[1]


async def test_done_takes_what_it_brought_from_the_person(home: Home) -> None:
    async with home.open(drain_seconds=0.05) as engine:
        run_id = await interrupted(home, engine)
        async with engine.work():
            asked = await pending_outcome(engine, run_id)
            await engine.requests.decide_outcome(
                asked.request_id, OutcomeDecision.DONE, actor=BOB, output={"sent": True}
            )
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert (await engine.runs.step(run_id, "send")).output == {"sent": True}
    assert [path for path, _ in home.tools.calls] == ["send", "after"]


async def test_fail_ends_the_step_and_a_retry_asks_for_the_approval_anew(home: Home) -> None:
    async with home.open(drain_seconds=0.05) as engine:
        run_id = await interrupted(home, engine)
        home.tools.release()
        async with engine.work():
            asked = await pending_outcome(engine, run_id)
            await engine.requests.decide_outcome(asked.request_id, OutcomeDecision.FAIL, actor=BOB)
            await rest(engine, run_id, expect=RunStatus.FAILED)
            assert await error_of(engine, run_id) == (
                "outcome_unknown",
                "the call was interrupted, bob ended the step",
            )
            await retry(engine, run_id)
            card = await pending_approval(engine, run_id)
            assert card.step_id == "ask~2"
            assert len(home.tools.calls) == 1
            await engine.requests.approve(card.approval_id, actor=ANN)
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert [path for path, _ in home.tools.calls] == ["send", "send", "after"]


async def test_only_the_first_word_counts(home: Home) -> None:
    async with home.open(drain_seconds=0.05) as engine:
        run_id = await interrupted(home, engine)
        async with engine.work():
            asked = await pending_outcome(engine, run_id)
            with pytest.raises(InvalidInput):
                await engine.requests.decide_outcome(
                    asked.request_id, OutcomeDecision.FAIL, actor=BOB, output={"x": 1}
                )
            with pytest.raises(NotFound):
                await engine.requests.decide_outcome("outc_none", OutcomeDecision.FAIL, actor=BOB)
            await engine.requests.decide_outcome(asked.request_id, OutcomeDecision.DONE, actor=BOB)
            with pytest.raises(AlreadyDecided):
                await engine.requests.decide_outcome(asked.request_id, OutcomeDecision.RUN_AGAIN, actor=ANN)


async def test_an_author_can_have_a_person_asked_about_a_call_without_an_approval(home: Home) -> None:
    home.flow("slow", tool("a", "fake.slow", on_lost="ask"))
    async with home.open(drain_seconds=0.05) as engine:
        async with engine.work():
            run_id = await start(engine, "slow")

            async def called() -> bool:
                return home.tools.under_way > 0

            await until(called)
        async with engine.work():
            asked = await pending_outcome(engine, run_id)
            assert not asked.gated
    assert len(home.tools.calls) == 1


async def test_an_acknowledgement_binds_nothing_and_says_so(home: Home) -> None:
    home.flow(
        "ack",
        approval(
            "ask",
            gates="none",
            params={"approval_context": {"n": "{{ payload.n }}"}},
            form={"note": "n={{ payload.n }}"},
        ),
        tool("a", params={"x": 1}),
    )
    async with home.working() as engine:
        run_id = await start(engine, "ack", {"n": 7})
        card = await pending_approval(engine, run_id)
        assert card.action is None
        assert card.form == {"note": "n=7"}
        assert card.context == {"approval_context": {"n": 7}}
        assert card.autonomy_level == "semi_auto"
        await engine.requests.approve(card.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert "approval" not in [key for event in await engine.runs.events(run_id) for key in event.payload]


async def test_what_is_shown_beside_the_action_is_part_of_the_digest(home: Home) -> None:
    home.flow("form", approval("ask", form={"note": "{{ payload.note }}"}), tool("a", params={"x": 1}))
    async with home.working() as engine:
        cards = [
            await pending_approval(engine, await start(engine, "form", {"note": note})) for note in ("x", "y")
        ]
        assert cards[0].action == cards[1].action
        assert cards[0].digest != cards[1].digest


async def test_a_card_says_until_when_it_can_be_decided(home: Home) -> None:
    home.flow("timed", approval("ask", timeout=600), tool("a"))
    async with home.working() as engine:
        card = await pending_approval(engine, await start(engine, "timed"))
        assert card.expires_at is not None
        assert round((card.expires_at - card.requested_at).total_seconds()) == 600
        assert card.tenant == "default"


async def test_the_history_names_the_question_and_the_word(home: Home) -> None:
    async with home.open(drain_seconds=0.05) as engine:
        run_id = await interrupted(home, engine)
        async with engine.work():
            asked = await pending_outcome(engine, run_id)
            await engine.requests.decide_outcome(asked.request_id, OutcomeDecision.DONE, actor=BOB)
            await rest(engine, run_id, expect=RunStatus.COMPLETED)
        history = await kinds(engine, run_id)
    assert history.index("outcome_unknown") < history.index("outcome_decided")
