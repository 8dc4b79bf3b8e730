from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, Refused
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_flow, a_handoff, a_run
from tests.recorded_names import recorded
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.vasini_tui.conftest import Vasini


@pytest.fixture
def fake() -> FakeEngine:
    fake = FakeEngine().add(a_run())
    fake.stored_handoffs["run-1"] = (
        a_handoff(a_flow("incident", pack="on-call"), conditions=("It goes on",)),
        a_handoff(target="gone", conditions=("\x1b[31mred",), reason="there is no pack gone"),
    )
    return fake


def test_handoffs_lists_what_may_take_over_and_why_not(vasini: Vasini) -> None:
    assert [view["target"] for view in vasini("handoffs", "run-1", "--json").document["handoffs"]] == [
        "on-call",
        "gone",
    ]
    shown = vasini("handoffs", "run-1").stdout
    assert "on-call  summary  incident  It goes on" in shown
    assert "there is no pack gone" in shown
    assert "\x1b" not in shown


def test_a_pack_without_handoffs_is_told(vasini: Vasini, fake: FakeEngine) -> None:
    fake.stored_handoffs.clear()
    assert "declares no handoffs" in vasini("handoffs", "run-1").stdout
    assert vasini("handoffs", "run-none").status == ExitCode.NOT_FOUND


def test_handoff_passes_everything_on_and_tells_the_run_that_takes_over(
    vasini: Vasini, fake: FakeEngine
) -> None:
    outcome = vasini(
        "handoff", "run-1", "on-call/incident", "--input", '{"service": "shop"}', "--set", "n=1",
        "--note", "it burns", "--idempotency-key", "k", "--as", "ana", "--json",
    )  # fmt: skip
    assert outcome.status == ExitCode.OK
    assert (outcome.document["run_id"], outcome.document["handed_off_from"]) == ("run-2", "run-1")
    payload = {"service": "shop", "n": 1}
    given = ("run-1", "on-call", "incident", payload, "it burns", recorded("ana"))
    assert fake.asked("hand_off") == [given]
    assert fake.asked("hand_off_with") == [("k", Path.cwd())]


def test_the_only_flow_need_not_be_named(vasini: Vasini, fake: FakeEngine) -> None:
    assert "run-2  queued  on-call/only" in vasini("handoff", "run-1", "on-call", "--wait").stdout
    assert fake.asked("hand_off")[0][2] is None
    assert fake.asked("work")


@pytest.mark.parametrize("target", ["", "/x", "on-call/", "a/b/c"])
def test_a_target_written_wrongly_is_a_usage_error(vasini: Vasini, target: str) -> None:
    assert vasini("handoff", "run-1", target).status == ExitCode.USAGE


def test_what_cannot_be_handed_off_ends_with_its_status(vasini: Vasini, fake: FakeEngine) -> None:
    assert vasini("handoff", "run-none", "on-call").status == ExitCode.NOT_FOUND
    assert vasini("handoff", "run-1", "on-call", "--input", "[1]").status == ExitCode.INVALID_INPUT
    fake.failures["hand_off"] = Refused(ErrorCode.HANDOFF_UNDECLARED, "not declared")
    refused = vasini("handoff", "run-1", "hello", "--json")
    assert (refused.status, refused.error["code"]) == (ExitCode.REFUSED, "handoff_undeclared")


def test_show_names_source_and_targets_when_there_are_any(vasini: Vasini, fake: FakeEngine) -> None:
    assert "handed off" not in vasini("show", "run-1").stdout
    vasini("handoff", "run-1", "on-call")
    assert "handed off from  run-1" in vasini("show", "run-2").stdout
    assert "handed off to  run-2" in vasini("show", "run-1").stdout
