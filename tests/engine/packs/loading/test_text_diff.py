from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from engine.line_diff import MAX_COMPARED
from engine.packs.catalog.text_diff import MAX_LINES, text_diff, texts_diff

if TYPE_CHECKING:
    from engine.contracts.packs.versions import TextDiff

LINES = st.lists(st.sampled_from("abcdefg"), max_size=40)


def applied(before: str, diff: TextDiff) -> list[str]:
    """What the diff makes of the text before it."""
    old = before.removesuffix("\n").split("\n") if before else []
    gone = {line.before for line in diff.lines if line.kind == "removed"}
    kept = iter([line for number, line in enumerate(old, start=1) if number not in gone])
    come = {line.after: line.text for line in diff.lines if line.kind == "added"}
    total = len(old) - diff.removed + diff.added
    return [come[number] if number in come else next(kept) for number in range(1, total + 1)]


@given(before=LINES, after=LINES)
def test_a_diff_leads_from_one_text_to_the_other(before: list[str], after: list[str]) -> None:
    old, new = ("".join(f"{line}\n" for line in lines) for lines in (before, after))
    diff = text_diff("x", old, new)
    assert applied(old, diff) == after
    assert not diff.shortened
    assert diff.added == sum(line.kind == "added" for line in diff.lines)


def test_only_names_whose_text_differs_are_told() -> None:
    diffs = texts_diff({"same": "x", "gone": "a\n", "b": "1"}, {"same": "x", "new": "c\n", "b": "2"})
    told = [(diff.name, diff.change, diff.added, diff.removed) for diff in diffs]
    assert told == [("b", "changed", 1, 1), ("gone", "removed", 0, 1), ("new", "added", 1, 0)]


def test_a_change_is_shown_with_three_lines_around_it() -> None:
    text = "".join(f"{number}\n" for number in range(100))
    diff = text_diff("x", text, text.replace("\n50\n", "\nfifty\n"))
    assert [line.text for line in diff.lines] == ["47", "48", "49", "50", "fifty", "51", "52", "53"]


def test_long_texts_are_compared_in_bounded_time_and_shown_in_bounded_length() -> None:
    many = MAX_COMPARED * 3
    old = "head\n" + "a\nb\n" * many + "tail\n"
    new = "head\n" + "b\na\n" * many + "tail\n"
    diff = text_diff("x", old, new)
    assert (diff.added, diff.removed, diff.shortened) == (2 * many, 2 * many, True)
    assert len(diff.lines) == MAX_LINES
