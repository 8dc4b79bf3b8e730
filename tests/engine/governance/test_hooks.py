"""Hooks find what they look for however it is written, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from engine.contracts.layers.guardrails import Guardrails
from engine.contracts.layers.hook import HookPoint
from engine.governance.hooks import verdict_of, vetoes


def found(value: Any, called: str | None = None, /, **hook: Any) -> bool:
    given = {"id": "no", "at": "before_tool", "reason": "Not here.", **hook}
    guardrails = Guardrails.model_validate({"hooks": [given]})
    return next(vetoes(guardrails.hooks, HookPoint.BEFORE_TOOL, value, called), None) is not None


@pytest.mark.parametrize(
    "text",
    ["Drop Table", "drop\u00ad table", "ＤＲＯＰ  table", "please\ndrop\ttable now", "d\u200brop table"],
)
def test_words_are_found_whatever_their_case_width_and_blanks(text: str) -> None:
    assert found({"deep": [{"sql": text}]}, contains=["drop table"])


@pytest.mark.parametrize("text", ["", "  ", "\n", "\u200b\u00ad", "\u3164", "\ufe0f \u115f"])
def test_a_text_of_which_nothing_is_seen_is_no_text_to_look_for(text: str) -> None:
    with pytest.raises(ValidationError):
        found("x", contains=["drop table", text])


@pytest.mark.parametrize(
    "between",
    [
        *("\u200e", "\u202e", "\u2066", "\u2063", "\u180e", "\u034f", "\ufe0f", "\U000e0041", "\x00", "\x1b"),
        *("\u3164", "\uffa0", "\u115f"),
    ],
)
def test_characters_that_nobody_sees_hide_nothing(between: str) -> None:
    assert found({"sql": f"dr{between}op table"}, contains=["drop table"])


@pytest.mark.parametrize("value", [{"port": 4711}, [{"at": [14711.5]}], "x4711", {"4711": None}])
def test_a_number_is_found_as_its_text_is(value: Any) -> None:
    assert found(value, contains=["4711"])
    assert not found(value, contains=["4712"])


def test_a_letter_is_the_same_however_it_is_put_together() -> None:
    assert found("cafe\u200b\u0301", contains=["café"])
    assert found("CAFÉ", contains=["cafe\u0301"])


def test_a_letter_that_carries_more_marks_than_any_text_has_is_found_and_holds_nobody_up() -> None:
    many = "\u0315\u0316\uff9e" * 500_000  # sorting them takes the square of their number
    assert found(f"caf{many}e{many} noir", contains=["noir"])
    assert not found(f"caf{many}e", contains=["cafe"])


@pytest.mark.parametrize(
    "text",
    [
        "drop\x1b[31m table",
        "drop\x1b[0m\x1b[1;32m\x9b2K table",
        "\x1b]0;drop table\x07nothing to see",
        r"d\u0072op\u0020table",
        r"d\x72op\ttable",
        r"d\162op\40table",
        r"dr\033[31mop\11table",
        r"d\u{72}op \U00000074able",
        r"dr\op tab\le",
        "dr\\\nop table",
        r'{"sql": "d\u0072op table"}',
        r'{"body": "{\"sql\": \"d\\u0072op\\ttable\"}"}',
        r'curl -d "{\"sql\": \"d\u001b[31mrop table\"}"',
        r"\ud835\udc1drop table",
    ],
)
def test_escapes_and_json_in_a_text_hide_nothing(text: str) -> None:
    assert found({"body": text}, contains=["drop table"])


def test_escapes_that_mean_nothing_are_read_to_the_end() -> None:
    for text in (
        "\\",
        "\\u00",
        "\\u{110000}",
        "\\Uffffffff",
        "\\ud800",
        "C:\\new\\x",
        "\\" * 1_000,
        "\x1b[" * 100,
    ):
        assert not found({"text": text}, contains=["drop table"])


def test_other_words_are_not_found() -> None:
    assert not found({"sql": "drop the table"}, contains=["drop table"])
    assert not found(["drop", "table"], contains=["drop table"])


def test_one_of_its_texts_at_its_own_point_is_enough() -> None:
    assert found({"sql": "drop table"}, contains=["delete from", "drop table"])
    assert not found({"sql": "drop table"}, contains=["drop table"], at="after_tool")


def test_keys_are_looked_through() -> None:
    assert found({"prod": 1}, contains=["prod"])


def test_a_tool_is_meant_by_its_name_or_a_pattern_of_it() -> None:
    assert found({}, "files.write", tool="files.*")
    assert not found({}, "git.log", tool="files.*")
    assert not found({}, None, tool="*")


def test_it_says_why_and_repeats_nothing_of_what_it_found() -> None:
    guardrails = Guardrails.model_validate(
        {"hooks": [{"id": "no", "at": "completed", "reason": "Not here.", "contains": ["secret plan"]}]}
    )
    (hook,) = vetoes(guardrails.hooks, HookPoint.COMPLETED, "the SECRET plan")
    verdict = verdict_of(hook, of_pack=True)
    assert (verdict.denied, verdict.message, verdict.details) == (
        True,
        "Not here. (hook no)",
        {"hook": "no"},
    )
