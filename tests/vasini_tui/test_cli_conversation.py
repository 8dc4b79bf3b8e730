"""`vasini conversation`: an agent's words for a person and for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.conversations import agent_steps
from tests.fakes.views import a_run, a_step
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


def test_the_only_agent_of_a_run_needs_no_name(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run())
    fake.stored_steps["run-1"] = agent_steps()
    lines = vasini("conversation", "run-1").stdout.splitlines()
    assert lines[0] == "agent look · RUNNING · 2 turns"
    assert "│ What is there?" in lines
    assert "│ turn 9 · openai gpt" in lines
    document = vasini("conversation", "run-1", "look", "--json").document
    assert [turn["status"] for turn in document["turns"]] == ["COMPLETED", "RUNNING"]
    assert [call["tool"] for call in document["turns"][0]["calls"]] == ["files.read", "files.none"]
    assert document["turns"][0]["calls"][1]["error"]["code"] == "not_found"


def test_a_run_without_an_agent_or_with_several_says_so(vasini: Vasini, fake: FakeEngine) -> None:
    fake.add(a_run())
    fake.stored_steps["run-1"] = (a_step("greet"),)
    assert vasini("conversation", "run-1").status == ExitCode.NOT_FOUND
    assert vasini("conversation", "run-1", "greet").status == ExitCode.INVALID_INPUT
    fake.stored_steps["run-1"] = (a_step("a", type="agent"), a_step("b", type="agent"))
    outcome = vasini("conversation", "run-1")
    assert outcome.status == ExitCode.USAGE
    assert "name one: a, b" in outcome.stderr
