"""JSON that a model was asked for: alone, in a fenced block, behind its thoughts, and what is none."""

from __future__ import annotations

import pytest

from engine.models.answered_json import json_in


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, "</think>"]}',
        '\n {"a": [1, "</think>"]}\n',
        '```json\n{"a": [1, "</think>"]}\n```',
        ' ```json  \n\n{"a":\n [1, "</think>"]}\n\n  ``` \n',
        '```\r\n{"a": [1, "</think>"]}\r\n```\r\n',
    ],
)
def test_an_answer_is_read_alone_and_in_a_fenced_block(text: str) -> None:
    assert json_in(text) == {"a": [1, "</think>"]}


@pytest.mark.parametrize(
    "text",
    [
        '<think>\nMaybe {"b": 2}?\n</think>\n\n{"a": 1}',
        'So {"b": 2} it is not.\n</think>{"a": 1}',
        '<think>so</think><think>and so</think>\n```json\n{"a": 1}\n```',
    ],
)
def test_thoughts_before_an_answer_are_passed_over(text: str) -> None:
    assert json_in(text) == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Here it is: {}",
        "```json\n{}",
        "```json {}\n```",
        "```python\n{}\n```",
        "```json\n{}```",
        "NaN",
        "{}</think>",
        "</think>",
        "<think>{}",
    ],
)
def test_what_is_no_json_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="at line"):
        json_in(text)


@pytest.mark.parametrize("begins", ["```\n", "```json", "</think>```\n", "{"])
def test_endless_blank_lines_take_no_time(begins: str) -> None:
    """A model that has lost its way writes them; a pattern that looked for a fence took hours."""
    endless = "\n" * 1_000_000, "\n \t" * 300_000 + "x```", "</think>" * 100_000
    for text in (f"{begins}{one}" for one in endless):
        with pytest.raises(ValueError, match="at line"):
            json_in(text)
