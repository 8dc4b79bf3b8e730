"""What is seen of an agent's calls, and of what it says: all of it is the agent's own word, and bounded."""

from __future__ import annotations

from typing import Any

import pytest

from engine.acp.calls import (
    MOST_CALLS,
    MOST_OPTIONS,
    MOST_SHOWN,
    MOST_TEXT,
    Option,
    SeenCall,
    Transcript,
    first_of_kind,
    options_of,
    result_of,
)


def option(option_id: Any = "yes", name: Any = "Yes", kind: Any = "allow_once") -> dict[str, Any]:
    return {"optionId": option_id, "name": name, "kind": kind}


def called(number: int = 1, **told: Any) -> dict[str, Any]:
    return {"sessionUpdate": "tool_call", "toolCallId": f"call_{number}", **told}


def said(text: str, kind: str = "agent_message_chunk") -> dict[str, Any]:
    return {"sessionUpdate": kind, "content": {"type": "text", "text": text}}


@pytest.mark.parametrize(
    "odd", [None, "yes", option(option_id=7), option(option_id="x" * 201), option(kind=None), {}]
)
def test_an_option_that_could_not_be_answered_with_is_none(odd: Any) -> None:
    assert options_of([odd, option()]) == [Option("yes", "Yes", "allow_once")]


def test_options_are_as_many_and_as_long_as_may_be() -> None:
    many = [option(str(number), "n" * 300) for number in range(MOST_OPTIONS + 5)]
    found = options_of(many)
    assert (len(found), found[0].name) == (MOST_OPTIONS, "n" * 200)
    assert options_of([option("x" * 200)])[0].option_id == "x" * 200
    assert options_of({"yes": option()}) == []


def test_an_id_that_stands_for_two_answers_stands_for_none() -> None:
    found = options_of([option(), option(kind="reject_once"), option("no", "No", "reject_once")])
    assert [one.kind for one in found] == ["", "", "reject_once"]
    assert first_of_kind(found, "reject_once") == Option("no", "No", "reject_once")
    assert first_of_kind(found, "allow_once") is None


def test_a_call_is_shown_whole_with_the_answer_that_allows_it() -> None:
    transcript = Transcript()
    change = {"type": "diff", "path": "a", "newText": "b"}
    call = transcript.updated_call(
        called(
            title="Edit",
            kind="edit",
            rawInput={"x": 1},
            content=[change, None, {}],
            locations=[{"path": "a"}],
        )
    )
    assert call is not None
    assert call.shown(Option("yes", "Yes", "allow_once"), ["Always"]) == {
        "title": "Edit",
        "kind": "edit",
        "arguments": {"x": 1},
        "content": [change],
        "locations": [{"path": "a"}],
        "answer": "Yes",
        "never_chosen": ["Always"],
    }
    assert SeenCall("other").shown(None, []) == {
        "title": "",
        "kind": "other",
        "arguments": None,
        "content": [],
        "locations": [],
        "answer": None,
        "never_chosen": [],
    }


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ({"rawInput": {"x": 1}}, True),
        ({"rawInput": {}}, False),
        ({"content": [{"type": "content"}, {"type": "diff", "newText": ""}]}, True),
        ({"content": [{"type": "diff"}]}, False),
        ({"content": [{"type": "other", "newText": "x"}]}, False),
        ({}, False),
    ],
)
def test_arguments_or_a_change_are_what_is_seen_of_a_call(told: dict[str, Any], seen: bool) -> None:
    assert SeenCall("call_1", told).has_arguments is seen


def test_an_update_changes_what_it_tells_and_nothing_of_another_kind() -> None:
    transcript = Transcript()
    transcript.updated_call(called(title="Edit", kind="edit", status="in_progress"))
    call = transcript.updated_call(called(title=None, kind=7, status="s" * 50, rawOutput={"n": 1}))
    assert call is transcript.calls["call_1"]
    assert (call.told, call.status, call.output) == ({"title": "Edit", "kind": "edit"}, "s" * 40, {"n": 1})
    call = transcript.updated_call(called(status="completed"))
    assert call is not None
    assert (call.is_over, call.output) == (True, {"n": 1})


def test_there_are_no_more_calls_than_may_be() -> None:
    transcript = Transcript()
    kept = [transcript.updated_call(called(number)) for number in range(MOST_CALLS)]
    assert None not in kept
    assert transcript.updated_call(called(MOST_CALLS)) is None
    assert transcript.hear(called(MOST_CALLS)) == ""
    assert transcript.updated_call(called(0)) is kept[0]


def test_a_call_is_told_when_it_begins_and_when_its_status_changes() -> None:
    transcript = Transcript()
    assert transcript.hear(called(title="t" * 600, kind="read")) == f"\n→ read: {'t' * 500}\n"
    assert transcript.hear(called(2)) == "\n→ other: call_2\n"
    assert transcript.hear(called(2, status="pending")) == ""
    assert transcript.hear(called(2, status="failed")) == "\n  failed: \n"
    assert transcript.hear(called(status="completed")) == f"\n  completed: {'t' * 200}\n"


def test_what_it_said_is_kept_up_to_a_bound_and_thoughts_are_shown_only() -> None:
    transcript = Transcript()
    assert transcript.hear(said("hm", "agent_thought_chunk")) == "hm"
    assert [transcript.hear(said(text)) for text in (" a", "b ")] == [" a", "b "]
    assert (transcript.take_said(), transcript.take_said()) == ("ab", "")
    transcript.hear(said("x" * (MOST_TEXT - 1)))
    transcript.hear(said("yz"))
    transcript.hear(said("z"))
    assert transcript.take_said() == "x" * (MOST_TEXT - 1) + "y"
    assert (
        transcript.hear({"sessionUpdate": "agent_message_chunk", "content": {"type": "image"}}) == "[image]"
    )
    assert transcript.hear({"sessionUpdate": "mode"}) == ""


def test_a_plan_is_shown_line_by_line() -> None:
    entries = [{"status": "s" * 30, "content": "c" * 400}, "odd", *[{"status": "x", "content": "y"}] * 200]
    lines = Transcript().hear({"sessionUpdate": "plan", "entries": entries})
    shown = lines.strip("\n").splitlines()
    assert f"  [{'s' * 20}] {'c' * 300}" in shown
    assert shown.count("  [x] y") == 98
    assert "odd" not in lines


def test_what_a_call_brought_is_bounded() -> None:
    content = [{"content": {"text": "a"}}, {"content": 7}, "odd", {"content": {"text": "b" * 40_000}}]
    brought = result_of(
        SeenCall("call_1", {"title": "t" * 600, "content": content}, "completed", "o" * MOST_SHOWN)
    )
    assert brought == {"title": "t" * 500, "status": "completed", "text": ("a\n" + "b" * 40_000)[:32_000]}
    fits = "o" * (MOST_SHOWN - 2)
    assert result_of(SeenCall("call_1", {}, "failed", fits)) == {
        "title": "",
        "status": "failed",
        "text": "",
        "output": fits,
    }
    assert "output" not in result_of(SeenCall("call_1"))
