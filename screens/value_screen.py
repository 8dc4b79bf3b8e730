"""Values in full, as indented JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.safe_text import sanitize
from screens.json_text import hides_something, json_text
from screens.plain import Plain, TextPane
from screens.shell import ConsoleScreen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from screens.desk import Desk


class ValueScreen(ConsoleScreen):
    """One heading per value; what is None is left out."""

    def __init__(self, desk: Desk, title: str, values: Mapping[str, Any]) -> None:
        super().__init__(desk)
        self._title = title
        self._values = {name: value for name, value in values.items() if value is not None}

    def body(self) -> ComposeResult:
        """Title, values."""
        yield Plain(sanitize(self._title), classes="form-title")
        with TextPane(id="values"):
            if not self._values:
                yield Plain(sanitize("Nothing is recorded here."), classes="card-heading")
            for name, value in self._values.items():
                hidden = "  ‼ contains hidden characters" if hides_something(value) else ""
                yield Plain(sanitize(f"{name}{hidden}"), classes="card-heading")
                yield Plain(json_text(value), classes="card-action")

    def on_mount(self) -> None:
        """The text has the keys."""
        super().on_mount()
        self.query_one("#values").focus()
