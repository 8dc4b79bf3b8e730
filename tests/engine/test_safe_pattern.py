from __future__ import annotations

import re

import pytest

from engine.safe_pattern import MAX_PATTERN, is_unbounded, pattern_problem


@pytest.mark.parametrize(
    "pattern",
    [
        r"\S",
        r"^[a-z]+(-[a-z]+)*$",
        r"^\d{4}-\d{2}-\d{2}$",
        r"^(\d{1,3}\.){3}\d{1,3}$",
        r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$",
        r"^(low|medium|high)$",
        r"^(?:[a-f0-9]{2}:){5}[a-f0-9]{2}$",
        r"^https?://[^\s/]+(/[^\s/]+)*$",
        r"^(?P<name>[A-Z][a-z]*)$",
        r"[()*+]+",
        r"\(a\)+",
        r"(foo|bar)*",
    ],
)
def test_ordinary_patterns_are_accepted(pattern: str) -> None:
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(a*)*",
        r"((a*))*",
        r"((ab)*)*",
        r"((a)+)+",
        r"(.*)*x",
        r"(a|a)*$",
        r"(a|ab)*c",
        r"((a|ab)(c|bcd))*",
        r"([a-z-]+-)*",
        r"(-[a-z-]+)*",
        r"(,?\d+)*",
        r"(a?){50}",
        r"(a?b?){50}",
        r"(a{1,50}){1,50}$",
        r"[a-z](?:[a-z]+ ?)*$",
        r"(?:x+x+)+y",
        r"(|a)*",
        r"(a)\1",
        r"(?i)abc",
        "(",
        "[",
        "*",
        "a" * (MAX_PATTERN + 1),
    ],
)
def test_patterns_that_could_run_for_ever_or_are_none_are_refused(pattern: str) -> None:
    assert pattern_problem(pattern) is not None


def test_accepted_patterns_end_on_text_made_to_hold_them_up() -> None:
    for pattern in (r"^[a-z]+(-[a-z]+)*$", r"^(\d{1,3}\.){3}\d{1,3}$", r"^https?://[^\s/]+(/[^\s/]+)*$"):
        assert pattern_problem(pattern) is None
        for text in ("a-" * 2_000 + "!", "1" * 4_000 + "!", "http://" + "a/" * 2_000 + " "):
            assert re.search(pattern, text) is None


def test_a_repeat_without_end_is_seen() -> None:
    assert is_unbounded("a+")
    assert is_unbounded("a{2,}")
    assert not is_unbounded(r"\S")
    assert not is_unbounded("a{2,5}[*+]")
