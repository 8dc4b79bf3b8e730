"""JSON values as a folding tree; a line costs something only while it is visible."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from engine.safe_text import has_hidden, sanitize
from screens.keys.bindings import bindings
from screens.widgets.json.json_text import hides_something
from screens.widgets.json.json_tree import JsonTree, Node, format_path, format_value, is_long, value_text
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.line_table import LineTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

HIDDEN_NOTE = "‼ contains hidden characters "

_OPEN, _FOLDED = "▾ ", "▸ "
_INDENT = 2
_COLUMNS = (Column("Name", 22, flex=2), Column("Value", 30, flex=5))


class JsonView(LineTable):
    """A folding tree of JSON values; a row's key is its path as people write it: `output.items[3].name`."""

    HELP = (
        "A value as a tree. {tree.unfold} {tree.fold} or {list.open} unfold and fold, {screen.copy} copies "
        "the value, {tree.copy_path} its path. {list.open} on a long text shows it in full. "
        "{find.words} finds words in names and values, folded ones too; in a step it looks in what that "
        "wrote, if anything."
    )
    BINDINGS = bindings("tree.")

    @dataclass
    class TextOpened(Message):
        """Enter on a text that one line cannot show."""

        view: JsonView
        path: str
        text: str

        @property
        def control(self) -> JsonView:
            """The tree, for `@on` selectors."""
            return self.view

    @dataclass
    class PathWanted(Message):
        """The path under the cursor is to be copied."""

        path: str

    def __init__(self, values: Mapping[str, Any] | None = None, *, id: str | None = None) -> None:
        super().__init__(_COLUMNS, id=id)
        self._values = JsonTree(values or {})
        self._shown_lines = self._values.lines()
        self._found = False

    @property
    def row_count(self) -> int:
        """How many lines are open."""
        return len(self._shown_lines)

    def row_at(self, index: int) -> Row | None:
        """The line at this place."""
        return _row(self._shown_lines[index]) if 0 <= index < len(self._shown_lines) else None

    def show(self, values: Mapping[str, Any]) -> None:
        """Other values; what was open stays open."""
        if dict(values) != dict(self._values.values):
            self._change(self._values.replaced(values), self.cursor_key)

    def copied(self) -> str:
        """The value under the cursor: a text as it is, anything else as JSON."""
        node = self._node()
        return value_text(node.value) if node else ""

    async def find(self, words: str, by: int) -> bool:
        """Go to the next name or value that has these words, or the one before; False when none has them.

        It goes on around the ends, and unfolds what they are in. The first search begins under the cursor.
        A thread looks: of hundreds of thousands of values it would hold all else up.
        """
        node = self._node()
        at, here = node.path if node else (), not self._found
        path = await asyncio.to_thread(self._values.find, words, by, at, here=here)
        if path is None:
            return False
        self._found = True
        self._values.opened |= {path[:length] for length in range(1, len(path))}
        self._change(self._values, format_path(path))
        self._keep_cursor_in_view()
        self.post_message(self.Highlighted(self, self.cursor_key))
        return True

    def forget_found(self) -> None:
        """The next search begins under the cursor."""
        self._found = False

    def action_open(self) -> None:
        """Fold or unfold; a long text opens in full."""
        node = self._node()
        if node is None:
            return
        if is_long(node.value, self._placed[-1].width):
            self.post_message(self.TextOpened(self, format_path(node.path), node.value))
        else:
            self.action_toggle_fold()

    def action_toggle_fold(self) -> None:
        """Fold or unfold what is under the cursor."""
        node = self._node()
        if node is not None and node.children:
            self._values.opened ^= {node.path}
            self._change(self._values, format_path(node.path))

    def action_unfold(self) -> None:
        """Unfold; what is open already: go to its first part."""
        node = self._node()
        if node is None or not node.children:
            return
        if node.open:
            self.go_to(self._cursor + 1)
        else:
            self.action_toggle_fold()

    def action_fold(self) -> None:
        """Fold; what does not fold: go to what it is part of."""
        node = self._node()
        if node is None:
            return
        if node.open and node.children:
            self.action_toggle_fold()
        elif node.depth:
            above = range(self._cursor - 1, -1, -1)
            self.go_to(next((place for place in above if self._shown_lines[place].depth < node.depth), 0))

    def action_copy_path(self) -> None:
        """Copy where the cursor is in the value."""
        if node := self._node():
            self.post_message(self.PathWanted(format_path(node.path)))

    def _node(self) -> Node | None:
        return self._shown_lines[self._cursor] if self._cursor < len(self._shown_lines) else None

    def _change(self, tree: JsonTree, key: str) -> None:
        before = self._picture()
        self._values, self._shown_lines = tree, tree.lines()
        keys = (place for place, node in enumerate(self._shown_lines) if format_path(node.path) == key)
        self._rows_changed(next(keys, self._cursor), 0)
        self._draw_changes(before)


def _row(node: Node) -> Row:
    name = node.path[-1] if isinstance(node.path[-1], str) else f"[{node.path[-1]}]"
    sign = "  " if not node.children else _OPEN if node.open else _FOLDED
    hidden = isinstance(node.value, str) and has_hidden(node.value)
    if node.depth == 0 and not hidden:
        hidden = hides_something(node.value)
    value = (HIDDEN_NOTE if hidden else "") + format_value(node)
    tone = Tone.WAITING if hidden else Tone.QUIET if node.children is not None else Tone.PLAIN
    return Row(
        format_path(node.path),
        (
            Cell(sanitize(" " * _INDENT * node.depth + sign + name, limit=300)),
            Cell(sanitize(value, limit=2_000), tone),
        ),
    )
