"""A question with a list of answers, of which the first changes nothing."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from textual import on
from textual.containers import Vertical

from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.screen import Dialog, TooSmall, too_small
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from textual.app import ComposeResult

C = TypeVar("C", bound=Enum)


class ChoiceDialog(Dialog[C]):
    """Closes with the member under the cursor when it is confirmed, or with None by its first row, `nothing`.

    Enter takes only what decides nothing yet: the first row, and the choices of `asks_on`, which lead to
    another question.
    """

    BINDINGS = bindings("dialog.confirm")

    def __init__(
        self,
        title: str,
        lines: Sequence[str],
        *,
        column: str,
        nothing: str,
        choices: Mapping[C, str],
        asks_on: Collection[C] = (),
    ) -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._column = column
        self._answers = [("", nothing), *((str(at), answer) for at, answer in enumerate(choices.values()))]
        self._choices = list(choices)
        self._asks_on = asks_on

    def compose(self) -> ComposeResult:
        """The question, what is known, the answers."""
        with Vertical(classes="dialog"):
            yield Plain(sanitize(self._title), classes="dialog-title")
            for line in self._lines:
                yield Plain(sanitize(line), classes="dialog-text")
            yield RowTable([Column(self._column, 30, flex=1)], id="choices")
            yield Plain(classes="dialog-hint")
            yield KeyHint(self._keys())
        yield TooSmall()

    def on_mount(self) -> None:
        """Show the answers."""
        self._show(self._answers)
        self.query_one("#choices").focus()

    def void(self, words: str) -> None:
        """There is nothing to be answered any more, and why: only what changes nothing is left."""
        self.query_one(".dialog-title", Plain).show((sanitize(words, limit=300), "bold $bad"))
        self._show(self._answers[:1])

    def _show(self, answers: Sequence[tuple[str, str]]) -> None:
        rows = [Row(key, (Cell(sanitize(answer)),)) for key, answer in answers]
        self.query_one("#choices", RowTable).show(rows)

    def action_confirm(self) -> None:
        """Close with what the cursor is on, unless another question comes before anything is done."""
        chosen = self._chosen()
        if chosen in self._asks_on:
            self.hint_keys("{list.open} goes on: nothing is done before you have answered what it asks")
        else:
            self.dismiss(chosen)

    @on(RowTable.Opened)
    def _enter(self) -> None:
        chosen = self._chosen()
        if chosen is not None and chosen not in self._asks_on:
            self.hint_keys("Enter never decides: {dialog.confirm} does it, {dialog.close} closes")
        elif not too_small(self):
            self.dismiss(chosen)

    def _chosen(self) -> C | None:
        key = self.query_one("#choices", RowTable).cursor_key
        return self._choices[int(key)] if key else None

    def _keys(self) -> str:
        """Enter is named where it leads on, the key that decides where it decides something."""
        on = "{list.open} go on   " if self._asks_on else ""
        does = "{dialog.confirm} do it   " if len(self._asks_on) < len(self._choices) else ""
        return f"{on}{does}{{dialog.close}} close"
