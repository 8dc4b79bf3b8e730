"""Who is on an approval, what was decided before, and one decision for several of one step."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.preview import Preview
from engine.contracts.runs.request import GatedAction
from engine.contracts.status import RequestStatus, Risk
from engine.errors import ErrorCode, Unavailable
from engine.facade.feed import ClaimsChanged, FeedBatch
from screens.approvals.bulk_dialog import BulkDecisionDialog
from screens.approvals.differences import (
    NOT_GIVEN,
    Difference,
    common_beside,
    common_params,
    differences,
    not_one_shape,
)
from screens.approvals.screen import ApprovalsScreen
from screens.frame.inputs import Choice
from tests.fakes.engine import FakeEngine
from tests.fakes.views import NOW, a_run, a_step, ago, an_approval
from tests.screens.deciding.decision_card import engine_with, to_card, to_decidable_card

if TYPE_CHECKING:
    from engine.contracts.runs.request import ApprovalView
    from tests.screens.conftest import OpenConsole, Stage


def writes(number: int, **more: Any) -> ApprovalView:
    """One of several approvals of one step."""
    params = {"root": "/srv", "path": f"out/{number}.txt", "mode": {"sync": True}}
    known: dict[str, Any] = {
        "step_id": f"each/{number}/ask",
        "title": f"Write file {number}",
        "requested_at": ago(100 - number),
        "action": GatedAction(step=f"each/{number}/write", kind="tool", target="files.write", params=params),
    }
    return an_approval(f"app-{number}", **(known | more))


def three(**more: Any) -> FakeEngine:
    engine = FakeEngine().add(a_run(), *(writes(number, **more) for number in range(3)))
    engine.stored_steps["run-1"] = (a_step("each", type="for_each"),)
    return engine


async def ask_for_all(stage: Stage, count: int = 3) -> None:
    """Mark from the top, and open the dialog."""
    await to_card(stage)
    await stage.press(*["space"] * count, "M")
    await stage.on(BulkDecisionDialog)
    await stage.graced()


async def choose(stage: Stage, place: int) -> None:
    stage.app.screen.query_one(Choice).value = place
    await stage.settle()


async def test_the_riskiest_stand_first_and_the_oldest_of_them_on_top(console: OpenConsole) -> None:
    engine = FakeEngine().add(
        an_approval("low", risk=Risk.LOW, requested_at=ago(900)),
        an_approval("high-new", risk=Risk.HIGH, requested_at=ago(10)),
        an_approval("high-old", risk=Risk.HIGH, requested_at=ago(500)),
        an_approval("critical", risk=Risk.CRITICAL, requested_at=ago(1)),
        an_approval("other-tenant", tenant="acme"),
    )
    async with console(engine) as stage:
        await to_card(stage)
        await stage.shows("Risk ▼")
        keys = [row.key for row in stage.table("#approvals").rows]
        assert keys == ["critical", "high-old", "high-new", "low"]
        await stage.press("S")
        await stage.shows("Age ▼")
        keys = [row.key for row in stage.table("#approvals").rows]
        assert keys == ["low", "high-old", "high-new", "critical"]


async def test_more_approvals_than_one_page_are_ordered_together(console: OpenConsole) -> None:
    engine = FakeEngine().add(
        *(an_approval(f"a{number:03}", requested_at=ago(900 - number)) for number in range(450))
    )
    engine.add(an_approval("last", risk=Risk.HIGH, requested_at=ago(1)))
    async with console(engine) as stage:
        await to_card(stage)
        await stage.until(lambda: len(stage.table("#approvals").rows) == 451)
        assert stage.table("#approvals").rows[0].key == "last"


async def test_a_claim_is_seen_by_the_other_console_and_warns_there(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_card(stage)
        await stage.press("o")
        await stage.shows("you are on it until 09:28 UTC")
        await stage.shows("● yours")
        assert engine.stored_approvals["app-1"].claimed_by == "ben"
        await stage.press("o")
        await stage.until(lambda: "on it" not in stage.text())
        engine.requests.claim_as(engine.stored_approvals["app-1"], "ana")
        await stage.shows("‼ ana is on it until 09:28 UTC: ask before you decide")
        await stage.shows("● ana's")


async def test_a_claim_of_another_is_advice_and_begins_the_grace_again(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_decidable_card(stage)
        engine.requests.claim_as(engine.stored_approvals["app-1"], "ana")
        await stage.shows("ana is on it until")
        await stage.press("a")
        await stage.shows("had only just appeared")
        await stage.press("o")
        await stage.until(lambda: "already_claimed" in stage.notices())
        await stage.graced()
        await stage.press("a")
        await stage.shows("already decided by ben")


async def test_a_claim_ends_by_itself(console: OpenConsole) -> None:
    engine = engine_with(claimed_by="ana", claimed_until=NOW + timedelta(seconds=60))
    async with console(engine) as stage:
        await to_card(stage)
        await stage.shows("ana is on it until")
        engine.clock = NOW + timedelta(seconds=61)
        engine.feed.publish(FeedBatch(notices=(ClaimsChanged(),)))
        await stage.until(lambda: "ana is on it" not in stage.text())
        await stage.press("o")
        await stage.until(lambda: engine.asked("claim"))


async def test_the_card_tells_what_was_decided_before_on_the_same_step(console: OpenConsole) -> None:
    done: dict[str, Any] = {"status": RequestStatus.APPROVED, "decision": "APPROVED", "decided_by": "ana"}
    refused: dict[str, Any] = {
        "status": RequestStatus.REJECTED,
        "decision": "REJECTED",
        "decided_by": "carol",
    }
    engine = engine_with().add(
        an_approval("old-1", **done, decided_at=ago(900)),
        an_approval("old-2", **refused, decided_at=ago(90_000), comment="not on Fridays", action=None),
        an_approval("elsewhere", **done, decided_at=ago(5), step_id="another"),
    )
    async with console(engine, size=(100, 50)) as stage:
        await to_card(stage)
        await stage.shows("before on this step, the last 2: ✓ 1 approved, ✗ 1 rejected")
        await stage.shows("✓ approved by ana 09:11 UTC · the same arguments")
        await stage.shows("✗ rejected by carol 2026-03-13 08:26 UTC · other arguments · “not on Fridays”")


async def test_a_card_that_nothing_was_read_for_has_no_headings_and_offers_no_decision(
    console: OpenConsole,
) -> None:
    engine = engine_with()
    engine.failures["approvals"] = Unavailable(ErrorCode.JOURNAL_LOCKED, "The journal is locked.")
    async with console(engine) as stage:
        await stage.press("2")
        await stage.shows("The journal is locked.")
        assert "What exactly will happen" not in stage.text()
        assert "Approve " not in stage.text()
        del engine.failures["approvals"]
        engine.feed.publish(FeedBatch(notices=(ClaimsChanged(),)))
        await stage.shows("What exactly will happen")
        await stage.shows("Approve ")


async def test_an_unreadable_past_keeps_nobody_from_deciding(console: OpenConsole) -> None:
    engine = engine_with()
    engine.failures["earlier"] = Unavailable(ErrorCode.JOURNAL_LOCKED, "The journal is locked.")
    async with console(engine) as stage:
        await to_card(stage)
        await stage.until(lambda: "decided before cannot be read" in stage.notices())
        await stage.graced()
        await stage.press("a")
        await stage.shows("already decided by ben")


async def test_several_are_approved_with_the_count_each_by_its_own_digest(console: OpenConsole) -> None:
    engine = three()
    async with console(engine) as stage:
        await ask_for_all(stage)
        await stage.shows("Decide 3 approvals at once")
        await stage.shows('2 "out/1.txt"')
        await stage.press("f2")
        await stage.shows("Choose: approve or reject")
        await choose(stage, 0)
        await stage.press("f2")
        await stage.shows("Type how many are decided: 3")
        stage.app.screen.query_one("#count").focus()
        await stage.write("3")
        await stage.press("enter")
        await stage.shows("Enter never decides")
        assert not engine.asked("approve")
        await stage.press("f2")
        await stage.on(ApprovalsScreen)
        await stage.shows("Of 3: 3 approved.")
        assert engine.asked("approve") == [(f"app-{n}", "ben", f"digest-of-app-{n}") for n in range(3)]
        assert not stage.table("#approvals").selected


async def test_several_are_rejected_with_a_comment(console: OpenConsole) -> None:
    engine = three()
    async with console(engine) as stage:
        await ask_for_all(stage, 2)
        await choose(stage, 1)
        stage.app.screen.query_one("#count").focus()
        await stage.write("2")
        await stage.press("f2")
        await stage.shows("A rejection needs a comment")
        await stage.press("tab", *"no")
        await stage.press("f2")
        await stage.shows("Of 2: 2 rejected.")
        assert [asked[3] for asked in engine.asked("reject")] == ["no", "no"]


async def test_one_risky_among_several_asks_for_the_word(console: OpenConsole) -> None:
    engine = three().add(writes(1, risk=Risk.HIGH))
    async with console(engine) as stage:
        await ask_for_all(stage)
        await choose(stage, 0)
        stage.app.screen.query_one("#count").focus()
        await stage.write("3")
        await stage.press("f2")
        await stage.shows("Type the word approve")
        await stage.press("tab", *"approve", "f2")
        await stage.shows("Of 3: 3 approved.")


async def test_several_are_not_decided_within_the_grace(console: OpenConsole) -> None:
    engine = three()
    async with console(engine) as stage:
        await to_card(stage)
        await stage.press("space", "space", "M")
        await stage.on(BulkDecisionDialog)
        await choose(stage, 0)
        stage.app.screen.query_one("#count").focus()
        await stage.write("2")
        await stage.press("f2")
        await stage.shows("this had only just appeared")
        assert not engine.asked("approve")


async def test_different_steps_are_not_decided_together(console: OpenConsole) -> None:
    engine = three().add(an_approval("app-9", step_id="other", requested_at=ago(1)))
    async with console(engine) as stage:
        await to_card(stage)
        await stage.press("M")
        await stage.shows("nothing is marked: Space marks")
        await stage.press("G", "space", "g", "space", "M")
        await stage.shows("only approvals of one step, tool and pack content are decided together")
        await stage.press("escape")
        await stage.until(lambda: not stage.table("#approvals").selected)


async def test_what_somebody_else_decides_meanwhile_voids_the_question(console: OpenConsole) -> None:
    engine = three()
    async with console(engine) as stage:
        await ask_for_all(stage)
        await choose(stage, 0)
        stage.app.screen.query_one("#count").focus()
        await stage.write("3")
        await engine.requests.decide("app-1", RequestStatus.REJECTED, "carol")
        await stage.shows("Nothing was sent: 2 Write file 1: already decided by carol")
        await stage.press("f2")
        await stage.settle()
        assert not engine.asked("approve")


async def test_a_race_that_no_news_told_of_is_told_by_its_outcome(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), *(writes(n, subject=f"shop {n}") for n in range(3)))
    engine.stored_steps.update(three().stored_steps)
    async with console(engine) as stage:
        await ask_for_all(stage)
        await choose(stage, 0)
        stage.app.screen.query_one("#count").focus()
        await stage.write("3")
        decided = {"status": RequestStatus.REJECTED, "decision": "REJECTED", "decided_by": "carol"}
        engine.add(writes(1, **decided, decided_at=ago(1)), writes(2, digest="another"))
        await stage.press("f2")
        which = "already rejected by carol (shop 1), 1 not decided (approval_changed) (shop 2)"
        words = f"Of 3: 1 approved (shop 0), 1 {which}."
        await stage.until(lambda: stage.plain("#hint").strip() == words)
        assert stage.table("#approvals").selected == {"app-2"}


async def test_two_consoles_race_and_exactly_one_decides(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as first, console(engine) as second:
        for stage in (first, second):
            await to_decidable_card(stage)
        await first.press("a")
        await second.press("a")
        for stage in (first, second):
            await stage.shows("already decided by ben")
        won = [stage for stage in (first, second) if "Approved: Write the greeting" in stage.notices()]
        assert len(won) == 1


def test_differences_are_only_what_differs() -> None:
    views = [writes(1), writes(2, message="Another."), writes(3)]
    assert differences(views) == (
        Difference("path", ("out/1.txt", "out/2.txt", "out/3.txt")),
        Difference("message", ("I will write one file.", "Another.", "I will write one file.")),
    )
    assert common_params(views) == {"root": "/srv", "mode": {"sync": True}}
    assert differences([writes(1), writes(1)]) == ()


def test_what_stands_beside_all_of_them_is_told_once() -> None:
    shown = Preview(kind="diff", summary="1 line", text="+ a")
    views = [writes(n, context={"data": {"ticket": "T-1", "n": n}}, preview=shown) for n in (1, 2)]
    assert common_beside(views) == {"context": {"data": {"ticket": "T-1"}}, "what changes": "+ a"}
    assert common_beside([writes(1), writes(2)]) == {}


async def test_what_people_gave_to_all_calls_is_shown_before_they_are_decided_together(
    console: OpenConsole,
) -> None:
    async with console(three(context={"data": {"ticket": "T-17"}})) as stage:
        await ask_for_all(stage)
        await stage.press("G")
        await stage.shows("context, the same in all:")
        await stage.shows("T-17")


def calls(params: Any, **more: Any) -> ApprovalView:
    return writes(1, action=GatedAction(step="w", kind="tool", target="t", params=params), **more)


def test_arguments_of_another_shape_are_told_in_full() -> None:
    views = [calls({"a": {"b": 1}, "c": 1}), calls({"a": {}, "c": "1"})]
    assert differences(views) == (
        Difference("a.b", (1, NOT_GIVEN)),
        Difference("c", (1, "1")),
        Difference("a", (NOT_GIVEN, {})),
    )
    assert common_params(views) is None
    assert differences([calls([1]), calls([2])]) == (Difference("arguments", ([1], [2])),)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"text": "x" * 2_000 + "keep"}, {"text": "x" * 2_000 + "drop"}),
        ({"text": "ab"}, {"text": "a\u200bb"}),
        ({"text": "e\u0301"}, {"text": "\u00e9"}),
        ({"a.b": 1}, {"a": {"b": 1}}),
        ({"n": 1}, {"n": True}),
    ],
    ids=["after 2,000 characters", "hidden", "two forms of a letter", "a key with a dot", "a number and yes"],
)
def test_values_are_compared_whole(one: Any, other: Any) -> None:
    assert differences([calls(one), calls(other)])


def shape_problem(*views: ApprovalView, **types: str) -> str:
    return not_one_shape(views, [types] * len(views))


def test_visits_and_items_of_a_step_are_one_shape() -> None:
    assert not shape_problem(writes(1), writes(1, step_id="each/1/ask~3"))
    items = [writes(1, step_id=f"scan/{item}/ask") for item in (0, 1)]
    assert not shape_problem(*items, scan="for_each")
    assert "hello/hello each/1/ask, hello/other each/1/ask" in shape_problem(
        writes(1), writes(1, flow="other")
    )


@pytest.mark.parametrize(
    "other",
    [
        {"pack_digest": "another"},
        {"step_id": "top/1/ask"},
        {"action": GatedAction(step="w", kind="tool", target="files.delete", params={})},
        {"action": None},
    ],
    ids=["content of the pack", "a branch with a step of this name", "tool", "nothing is gated"],
)
def test_another_content_place_or_tool_is_another_shape(other: dict[str, Any]) -> None:
    first = writes(1, step_id="top/0/ask", pack_digest="one")
    problem = shape_problem(first, first.model_copy(update=other), top="parallel")
    assert "decided together" in problem


async def test_that_a_list_goes_on_is_said_until_its_end_was_seen(console: OpenConsole) -> None:
    engine = three(message="said\n" * 40)
    async with console(engine, size=(100, 30)) as stage:
        await ask_for_all(stage)
        await stage.press("f2")
        await stage.shows("Not sent: the list goes on. Read it to its end first.")
        await stage.press("G")
        await stage.settle()
        assert "Not sent" not in stage.text()
