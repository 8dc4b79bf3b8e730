"""Statuses as text that commands write tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RunStatus, StepStatus
from screens.widgets.status_labels import RUN_LABELS
from tests.fakes.views import a_form, a_run, a_step, an_approval, an_outcome
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


def test_statuses_are_told_in_the_words_of_the_console_and_found_by_them(
    vasini: Vasini, fake: FakeEngine
) -> None:
    for number, status in enumerate(RunStatus):
        fake.add(a_run(f"run-{number}", status))
    rows = vasini("runs").stdout.splitlines()[1:]
    for number, status in enumerate(RunStatus):
        word = RUN_LABELS[status].word
        (row,) = [row for row in rows if row.startswith(f"run-{number} ")]
        assert f"  {word}  " in row
        assert f"status   {word}\n" in vasini("show", f"run-{number}").stdout
        found = vasini("runs", "--json", "--status", word).document["runs"]
        assert [run["run_id"] for run in found] == [f"run-{number}"]


def test_statuses_of_steps_and_requests_are_told_in_the_words_of_the_console(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.add(a_run(), an_approval(), a_form(), an_outcome())
    fake.stored_steps["run-1"] = (
        a_step("ask", StepStatus.PENDING_USER_INPUT),
        a_step("act", StepStatus.NOT_STARTED),
    )
    told = vasini("show", "run-1").stdout
    assert "pending input" in told
    assert "not started" in told
    assert "PENDING" not in told + "".join(vasini(name).stdout for name in ("approvals", "forms", "outcomes"))


@pytest.mark.parametrize(
    ("command", "status"), [("approvals", "answered"), ("forms", "approved"), ("outcomes", "void")]
)
def test_a_status_that_no_such_request_can_have_is_refused(vasini: Vasini, command: str, status: str) -> None:
    outcome = vasini(command, "--status", status)
    assert outcome.status == ExitCode.USAGE
    assert status.upper() not in outcome.stderr
    assert "PENDING" in outcome.stderr
