"""What an outside agent is told, and what is made of what it told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.acp.session import Answer
from engine.acp.usage import AgentUsage, Tokens
from engine.contracts.runs.run import StepView
from engine.contracts.status import StepStatus
from engine.models.blocks import ImageBlock
from engine.runtime.views.conversations.agent_steps import AgentSteps
from engine.runtime.views.conversations.outside_turns import outside_turns
from engine.runtime.worker.steps.outside.telling import as_data, prompt_text, told_in_words, usage_of

if TYPE_CHECKING:
    from engine.acp.session import AgentSession

TOLD = {"instructions": "Be a test.", "prompt": "Make it."}
SKILL = {"key": "demo/look", "digest": "d", "name": "Look", "trigger": "always", "text": "Look twice."}


def session(name: str = "", tokens: Tokens | None = None, cost: int | None = None) -> AgentSession:
    used = AgentUsage()
    used.tokens, used.cost = tokens, cost
    return cast("AgentSession", SimpleNamespace(name=name, used=used))


def told(*decided: Any, again: bool = False, **more: Any) -> str:
    return prompt_text("You are Eva.", {**TOLD, **more}, list(decided), again=again, output=None)


def test_a_first_prompt_is_who_it_is_what_it_is_told_and_what_is_wanted() -> None:
    assert told() == "You are Eva.\n\nBe a test.\n\nMake it."
    with_skill = told(skills=[SKILL])
    assert with_skill.index("Be a test.") < with_skill.index("Look twice.") < with_skill.index("Make it.")
    form = prompt_text("", TOLD, [], again=False, output={"type": "object"})
    assert form.startswith("Be a test.")
    assert form.endswith('fits this schema, and nothing else: {"type":"object"}')


def test_one_that_another_agent_has_handed_over_to_is_told_by_whom_and_what() -> None:
    handed = {
        "by": "triage",
        "message": "Ground floor",
        "asked": "Help with it.",
        "text": "A broken pipe.",
    }
    text = told(received=handed)
    assert text.endswith("\n\nMake it.")
    for words in ("The agent triage has handed", "Ground floor", "Help with it.", "A broken pipe."):
        assert words in text


def test_an_agent_that_begins_again_is_told_what_came_of_its_calls() -> None:
    decided = [
        {"title": "Write a.txt", "status": "completed"},
        {"title": "Write b.txt", "status": "failed"},
        {"title": "Write c.txt", "status": "in_progress"},
        {"error": {"message": "not on a Friday", "code": "approval_rejected"}},
        {"error": {"message": "the process is gone", "code": "approval_void"}},
        {"error": {"message": "the agent ended", "code": "agent_error"}},
        {},
        7,
    ]
    last = told(*decided, again=True).rpartition("\n\n")[2].split("\n")
    assert last[0].startswith("You worked on this before")
    assert last[1:] == [
        "- done: Write a.txt",
        "- failed: Write b.txt",
        "- maybe not done: Write c.txt",
        "- not done: not on a Friday",
        "- maybe not done: the process is gone",
        "- maybe not done: the agent ended",
        "- done: ",
        "- done: ",
    ]
    assert "You worked on this before" in told(again=True), "also where nothing was decided"
    assert "done" not in told(*decided)


def test_of_many_and_long_calls_the_newest_are_told_in_short() -> None:
    decided: list[Any] = [{"title": f"{number} " + "x" * 9_000} for number in range(60)]
    decided[-1] = {"error": {"message": "y" * 9_000}}
    last = told(*decided, again=True).rpartition("\n\n")[2].split("\n")[1:]
    assert (len(last), last[0][:11]) == (50, "- done: 10 ")
    assert {len(line) for line in last} == {len("- done: ") + 200, len("- not done: ") + 200}


def test_an_agent_that_takes_no_images_is_told_of_them_before_the_text() -> None:
    images = [ImageBlock("png", 640, 480, b"x"), ImageBlock("gif", 1, 2, b"y")]
    first, second, text = told_in_words("Look.", images).split("\n")
    assert ("640x480" in first, "1x2" in second, text) == (True, True, "Look.")
    assert told_in_words("Look.", []) == "Look."


@pytest.mark.parametrize(("name", "model"), [("plain 1.0", "plain 1.0"), ("", "acp:plain")])
def test_what_an_agent_does_not_tell_of_its_use_is_not_known(name: str, model: str) -> None:
    answer = as_data(Answer("Done.", "end_turn"), "acp:plain", session(name))
    assert answer["usage"] == {"input_tokens": None, "output_tokens": None, "estimated": False}
    assert (answer["provider"], answer["model"], answer["finish"]) == ("acp:plain", model, "end_turn")
    used = usage_of(session(name), "acp:plain")
    assert used == {"model": "acp:plain", "provider": "acp", "asked": model, "prices": ""}


def test_what_an_agent_tells_of_its_use_is_taken_as_it_is() -> None:
    spoken = session("plain", Tokens(120, 40, 100), cost=0)
    assert as_data(Answer("", ""), "acp:plain", spoken)["usage"] == {
        "input_tokens": 120,
        "output_tokens": 40,
        "estimated": False,
    }
    used = usage_of(spoken, "acp:plain")
    assert (used["input"], used["output"], used["cached"], used["cost"]) == (120, 40, 100, 0)


def test_what_it_asks_after_questions_that_nobody_was_asked_stands_in_its_conversation() -> None:
    """Those of a program that died before they were put have numbers, and no steps."""
    paths = ("work/0/prompt", "work/12/call", "work/2/call", "work/1/call", "work/2/call~2")
    steps = {
        path: StepView(
            step_id=path, type="call", name="acp.plain.edit", status=StepStatus.COMPLETED, attempt=1
        )
        for path in paths
    }
    turns = outside_turns("work", AgentSteps(steps))
    assert [one.step_id for one in turns] == ["work/1/call", "work/2/call", "work/12/call", "work/0/prompt"]
