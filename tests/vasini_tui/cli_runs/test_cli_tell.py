"""`vasini tell`: words for a model, data for tools, of one turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RunStatus
from tests.fakes.views import a_run
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


def test_words_and_data_are_told_together_or_alone(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run("run_1", status=RunStatus.RUNNING))
    assert vasini("tell", "run_1", "Be brief.").status == ExitCode.OK
    assert vasini("tell", "run_1", "--data", '{"ticket": "T-17"}').status == ExitCode.OK
    assert vasini("tell", "run_1", "And so.", "--data", '{"a": 1}').status == ExitCode.OK
    assert fake.asked("told") == [
        ("run_1", "Be brief.", None),
        ("run_1", "", {"ticket": "T-17"}),
        ("run_1", "And so.", {"a": 1}),
    ]


def test_nothing_to_tell_and_what_is_no_object_are_refused(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run("run_1", status=RunStatus.RUNNING))
    assert vasini("tell", "run_1").status == ExitCode.USAGE
    assert vasini("tell", "run_1", "--data", "[1]").status == ExitCode.INVALID_INPUT
    assert vasini("tell", "run_1", "--data", "{").status == ExitCode.INVALID_INPUT
    assert fake.asked("told") == []
