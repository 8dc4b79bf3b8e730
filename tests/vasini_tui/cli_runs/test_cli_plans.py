"""Plans on the command line: shown step by step, changed from a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RequestStatus
from tests.fakes.views import a_plan, an_approval
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


def test_a_plan_is_shown_step_by_step_with_its_parameters_in_full(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_plan())
    shown = vasini("approval", "app-1").stdout
    assert "step 1: look, files.list, risk low\n" in shown
    assert "step 2: note, files.write, risk medium, asks again: the flow is suggest_only" in shown
    assert "Looked.\\nAll well.\\n" in shown
    assert "estimated cost:\n    unknown" in shown


def test_a_plan_that_names_where_the_flow_goes_on_says_so(vasini: Vasini, fake: FakeEngine) -> None:
    plan = a_plan()
    assert plan.action is not None
    onward = {**plan.action.params, "goes_on_with": "tell", "left_out": ["check"]}
    fake.add(a_plan(action=plan.action.model_copy(update={"params": onward})))
    shown = vasini("approval", "app-1").stdout
    assert "the flow goes on with:\n    tell" in shown
    assert '"check"' in shown.partition("the flow leaves out:")[2]


def test_the_steps_of_a_plan_go_to_a_file_and_come_back_changed(
    vasini: Vasini, fake: FakeEngine, tmp_path: Path
) -> None:
    fake.add(a_plan())
    steps = json.loads(vasini("approval", "app-1", "--plan").stdout)["steps"]
    assert [step["step_id"] for step in steps] == ["look", "note"]
    steps[1]["params"]["text"] = "Nothing."
    file = tmp_path / "plan.json"
    file.write_text(json.dumps({"steps": [steps[1]]}))
    assert vasini("approve", "app-1", "--edit", f"@{file}").status == ExitCode.OK
    wanted = ("app-1", [("note", {"path": "note.md", "text": "Nothing."})])
    assert [passed for name, passed in fake.calls if name == "approve_edited"] == [wanted]
    assert fake.stored_approvals["app-1"].status is RequestStatus.APPROVED


def test_a_call_that_a_model_chose_is_changed_as_a_plan_is_and_it_is_said_that_it_asks_again(
    vasini: Vasini, fake: FakeEngine
) -> None:
    fake.add(an_approval(changeable=True))
    steps = vasini("approval", "app-1", "--plan", "--json").document["steps"]
    assert steps == [{"step_id": "write", "params": {"path": "out/hello.txt", "text": "Hello"}}]
    steps[0]["params"]["text"] = "Good morning"
    outcome = vasini("approve", "app-1", "--edit", json.dumps({"steps": steps}))
    assert outcome.status == ExitCode.OK
    assert "it is not made, but asks again" in outcome.stderr
    assert "changed" in vasini("approval", "app-1").stdout


@pytest.mark.parametrize(
    "wrong",
    ["[]", "{}", '{"steps": []}', '{"steps": [{"tool": "x"}]}', '{"steps": [{"step_id": "a", "b": 1}]}'],
)
def test_a_change_that_is_none_decides_nothing(vasini: Vasini, fake: FakeEngine, wrong: str) -> None:
    fake.add(a_plan())
    outcome = vasini("approve", "app-1", "--edit", wrong, "--json")
    assert outcome.error["code"] == "invalid_input"
    assert fake.stored_approvals["app-1"].status is RequestStatus.PENDING


def test_what_is_no_plan_has_no_steps_to_change(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(an_approval())
    assert vasini("approval", "app-1", "--plan", "--json").error["code"] == "invalid_input"
