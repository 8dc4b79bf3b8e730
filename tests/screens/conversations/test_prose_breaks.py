"""Prose of a conversation breaks at spaces, nothing of it is lost, and code and tables stay as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from screens.run.conversation.prose import prose_begins
from screens.widgets.breaking import CONTINUED, broken, broken_at_spaces
from tests.fakes.conversations import agent_steps
from tests.fakes.views import a_step
from tests.screens.conversations.conversations import an_engine, opened

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole

TEXTS = st.lists(
    st.sampled_from(["a", "word", "longer-than-it-fits-" * 3, "漢字", "漢" * 30, "e\u0301", "👍", "", " "])
).map(" ".join)


def joined(pieces: list[str]) -> str:
    return pieces[0] + "".join(piece.removeprefix(CONTINUED) for piece in pieces[1:])


def test_a_word_that_fits_into_a_line_is_not_broken() -> None:
    line = "│ The engine writes every event before anybody hears of it"
    assert broken_at_spaces(line, 24, CONTINUED, 2) == [
        "│ The engine writes ",
        "┆ every event before ",
        "┆ anybody hears of it",
    ]


def test_a_word_that_fits_into_no_line_is_broken_at_the_edge() -> None:
    assert broken_at_spaces("│ see aaaaaaaaaaaaaaaaaaaa now", 10, CONTINUED, 2) == [
        "│ see aaaa",
        "┆ aaaaaaaa",
        "┆ aaaaaaaa",
        "┆  now",
    ]


@given(text=TEXTS, indent=st.integers(0, 3), width=st.integers(1, 40))
def test_nothing_is_lost_and_every_piece_fits(text: str, indent: int, width: int) -> None:
    line = f"│ {' ' * indent}{text}"
    begins = len(line) - len(line[2:].lstrip(" "))
    pieces = broken_at_spaces(line, width, CONTINUED, begins)
    assert joined(pieces) == line
    if width >= 4:  # a wide sign behind what goes on
        assert all(cell_len(piece) <= width for piece in pieces)
    if width >= begins + 2 and text.strip():
        assert pieces[0].strip("│ "), "no bar stands alone"


def test_code_tables_and_what_calls_bring_are_no_prose() -> None:
    lines = [
        "turn 1 · openai",
        "│ Look at this, please:",
        "│ ```python",
        "│ def f(): return 'a long line of code that breaks at the edge'",
        "│ ```",
        "│ - a point of a list",
        "│     indented = 'code'",
        "│ | a table | with cells |",
        "│ And on.",
        "│ ~~~ never closed",
        "│ still code",
        "  call of files.read · COMPLETED · read",
        '  → {"path": "a file"}',
        "  ← what it brought",
        "  ✗ failed: it was not there",
        "│! a line of an error",
        "│ the next text begins anew",
        "│   ",
    ]
    prose = [line for line, begins in zip(lines, prose_begins(lines), strict=True) if begins]
    assert prose == [
        "│ Look at this, please:",
        "│ - a point of a list",
        "│ And on.",
        "  ✗ failed: it was not there",
        "│ the next text begins anew",
    ]


async def test_a_conversation_breaks_prose_at_spaces_and_code_at_the_edge(console: OpenConsole) -> None:
    engine = an_engine()
    prose, code = " ".join(f"prose-{n}" for n in range(40)), " ".join(f"code-{n}" for n in range(40))
    text = f"{prose}\n```\n{code}\n```"
    reply = {"provider": "openai", "model": "gpt", "text": text, "calls": [], "usage": {}}
    engine.stored_steps["run-1"] = (*agent_steps()[:-1], a_step("look/1/model", type="model", output=reply))
    async with console(engine, size=(80, 40)) as stage:
        await opened(stage)
        lines = [line.strip() for line in stage.text().splitlines()]
        words = [word for line in lines for word in line.strip("│┆ ").split()]
        assert {f"prose-{n}" for n in range(40)} <= set(words)
        assert not {f"code-{n}" for n in range(40)} <= set(words)


def test_what_is_no_prose_breaks_as_before() -> None:
    line = "│ | cells of a table that is wider |"
    assert list(prose_begins([line])) == [0]
    assert broken(line, 12, CONTINUED)[0] == line[:12]
