"""Two consoles on one engine: what one does while the other is in a dialog, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.actor import Actor
from engine.contracts.status import RequestStatus, Risk, RunStatus
from screens.approvals.bulk_dialog import BulkDecisionDialog
from screens.approvals.dialogs import CommentDialog, DecisionDialog, TypedWordDialog
from screens.approvals.plan_dialog import ParamsDialog, PlanDialog
from screens.approvals.screen import ApprovalsScreen
from screens.packs.dialogs import PublishDialog
from screens.run_verbs.bulk import PAUSE, do_all
from screens.slo.exclude import excluded_words
from screens.slo.screen import SloScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.levels import a_level
from tests.fakes.views import a_pack, a_plan, a_run, ago
from tests.screens.deciding.test_claims_and_bulk import ask_for_all, choose, three, writes
from tests.screens.deciding.test_plans import to_dialog, to_plan

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


class FakeEngineWithDefect(FakeEngine):
    """Its calls about `app-1` and `run-1` end in a defect."""

    def note(self, name: str, passed: Any = None) -> None:
        super().note(name, passed)
        if name in {"approve", "pause"} and passed[0] in {"app-1", "run-1"}:
            raise ZeroDivisionError("division by zero")


def planned(risk: Risk = Risk.LOW) -> FakeEngine:
    return FakeEngine().add(a_run(), a_plan(risk=risk))


async def to(stage: Stage, kind: type[DecisionDialog[Any]]) -> None:
    """The dialog, with something typed or changed in it that its confirming key would send."""
    if kind is BulkDecisionDialog:
        await ask_for_all(stage)
        await choose(stage, 0)
        stage.app.screen.query_one("#count").focus()
        await stage.write("3")
    elif kind is PlanDialog:
        await to_dialog(stage)
        await stage.press("x")
    else:
        await to_plan(stage)
        await stage.press("a" if kind is TypedWordDialog else "r")
        await stage.on(kind)
        await stage.write("approve")
    await stage.graced()


BEN = Actor(name="ben", via="console")
DIALOGS = (TypedWordDialog, CommentDialog, PlanDialog, BulkDecisionDialog)


def engine_of(kind: type[DecisionDialog[Any]]) -> FakeEngine:
    return three() if kind is BulkDecisionDialog else planned(Risk.HIGH)


@pytest.mark.parametrize("status", [RequestStatus.EXPIRED, RequestStatus.WITHDRAWN, RequestStatus.VOID])
@pytest.mark.parametrize("kind", DIALOGS)
async def test_what_ends_without_a_decision_is_not_told_as_decided_by_somebody(
    console: OpenConsole, kind: type[DecisionDialog[Any]], status: RequestStatus
) -> None:
    engine = engine_of(kind)
    async with console(engine) as stage:
        await to(stage, kind)
        ended = engine.stored_approvals["app-1"].model_copy(update={"status": status})
        engine.add(ended)
        engine.news("request_expired")
        await stage.shows("Nothing was sent")
        said = " ".join(stage.plain(".dialog-hint").split())
        assert f"it is {status.lower()}: no decision is needed any more" in said
        assert "decided by" not in said
        await stage.press("f2")
        await stage.on(kind)
        assert not engine.asked("approve")
        assert not engine.asked("reject")
        await stage.press("escape")
        await stage.on(ApprovalsScreen)


@pytest.mark.parametrize("kind", DIALOGS)
async def test_a_dialog_tells_who_else_is_on_it(
    console: OpenConsole, kind: type[DecisionDialog[Any]]
) -> None:
    engine = engine_of(kind)
    async with console(engine) as stage:
        await to(stage, kind)
        assert not stage.app.screen.query_one(".dialog-claim").display
        engine.requests.claim_as(engine.stored_approvals["app-1"], "carol")
        await stage.shows("carol is on it until")
        await stage.press("escape")
        await stage.on(ApprovalsScreen)
        await stage.graced()
        await stage.press("M" if kind is BulkDecisionDialog else "r")
        await stage.shows("‼ carol is on it until")


async def test_parameters_under_way_are_not_sent_when_the_plan_was_decided_meanwhile(
    console: OpenConsole,
) -> None:
    engine = planned()
    async with console(engine) as stage:
        await to_dialog(stage)
        await stage.press("x", "enter")
        await stage.on(ParamsDialog)
        await engine.requests.decide("app-1", RequestStatus.REJECTED, "carol")
        await stage.settle()
        await stage.press("f2")
        await stage.on(PlanDialog)
        await stage.shows("Nothing was sent: already decided by carol")
        await stage.graced()
        await stage.press("f2")
        await stage.on(PlanDialog)
        assert not engine.asked("approve")


async def test_changes_of_a_plan_are_not_those_of_another_run_with_the_same_plan(
    console: OpenConsole,
) -> None:
    engine = planned().add(a_run("run-2"), a_plan("app-2", run_id="run-2", requested_at=ago(5)))
    same = engine.stored_approvals["app-2"].model_copy(
        update={"digest": engine.stored_approvals["app-1"].digest}
    )
    engine.add(same)
    async with console(engine) as stage:
        await to_dialog(stage)
        await stage.press("x", "escape")
        await stage.on(ApprovalsScreen)
        await stage.press("j", "enter", "G", "escape")
        await stage.graced()
        await stage.press("e")
        await stage.on(PlanDialog)
        await stage.shows("note.md")
        assert "taken out" not in stage.text()


async def test_one_that_was_decided_since_it_was_marked_is_not_asked_about(console: OpenConsole) -> None:
    engine = three()
    async with console(engine) as stage:
        await stage.press("2")
        await stage.shows("Write file 2")
        await stage.press("space", "space", "space")
        engine.add(writes(1, status=RequestStatus.REJECTED, decision="REJECTED", decided_by="carol"))
        await stage.press("M")
        await stage.shows("Not asked: 1 of the 3 marked wait no more")
        await stage.on(ApprovalsScreen)
        await stage.until(lambda: stage.table("#approvals").selected == {"app-0", "app-2"})


async def test_it_is_told_what_became_of_each_though_one_ended_in_a_defect(console: OpenConsole) -> None:
    engine = FakeEngineWithDefect().add(a_run(), *(writes(n, subject=f"shop {n}") for n in range(3)))
    engine.stored_steps.update(three().stored_steps)
    async with console(engine, size=(120, 40)) as stage:
        await to(stage, BulkDecisionDialog)
        await stage.press("f2")
        words = (
            "Of 3: 2 approved (shop 0, shop 2), 1 perhaps not decided "
            "(internal error: ZeroDivisionError: division by zero) (shop 1)"
        )
        await stage.until(lambda: words in " ".join(stage.plain("#hint").split()))
        assert words in stage.notices()
        assert stage.table("#approvals").selected == {"app-1"}


async def test_a_defect_at_one_run_stops_no_verb_at_the_others() -> None:
    engine = FakeEngineWithDefect().add(a_run("run-0"), a_run("run-1"), a_run("run-2"))
    outcome = await do_all(PAUSE, engine.runs, ["run-0", "run-1", "run-2"], BEN)
    assert [passed[0] for name, passed in engine.calls if name == "pause"] == ["run-0", "run-1", "run-2"]
    assert outcome.refused == ("run-1",)
    assert "1 failed, look at it" in outcome.text
    assert "ZeroDivisionError" in outcome.text


async def test_what_was_excluded_is_told_though_another_run_is_gone(console: OpenConsole) -> None:
    engine = FakeEngine().add(
        *(a_run(f"run-{n}", RunStatus.FAILED, pack="on-call", finished_at=ago(300)) for n in (1, 2))
    )
    engine.levels.stored = (a_level("on-call", failed=2),)
    async with console(engine) as stage:
        await stage.press("4")
        await stage.shows("on-call")
        await stage.press("x")
        await stage.until(lambda: len(stage.table("#failed").rows) == 2)
        await stage.press("space", "space", "tab", *"deploy")
        del engine.stored_runs["run-1"]
        await stage.press("f2")
        await stage.on(SloScreen)
        await stage.until(
            lambda: "1 run does not count; 1 could not be excluded: not_found" in stage.notices()
        )


def test_words_of_an_exclusion_name_each_kind() -> None:
    assert excluded_words(2, 1, ["not_found: it is gone"]) == (
        "2 runs do not count; 1 did not count already: the first reason stays; "
        "1 could not be excluded: not_found: it is gone"
    )


async def test_a_pack_that_somebody_saved_while_it_was_asked_is_not_published(console: OpenConsole) -> None:
    engine = FakeEngine(stored_packs=(a_pack(digest="d" * 64),))
    async with console(engine) as stage:
        await stage.press("5")
        await stage.until(lambda: stage.table("#packs").rows)
        await stage.press("P")
        await stage.on(PublishDialog)
        engine.stored_packs = (a_pack(digest="e" * 64),)
        await stage.press("f2")
        await stage.until(lambda: "code_changed" in stage.notices())
        assert not engine.packs.versions_known
