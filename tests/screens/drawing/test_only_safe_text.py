"""Nothing but sanitized text can reach a widget: the ways around `Plain`, `Cell` and `tell` are closed."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from engine.safe_text import SafeText, sanitize
from screens.widgets.plain import Plain, content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).parents[3]
SOURCES = [*sorted((ROOT / "screens").rglob("*.py")), *sorted((ROOT / "vasini_tui").rglob("*.py"))]

SHOWS_TEXT = {
    "screens/widgets/markdown_text.py": {"Markdown"},
    "screens/widgets/plain.py": {"Static"},
    "screens/frame/inputs.py": {
        "Checkbox",
        "Edit",
        "EditResult",
        "Input",
        "Select",
        "SelectOverlay",
        "TextArea",
    },
}
"""The only files that make widgets of Textual which draw text; the others use what these files offer."""

ONLY_EVENTS = {"Checkbox", "ContentSwitcher", "Input", "Select", "TextArea"}
"""Named elsewhere for the messages they send, or because they draw nothing themselves."""

TEXT_ATTRIBUTES = {"border_title", "border_subtitle", "tooltip", "title", "sub_title", "label", "placeholder"}
MARKUP_MAKERS = {"from_markup", "from_ansi", "from_text", "render_markup"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def trees(*words: str, paths: Iterable[Path] = SOURCES) -> Iterator[tuple[str, ast.Module]]:
    """Names and trees of the files that hold one of these words: what is not in a text is not in its tree."""
    for path in paths:
        text = path.read_text("utf-8")
        if any(word in text for word in words):
            yield name_of(path), ast.parse(text)


def imported_widgets(tree: ast.Module) -> set[str]:
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textual.widgets")
        for alias in node.names
    }


def called(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            yield function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def own_words(node: ast.expr) -> bool:
    """A text of ours, or a sanitized one."""
    match node:
        case ast.Constant():
            return True
        case ast.IfExp():
            return own_words(node.body) and own_words(node.orelse)
        case ast.Call():
            # `Content` draws what it is given as it is; mypy sees to it that keys come sanitized.
            return ast.unparse(node.func) in {"sanitize", "Content"}
    return False


def test_widgets_that_draw_text_are_made_in_few_files_only() -> None:
    for name, tree in trees("textual.widgets", *ONLY_EVENTS):
        allowed = SHOWS_TEXT.get(name, set())
        assert imported_widgets(tree) <= allowed | ONLY_EVENTS, name
        assert not (set(called(tree)) & ONLY_EVENTS - {"ContentSwitcher"} - allowed), name


def test_nothing_is_read_as_markup_or_escape_codes() -> None:
    for name, tree in trees("markup", *MARKUP_MAKERS):
        assert not MARKUP_MAKERS & set(called(tree)), name
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "markup":
                assert ast.unparse(node.value) == "False", name


def test_notices_have_one_door() -> None:
    for path in SOURCES:
        if name_of(path) != "screens/frame/screen.py":
            assert not re.search(r"\bself\.(app\.)?notify\(", path.read_text("utf-8")), name_of(path)


def test_what_goes_to_the_clipboard_is_sanitized() -> None:
    for name, tree in trees("copy_to_clipboard"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".copy_to_clipboard"):
                assert ast.unparse(node.args[0]).startswith(("sanitize(", "safe")), name


def test_titles_of_widgets_are_our_own_words_or_sanitized() -> None:
    for name, tree in trees(*TEXT_ATTRIBUTES):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Assign):
                continue
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr in TEXT_ATTRIBUTES:
                    assert own_words(node.value), f"{name}: {ast.unparse(node)}"


def test_safe_text_is_made_by_the_sanitizer_only() -> None:
    everywhere = (*SOURCES, *sorted((ROOT / "engine").rglob("*.py")))
    found = {name for name, tree in trees("SafeText", paths=everywhere) if "SafeText" in set(called(tree))}
    assert found == {"engine/safe_text.py"}


def test_plain_shows_what_it_is_given_and_reads_no_markup() -> None:
    hostile = sanitize("[@click=app.quit]x[/] [/] \x1b[2J")
    assert isinstance(hostile, SafeText)
    assert str(content(hostile)) == "[@click=app.quit]x[/] [/] ␛[2J"
    plain = Plain(hostile)
    assert isinstance(plain.content, Content)
    assert plain.content.spans == []
