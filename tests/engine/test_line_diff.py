from __future__ import annotations

from engine.line_diff import MAX_COMPARED, compared
from engine.packs.catalog.text_diff import text_diff
from engine.tools.builtin.files.preview import unified


def apart(count: int, kind: str) -> list[str]:
    """Lines of which every other one is in both texts a hundred times, none beside the same one."""
    return [line for i in range(count) for line in (f"both {i % 50}", f"{kind} {i % 50}")]


def test_texts_made_to_hold_their_comparison_up_are_told_as_one_change() -> None:
    old, new = apart(4_900, "old"), apart(4_900, "new")
    assert len(old) + len(new) <= MAX_COMPARED
    assert compared(old, new) is None
    text = unified("\n".join(old), "\n".join(new), "x", made=False)
    assert text.count("@@") == 2
    diff = text_diff("x", "\n".join(old), "\n".join(new))
    assert (diff.added, diff.removed) == (len(new) - 1, len(old) - 1)


def test_texts_that_people_write_are_compared_line_by_line() -> None:
    old = [line for i in range(4_000) for line in (f"def f{i}():", "", f"    return {i}")]
    new = [line.replace("return", "yield") if i % 100 == 2 else line for i, line in enumerate(old)][:-12]
    matcher = compared(old[:6_000], new[:6_000])
    assert matcher is not None
    assert sum(tag != "equal" for tag, *_ in matcher.get_opcodes()) > 15
    assert compared([], []) is not None
