"""The theme picker: the theme under the cursor is shown at once; Esc brings back the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical

from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.screen import Dialog, TooSmall
from screens.widgets.plain import Plain
from screens.widgets.status_labels import RUN_LABELS, Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from screens.overlays.theme_choice import ThemeChoice

_COLUMNS = (Column("Theme", 22, flex=1), Column("For", 18), Column("From", 8))


class ThemePicker(Dialog[str]):
    """Returns the name that was chosen, or None; the theme shown is then that of the caller to put right."""

    def __init__(self, choices: Sequence[ThemeChoice], current: str) -> None:
        super().__init__()
        self._choices = choices
        self._current = current

    def compose(self) -> ComposeResult:
        """The themes, a sample of the tones, how long a choice lasts."""
        with Vertical(classes="dialog"):
            yield Plain(sanitize("Theme"), classes="dialog-title")
            yield RowTable(_COLUMNS, id="themes")
            yield Plain(id="sample")
            yield Plain(
                sanitize("Lasts until you leave; console.theme in the settings keeps it."),
                classes="dialog-text",
            )
            yield KeyHint("{list.down} {list.up} look   {list.open} take it   {dialog.close} as before")
        yield TooSmall()

    def on_mount(self) -> None:
        """The cursor is on the theme in use."""
        table = self.query_one("#themes", RowTable)
        table.show([_row(choice) for choice in self._choices])
        table.move_to(self._current)
        table.focus()
        self.query_one("#sample", Plain).show(
            *(
                (sanitize(f"{label.symbol} {label.word}  "), f"${label.tone}")
                for label in {label.tone: label for label in RUN_LABELS.values()}.values()
                if label.tone is not Tone.PLAIN
            )
        )

    @on(RowTable.Highlighted, "#themes")
    def _preview(self, message: RowTable.Highlighted) -> None:
        if message.key and message.key != self.app.theme:
            self.app.theme = message.key

    @on(RowTable.Opened, "#themes")
    def _take(self, message: RowTable.Opened) -> None:
        self.dismiss(message.key)

    def action_close(self) -> None:
        """As before."""
        self.app.theme = self._current
        self.dismiss(None)


def _row(choice: ThemeChoice) -> Row:
    ground = "dark terminals" if choice.dark else "light terminals"
    cells = (sanitize(choice.name), sanitize(ground), sanitize(choice.origin))
    return Row(choice.name, (Cell(cells[0]), Cell(cells[1], Tone.QUIET), Cell(cells[2], Tone.QUIET)))
