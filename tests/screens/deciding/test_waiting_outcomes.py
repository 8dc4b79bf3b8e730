"""Interrupted calls stand in the inbox, and what they brought can be said there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.actor import Actor
from engine.contracts.runs.request import GatedAction
from engine.contracts.status import OutcomeDecision, RequestStatus
from screens.approvals.screen import ApprovalsScreen
from screens.outcomes.dialog import OutcomeDialog
from screens.outcomes.output_dialog import OutputDialog
from screens.outcomes.waiting import MOST
from screens.run.screen import RunScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run, ago, an_approval, an_outcome

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


def an_engine(*, approvals: int = 1) -> FakeEngine:
    engine = FakeEngine()
    engine.add(a_run())
    for number in range(approvals):
        engine.add(an_approval(f"app-{number}"))
    engine.stored_outcomes["out-1"] = an_outcome(requested_at=ago(600))
    return engine


async def test_an_interrupted_call_stands_in_the_inbox_and_in_the_counters(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine, size=(80, 24)) as stage:
        await stage.shows("? 1")
        await stage.press("2")
        await stage.on(ApprovalsScreen)
        await stage.shows("? mail.send")
        await stage.shows("What exactly will happen")


async def test_what_a_call_brought_is_given_as_json(console: OpenConsole) -> None:
    engine = an_engine(approvals=0)
    async with console(engine) as stage:
        await stage.press("2")
        await stage.shows("? mail.send")
        await stage.until(lambda: stage.app.focused is stage.table("#outcomes"))
        await stage.press("enter")
        await stage.on(OutcomeDialog)
        await stage.press("j", "j", "enter")
        await stage.on(OutputDialog)
        await stage.write("[7]")
        await stage.press("f2")
        await stage.shows("Not sent: a JSON object is needed")
        await stage.press("escape")
        await stage.on(ApprovalsScreen)
        await stage.press("enter")
        await stage.on(OutcomeDialog)
        await stage.press("j", "j", "enter")
        await stage.on(OutputDialog)
        await stage.shows("[7]")
        await stage.press("backspace", "backspace", "backspace")
        await stage.write('{"id": 7}')
        await stage.press("f2")
        await stage.on(ApprovalsScreen)
        said = ("decide_outcome", ("out-1", "done", "ben", {"id": 7}, ""))
        await stage.until(lambda: said in engine.calls)
        await stage.until(lambda: not engine.drafts.stored, "nothing is kept any more")
        await stage.until(lambda: not stage.app.screen.query_one("#waiting-outcomes").display)


async def test_decision_keys_decide_nothing_while_the_cursor_is_on_an_interrupted_call(
    console: OpenConsole,
) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await stage.press("2")
        await stage.shows("What exactly will happen")
        await stage.press("exclamation_mark")
        await stage.until(lambda: stage.app.focused is stage.table("#outcomes"))
        await stage.graced()
        await stage.press("a")
        await stage.shows("There is nothing to decide")
        await stage.press("o")
        await stage.shows("There is nothing to claim")
        assert engine.stored_approvals["app-0"].status is RequestStatus.PENDING
        assert engine.stored_approvals["app-0"].claimed_by is None


async def test_other_keys_too_are_about_the_interrupted_call_under_the_cursor(console: OpenConsole) -> None:
    engine = an_engine().add(a_run("run-2"), an_outcome(run_id="run-2", requested_at=ago(600)))
    async with console(engine) as stage:
        await stage.press("2")
        await stage.shows("What exactly will happen")
        await stage.press("exclamation_mark")
        await stage.until(lambda: stage.app.focused is stage.table("#outcomes"))
        await stage.press("space")
        await stage.shows("Interrupted calls are not marked")
        assert not stage.table("#approvals").selected
        await stage.press("l")
        await stage.on(RunScreen)
        await stage.shows("run run-2")


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_every_answer_about_a_call_is_in_view_however_much_is_known_of_it(
    console: OpenConsole, size: tuple[int, int]
) -> None:
    action = GatedAction(step="send", kind="tool", target="mail.send", params={"body": "x" * 900})
    engine = FakeEngine().add(a_run(), an_outcome(subject="nightly of srv-3", action=action))
    async with console(engine, size=size) as stage:
        await stage.press("2")
        await stage.shows("Interrupted")
        await stage.press("enter")
        await stage.on(OutcomeDialog)
        await stage.shows("hello/hello · nightly of srv-3")
        for words in ("approval is used up", "Say nothing yet", "Run again", "It was done", "Fail the step"):
            await stage.shows(words)
        await stage.shows("Esc close")


async def test_a_call_that_somebody_decided_just_now_holds_up_no_list(console: OpenConsole) -> None:
    engine = an_engine(approvals=2)
    engine.stored_outcomes["out-2"] = an_outcome("out-2", status=RequestStatus.ANSWERED)
    async with console(engine) as stage:
        stage.app.show_in("approvals", "out-2")
        await stage.on(ApprovalsScreen)
        await stage.until(lambda: stage.table("#approvals").row_count == 2)
        engine.add(an_approval("app-2")).news()
        await stage.until(lambda: stage.table("#approvals").row_count == 3)


async def test_an_approval_that_went_with_its_run_holds_up_no_list(console: OpenConsole) -> None:
    engine = an_engine(approvals=2)
    async with console(engine) as stage:
        await stage.press("2")
        await stage.until(lambda: stage.table("#approvals").row_count == 2)
        await stage.press("tab", "j")
        gone = stage.table("#approvals").cursor_key
        del engine.stored_approvals[gone]
        engine.add(an_approval("app-2"), an_approval("app-3")).news()
        await stage.until(lambda: stage.table("#approvals").row_count == 3)
        assert "not_found" not in stage.text()


@pytest.mark.parametrize("status", [RequestStatus.ANSWERED, RequestStatus.EXPIRED])
async def test_who_asks_himself_what_became_of_a_call_sees_that_somebody_has_said_it(
    console: OpenConsole, status: RequestStatus
) -> None:
    engine = an_engine(approvals=0)
    async with console(engine) as stage:
        await stage.press("2")
        await stage.shows("? mail.send")
        await stage.press("enter")
        await stage.on(OutcomeDialog)
        await stage.press("j")
        if status is RequestStatus.ANSWERED:
            carol = Actor(name="carol", via="console")
            await engine.requests.decide_outcome("out-1", OutcomeDecision.DONE, actor=carol)
            words = "Nothing was said: carol said at"
        else:
            engine.add(an_outcome(requested_at=ago(600), status=status)).news()
            words = "Nothing was said: it is expired, nobody is asked any more"
        await stage.shows(words)
        assert "Run again" not in stage.text()
        said = len(engine.asked("decide_outcome"))
        await stage.press("enter")
        await stage.on(ApprovalsScreen)
        assert len(engine.asked("decide_outcome")) == said


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("j", "enter", "enter"), "Enter never decides: F2 does it, Esc closes"),
        (("G", "enter"), "Enter never decides"),
        (("j", "j", "f2", "f2"), "Enter goes on: nothing is done before you have answered what it asks"),
    ],
)
async def test_a_hasty_or_repeated_key_says_nothing_of_a_call(
    console: OpenConsole, keys: tuple[str, ...], words: str
) -> None:
    engine = an_engine(approvals=0)
    async with console(engine, size=(80, 24)) as stage:
        await stage.press("2")
        await stage.shows("? mail.send")
        await stage.press("enter")
        await stage.on(OutcomeDialog)
        await stage.press(*keys)
        await stage.shows(words)
        await stage.on(OutcomeDialog)
        assert not engine.asked("decide_outcome")


async def test_what_was_said_of_a_call_is_told(console: OpenConsole) -> None:
    async with console(an_engine(approvals=0)) as stage:
        await stage.press("2")
        await stage.shows("? mail.send")
        await stage.press("enter", "j", "f2")
        await stage.until(lambda: "Said of mail.send: run again" in stage.notices())


async def test_it_is_told_that_more_calls_wait_than_are_listed(console: OpenConsole) -> None:
    engine = an_engine(approvals=0)
    for number in range(MOST):
        engine.add(an_outcome(f"out-{number + 2:03}"))
    async with console(engine) as stage:
        await stage.press("2")
        await stage.shows("the 200 oldest, more wait")
        assert stage.table("#outcomes").row_count == MOST
