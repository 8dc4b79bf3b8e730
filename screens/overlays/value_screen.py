"""Values in full: a folding tree of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.safe_text import sanitize
from screens.frame.searched import SearchedTree
from screens.overlays.json_screen import JsonScreen
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from screens.frame.console_state import ConsoleState


class ValueScreen(JsonScreen):
    """One branch per value; what is None is left out. `note` says of what moment they are."""

    def __init__(self, state: ConsoleState, title: str, values: Mapping[str, Any], *, note: str = "") -> None:
        super().__init__(state)
        self._title, self._note = title, note
        self._values = {name: value for name, value in values.items() if value is not None}

    def body(self) -> ComposeResult:
        """Title, values."""
        yield Plain(sanitize(self._note), id="as-of")
        yield Plain(sanitize(self._title), classes="form-title")
        yield SearchedTree(tree_id="values")
        yield Plain(sanitize("Nothing is recorded here."), id="no-values", classes="pane-empty")

    def on_mount(self) -> None:
        """The tree has the keys."""
        super().on_mount()
        values = self.query_one(SearchedTree)
        self.query_one("#as-of").display = bool(self._note)
        self.query_one("#no-values").display = not self._values
        values.show(self._values)
        values.view.focus()

    def copied_id(self) -> str:
        """The value under the cursor."""
        return self.query_one(SearchedTree).view.copied()
