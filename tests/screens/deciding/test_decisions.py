"""Rules of safe decisions, from the keyboard to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.governing.budget import SpendSum
from engine.contracts.runs.request import GatedAction
from engine.contracts.status import RequestStatus, Risk
from engine.errors import ErrorCode, Unavailable
from screens.approvals.dialogs import CommentDialog, TypedWordDialog
from screens.approvals.screen import ApprovalsScreen
from screens.frame.grace import DecisionGate
from tests.fakes.views import ago, an_approval
from tests.screens.deciding.decision_card import engine_with, to_card, to_decidable_card

if TYPE_CHECKING:
    from tests.screens.conftest import HandClock, OpenConsole


async def test_a_key_after_the_grace_approves_exactly_what_was_shown(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_decidable_card(stage)
        await stage.press("a")
        await stage.shows("already decided by ben")
        assert engine.asked("approve") == [("app-1", "ben", "digest-of-app-1")]


async def test_decision_keys_within_the_grace_do_nothing(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_card(stage)
        await stage.settle()
        stage.clock.seconds += 0.29
        await stage.press("a", "r")
        await stage.shows("had only just appeared")
        assert not engine.asked("approve")
        assert isinstance(stage.app.screen, ApprovalsScreen)


async def test_what_an_early_key_was_refused_for_is_not_said_any_more_after_a_decision(
    console: OpenConsole,
) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_card(stage)
        await stage.press("a")
        await stage.shows("Not sent")
        await stage.graced()
        await stage.press("a")
        await stage.shows("already decided by ben")
        assert "Not sent" not in stage.plain("#hint")


async def test_moving_to_another_approval_begins_the_grace_again(console: OpenConsole) -> None:
    engine = engine_with().add(an_approval("app-2", title="The second", requested_at=ago(5)))
    async with console(engine) as stage:
        await to_decidable_card(stage)
        await stage.press("j", "a")
        await stage.until(lambda: "The second" in stage.plain(".card-title"))
        assert not engine.asked("approve")


async def test_content_that_changes_under_the_cursor_begins_the_grace_again(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_decidable_card(stage)
        action = GatedAction(step="write", kind="tool", target="files.write", params={"path": "/etc/passwd"})
        engine.add(an_approval(action=action, digest="another"))
        engine.news()
        await stage.shows("/etc/passwd")
        await stage.press("a")
        await stage.shows("had only just appeared")
        assert not engine.asked("approve")


async def test_the_card_tells_what_models_have_cost_for_the_run(console: OpenConsole) -> None:
    engine = engine_with()
    engine.budget.of_runs["run-1"] = SpendSum(calls=3, cost=120_000_000, unpriced=1)
    async with console(engine) as stage:
        await to_card(stage)
        await stage.shows("cost so far $0.12 and 1 call of")


async def test_of_a_run_that_asked_no_model_it_tells_no_cost(console: OpenConsole) -> None:
    async with console(engine_with()) as stage:
        await to_card(stage)
        await stage.shows("nothing was decided")
        assert "cost so far" not in stage.text()


@pytest.mark.parametrize("key", ["enter", "escape", "space", "f2"])
async def test_enter_and_escape_never_decide(console: OpenConsole, key: str) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_decidable_card(stage)
        await stage.press(key, key)
        await stage.settle()
        assert not engine.asked("approve")
        assert not engine.asked("reject")


async def test_a_rejection_needs_a_comment(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_decidable_card(stage)
        await stage.press("r")
        await stage.on(CommentDialog)
        await stage.press("f2")
        await stage.shows("needs a comment")
        await stage.write("no")
        await stage.press("enter")
        assert not engine.asked("reject")
        await stage.write("way")
        await stage.press("f2")
        await stage.shows("REJECTED")
        assert engine.asked("reject") == [("app-1", "ben", "digest-of-app-1", "no\nway")]


@pytest.mark.parametrize("risk", [Risk.HIGH, Risk.CRITICAL])
async def test_high_risk_asks_for_the_typed_word(console: OpenConsole, risk: Risk) -> None:
    engine = engine_with(risk=risk)
    async with console(engine) as stage:
        await to_decidable_card(stage)
        await stage.press("a")
        await stage.on(TypedWordDialog)
        await stage.write("appro")
        await stage.press("f2")
        await stage.shows("Type the word approve")
        await stage.write("ve")
        await stage.press("enter")
        await stage.shows("Enter never decides")
        assert not engine.asked("approve")
        await stage.press("f2")
        await stage.until(lambda: engine.asked("approve"))


async def test_escape_from_the_typed_word_sends_nothing(console: OpenConsole) -> None:
    engine = engine_with(risk=Risk.HIGH)
    async with console(engine) as stage:
        await to_decidable_card(stage)
        await stage.press("a")
        await stage.on(TypedWordDialog)
        await stage.write("approve")
        await stage.press("escape")
        await stage.on(ApprovalsScreen)
        assert not engine.asked("approve")


async def test_too_late_is_told_with_who_when_and_what(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_decidable_card(stage)
        # No news reached this console yet: only the engine knows.
        engine.stored_approvals["app-1"] = an_approval(
            status=RequestStatus.APPROVED, decision="APPROVED", decided_by="carol", decided_at=ago(1)
        )
        await stage.press("a")
        await stage.until(lambda: "Already decided by carol" in stage.notices())
        await stage.shows("already decided by carol at 2026-03-14 09:26:52 UTC: APPROVED")


async def test_a_colleagues_decision_shows_at_once_and_the_keys_die(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_decidable_card(stage)
        await engine.requests.decide("app-1", RequestStatus.REJECTED, "carol", comment="not today")
        await stage.shows("already decided by carol")
        await stage.shows("not today")
        await stage.graced()
        await stage.press("a", "r")
        await stage.shows("is rejected already")
        assert not engine.asked("approve")
        assert isinstance(stage.app.screen, ApprovalsScreen)


async def test_a_colleagues_decision_kills_an_open_dialog_but_keeps_it_open(console: OpenConsole) -> None:
    engine = engine_with(risk=Risk.HIGH)
    async with console(engine) as stage:
        await to_decidable_card(stage)
        await stage.press("a")
        await stage.on(TypedWordDialog)
        await stage.write("approve")
        await engine.requests.decide("app-1", RequestStatus.APPROVED, "carol")
        await stage.shows("Nothing was sent: already decided by carol")
        await stage.press("f2")
        await stage.settle()
        assert isinstance(stage.app.screen, TypedWordDialog)
        assert not engine.asked("approve")


async def test_a_decided_approval_stays_under_the_cursor_until_it_is_left(console: OpenConsole) -> None:
    engine = engine_with().add(an_approval("app-2", title="The second", requested_at=ago(5)))
    async with console(engine) as stage:
        await to_decidable_card(stage)
        await stage.press("a")
        await stage.shows("already decided by ben")
        await stage.graced()
        await stage.press("a")
        assert len(engine.asked("approve")) == 1
        await stage.press("j")
        await stage.until(lambda: [row.key for row in stage.table("#approvals").rows] == ["app-2"])


async def test_a_failure_of_the_engine_is_told_and_can_be_tried_again(console: OpenConsole) -> None:
    engine = engine_with()
    engine.failures["approve"] = Unavailable(ErrorCode.DISK_FULL, "The disk is full; free some space.")
    async with console(engine) as stage:
        await to_decidable_card(stage)
        await stage.press("a")
        await stage.until(lambda: "disk_full: The disk is full" in stage.notices())
        del engine.failures["approve"]
        await stage.graced()
        await stage.press("a")
        await stage.shows("already decided by ben")


async def test_nothing_is_decided_while_the_terminal_is_too_small(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine) as stage:
        await to_card(stage)
        await stage.resize(50, 18)
        await stage.shows("too small")
        await stage.graced()
        await stage.press("a")
        await stage.settle()
        assert not engine.asked("approve")
        await stage.resize(80, 24)
        await stage.shows("What exactly will happen")


def test_the_gate_opens_for_the_drawn_content_only(clock: HandClock) -> None:
    gate = DecisionGate(clock, 0.3)
    gate.appearing(("a",))
    clock.seconds += 1
    assert not gate.is_open(("a",))
    gate.drawn(("a",), answered=True)
    assert not gate.is_open(("a",))
    clock.seconds += 0.31
    assert gate.is_open(("a",))
    assert not gate.is_open(("b",))
    gate.appearing(("b",))
    gate.drawn(("a",), answered=True)
    clock.seconds += 1
    assert not gate.is_open(("b",))
    gate.close()
    assert not gate.is_open(("a",))


async def test_the_last_line_offers_no_decision_on_what_is_decided(console: OpenConsole) -> None:
    engine = engine_with()
    async with console(engine, size=(140, 40)) as stage:
        await to_card(stage)
        await stage.until(lambda: "Approve" in stage.plain("#keys"))
        await engine.requests.decide("app-1", RequestStatus.REJECTED, "carol", comment="no")
        await stage.shows("already decided by carol")
        await stage.until(lambda: "Approve" not in stage.plain("#keys"))
        assert not any(word in stage.plain("#keys") for word in ("Reject", "Own/release"))


async def test_the_bar_offers_to_mark_and_then_to_decide_what_is_marked(console: OpenConsole) -> None:
    async with console(engine_with(), size=(80, 24)) as stage:
        await to_card(stage)
        await stage.shows("Space Mark")
        assert "Decide marked" not in stage.text()
        await stage.press("space")
        await stage.shows("M Decide marked")
        await stage.press("escape")
        await stage.shows("Space Mark")
