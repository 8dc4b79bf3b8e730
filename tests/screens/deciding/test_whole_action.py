"""The whole action is on the card, and a decision waits until its end has been on the screen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.contracts.runs.preview import Preview
from engine.contracts.runs.request import GatedAction
from engine.safe_text import sanitize
from screens.approvals.action_lines import action_lines, format_size, said_lines
from screens.approvals.card import DecisionCard
from screens.approvals.screen import ApprovalsScreen
from screens.approvals.styled_lines import CONTINUED, StyledLines, _pieces
from tests.fakes.engine import FakeEngine
from tests.fakes.views import NOW, a_run, an_approval
from tests.screens.deciding.decision_card import to_card, to_decidable_card

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


def gated(params: Any) -> GatedAction:
    return GatedAction(step="write", kind="tool", target="files.write", params=params)


def lines_of(params: Any, **more: Any) -> list[str]:
    return [text for text, _ in action_lines(an_approval(action=gated(params), **more))]


def engine_with(params: Any, **more: Any) -> FakeEngine:
    return FakeEngine().add(a_run(), an_approval(action=gated(params), **more))


def shown(stage: Stage) -> ApprovalsScreen:
    assert isinstance(stage.app.screen, ApprovalsScreen)
    return stage.app.screen


async def to_the_end(stage: Stage) -> None:
    await stage.press("enter", "G")
    await stage.graced()


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_a_decision_waits_until_the_end_of_the_action_was_on_the_screen(
    console: OpenConsole, size: tuple[int, int]
) -> None:
    engine = engine_with({"text": "\n".join(f"line {number}" for number in range(100)), "path": "last.txt"})
    async with console(engine, size=size) as stage:
        await to_decidable_card(stage)
        await stage.press("a")
        await stage.shows("Not sent: the action goes on: Enter, then j or G.")
        assert "of the action: Enter, then j" in stage.text()
        await stage.press("enter", "j")
        assert "Not sent" in stage.plain("#hint")
        assert "of the action: j" in stage.text()  # Enter opens nothing further
        await stage.press("shift+tab")
        assert "of the action: Enter, then j" in stage.text()
        await to_the_end(stage)
        await stage.shows("last.txt")
        assert "Not sent" not in stage.plain("#hint")
        await stage.press("a")
        await stage.until(lambda: engine.asked("approve"))


async def test_an_end_that_was_skipped_was_not_on_the_screen(console: OpenConsole) -> None:
    params = {"text": "\n".join(f"line {number}" for number in range(20)), "path": "last.txt"}
    engine = engine_with(params, message="said\n" * 60)
    async with console(engine, size=(100, 30)) as stage:
        await to_card(stage)
        await stage.graced()
        card = stage.app.screen.query_one(DecisionCard)
        card.scroll_to(y=card.max_scroll_y, animate=False)
        await stage.graced()
        assert "last.txt" not in stage.text()
        await stage.press("a")
        await stage.shows("Not sent: the action goes on")
        await stage.press("enter", "G")
        await stage.shows("last.txt")
        await stage.graced()
        await stage.press("G")
        assert "last.txt" not in stage.text()
        await stage.graced()
        await stage.press("a")
        await stage.until(lambda: engine.asked("approve"))


async def test_a_text_of_any_length_can_be_read_to_its_end(console: OpenConsole) -> None:
    engine = engine_with({"text": "x" * 50_000 + "END"}, message="m " * 15_000 + "LAST")
    async with console(engine, size=(80, 24)) as stage:
        await to_decidable_card(stage)
        assert "END" in stage.app.screen.query_one(".card-action", StyledLines).text
        await to_the_end(stage)
        assert "LAST" in stage.app.screen.query_one(".card-message", StyledLines).text
        await stage.press("a")
        await stage.until(lambda: engine.asked("approve"))


async def test_other_content_has_to_be_seen_again(console: OpenConsole) -> None:
    engine = engine_with({"text": "a\n" * 60})
    async with console(engine) as stage:
        await to_card(stage)
        await to_the_end(stage)
        engine.add(an_approval(action=gated({"text": "b\n" * 60}), digest="another"))
        engine.news()
        await stage.shows("digest another")
        await stage.graced()
        await stage.press("a")
        await stage.shows("more lines of the action")
        assert not engine.asked("approve")


async def test_what_took_the_place_of_a_card_while_another_view_was_open_has_to_be_seen(
    console: OpenConsole,
) -> None:
    engine = engine_with({"text": "short"})
    async with console(engine) as stage:
        await to_decidable_card(stage)
        assert not shown(stage).goes_on()
        await stage.press("1")
        engine.add(an_approval(action=gated({"text": "b\n" * 60}), digest="another"))
        await stage.press("2")
        await stage.shows("digest another")
        await stage.graced()
        assert shown(stage).goes_on()
        await stage.press("a")
        await stage.shows("more lines of the action")
        assert not engine.asked("approve")


async def test_a_card_that_is_read_while_another_view_is_open_has_to_be_seen(console: OpenConsole) -> None:
    engine = engine_with({"text": "short"})
    async with console(engine) as stage:
        await to_decidable_card(stage)
        card = stage.app.screen.query_one(DecisionCard)
        await stage.press("1")
        card.show(an_approval(action=gated({"text": "b\n" * 60}), digest="another"))  # its answer came late
        await stage.settle()
        await stage.press("2")
        await stage.graced()
        assert not card.end_seen


async def test_what_is_laid_out_behind_the_words_of_a_too_small_terminal_was_not_seen(
    console: OpenConsole,
) -> None:
    engine = engine_with({"text": "\n".join(f"line {number}" for number in range(60))})
    async with console(engine) as stage:
        await to_card(stage)
        await stage.resize(50, 200)  # too narrow, and high enough for all of it
        await stage.shows("The terminal is too small.")
        await stage.resize(100, 32)
        await stage.graced()
        assert not stage.app.screen.query_one(DecisionCard).end_seen
        await stage.press("a")
        await stage.shows("more lines of the action")
        assert not engine.asked("approve")


async def test_keys_that_follow_the_one_that_opens_a_view_find_it_laid_out(
    console: OpenConsole,
) -> None:
    engine = engine_with({"text": "short"})
    async with console(engine) as stage:
        await to_decidable_card(stage)
        await stage.press("1")
        engine.add(an_approval(action=gated({"text": "b\n" * 60}), digest="another"))
        with stage.app._context():
            await stage.app.action_view("approvals")
        assert not stage.app._batch_count, "nothing is laid out in a batch"
        await stage.shows("digest another")
        await stage.press("enter", "G")
        card = stage.app.screen.query_one(DecisionCard)
        await stage.until(lambda: card.end_seen)
        assert card.lines_left() == 0 < card.scroll_offset.y


@pytest.mark.parametrize("asked_for", [False, True], ids=["changed", "layout asked for"])
async def test_the_end_of_what_is_not_laid_out_yet_is_gone_to_once_it_is(
    console: OpenConsole, *, asked_for: bool
) -> None:
    async with console(engine_with({"text": "short"})) as stage:
        await to_decidable_card(stage)
        card = stage.app.screen.query_one(DecisionCard)
        with stage.app._context():
            card.show(an_approval(action=gated({"text": "b\n" * 60}), digest="another"))
            if asked_for:
                for part in card.children:
                    part._check_refresh()  # the screen has been told, and has not come to it
            card.action_scroll_end()
        await stage.until(lambda: card.end_seen)
        assert card.lines_left() == 0 < card.scroll_offset.y


async def test_the_card_shows_what_would_run_in_clear_to_the_one_who_decides(console: OpenConsole) -> None:
    engine = engine_with({"to": "ana@example.com"})
    async with console(engine) as stage:
        await to_card(stage)
        await stage.shows("ana@example.com")
        assert ("app-1", "ben") in engine.asked("approval")


async def test_the_card_names_circumstances(console: OpenConsole) -> None:
    ends = {"expires_at": NOW + timedelta(hours=1), "expires_with": "the step both"}
    more = {"autonomy_level": "semi_auto", "recoveries": 2, **ends}
    async with console(engine_with({"n": 1}, **more)) as stage:
        await to_card(stage)
        facts = stage.plain(".card-facts")
        assert "tenant default · autonomy semi_auto · expires 2026-03-14" in facts
        assert "UTC with the step both" in facts
        assert "recovered 2 times" in facts


def test_every_parameter_stands_first_with_its_size() -> None:
    lines = lines_of({"path": "a.txt", "text": "one\ntwo\n", "mode": {"sync": True}, "n": 7})
    assert (
        lines[2]
        == "path (text, 5 characters) · text (text, 8 characters, 3 lines) · mode (object, 1 key) · n (7)"
    )
    assert lines[4:] == [
        'path: "a.txt"',
        "text",
        "  │ one",
        "  │ two",
        "  ⏎ ends with a line end",
        "mode",
        "  sync: true",
        "n: 7",
    ]


def test_what_cannot_be_seen_is_a_sign() -> None:
    shown = "\n".join(lines_of({"pa\u200bth": "a" + "\u200b" * 30 + "b", "text": "end  \r\n\tx"}))
    assert "⟨30×U+200B⟩" in shown
    assert "⟨U+200B⟩" in shown
    assert "│ end  ␍" in shown
    assert "│ →x" in shown
    assert "│ end⟨2 blanks⟩" in "\n".join(lines_of({"text": "end  \nx"}))


def test_lists_and_odd_names_are_told_apart() -> None:
    assert lines_of({"a: b": ["x", ["y"], {}]})[4:] == [
        '"a: b"',
        '  - "x"',
        "  -",
        '    - "y"',
        "  - {}",
    ]


def test_nothing_gated_says_that_nothing_is_bound() -> None:
    (text, _), *_ = action_lines(an_approval(action=None))
    assert text.startswith("Nothing is bound")


def test_what_the_step_shows_beside_is_part_of_it() -> None:
    more = {
        "preview": Preview(kind="diff", summary="changes notes.txt", text="-old\n+new"),
        "form": {"title": "Look"},
        "context": {"why": "asked"},
    }
    shown = lines_of({"n": 1}, **more)[5:]
    assert shown == [
        "",
        "what changes",
        "  changes notes.txt",
        "  -old",
        "  +new",
        "",
        "form",
        '  title: "Look"',
        "",
        "context",
        '  why: "asked"',
    ]


def test_a_long_title_stands_in_full_in_what_the_run_says() -> None:
    title = "t" * 400
    assert said_lines(an_approval(title=title), 300)[0][0] == title
    assert said_lines(an_approval(title="short"), 300)[0][0] != "short"


def test_sizes_are_words() -> None:
    assert format_size([1, 2]) == "list, 2 items"
    assert format_size(None) == "null"


def test_what_goes_on_of_a_long_line_is_marked_so_that_no_text_looks_like_a_line_of_its_own() -> None:
    hostile = sanitize("   │ " + "x" * 35 + " tool nothing.at_all")
    pieces = _pieces(hostile, 40)
    assert pieces == ["   │ " + "x" * 35, "   ┆  tool nothing.at_all"]
    assert "".join(piece.removeprefix("   ┆ ") for piece in pieces) == hostile


@given(st.text(alphabet="ab │é漢e\u0301", max_size=200), st.integers(8, 40))
def test_a_broken_line_keeps_every_character_and_fits(text: str, width: int) -> None:
    line = sanitize(text)
    pieces = _pieces(line, width)
    margin = next((piece[: piece.index(CONTINUED) + len(CONTINUED)] for piece in pieces[1:]), "")
    assert pieces[0] + "".join(piece[len(margin) :] for piece in pieces[1:]) == line
    assert all(cell_len(piece) <= width for piece in pieces)


def test_a_megabyte_on_one_line_is_broken_soon() -> None:
    assert len(_pieces(sanitize("漢 " * 100_000, limit=200_000), 80)) > 1_000
