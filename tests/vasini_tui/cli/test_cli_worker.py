from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, Unavailable
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_worker_stops_in_good_order_on_a_signal(
    vasini: Vasini, fake: FakeEngine, number: signal.Signals
) -> None:
    fake.when_working = lambda: os.kill(os.getpid(), number)
    outcome = vasini("worker", "--json", "--slots", "3")
    assert outcome.status == ExitCode.OK
    assert outcome.document == {"worker_id": "worker-1", "stopped_by": number.name}
    assert fake.asked("work") == [3]
    assert [line.split()[2] for line in outcome.stderr.splitlines()] == ["started;", "stopped"]


def test_a_worker_until_idle_ends_when_nothing_can_move(vasini: Vasini, fake: FakeEngine) -> None:
    outcome = vasini("worker", "--until-idle")
    assert (outcome.status, outcome.stdout) == (ExitCode.OK, "")
    assert fake.asked("work") == [64]
    assert "(idle)" in outcome.stderr


def test_a_worker_whose_journal_is_lost_ends_as_a_command_that_cannot_use_it(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.worker.lost = Unavailable(ErrorCode.JOURNAL_UNAVAILABLE, "the journal was deleted")
    outcome = vasini("worker", "--json")
    assert (outcome.status, outcome.error["code"]) == (ExitCode.UNAVAILABLE, "journal_unavailable")
    assert outcome.error["message"] == "the journal was deleted"


def test_signals_act_by_default_again_when_the_worker_has_ended(vasini: Vasini) -> None:
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [*map(signal.getsignal, numbers)]
    vasini("worker", "--until-idle")
    assert [*map(signal.getsignal, numbers)] == before


def test_a_worker_below_nohup_hears_nothing_of_its_terminal(vasini: Vasini, fake: FakeEngine) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def hang_up_then_stop() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)

    fake.when_working = hang_up_then_stop
    try:
        assert vasini("worker", "--json").document["stopped_by"] == "SIGTERM"
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_slots_are_at_least_one(vasini: Vasini) -> None:
    assert vasini("worker", "--slots", "0").status == ExitCode.USAGE
