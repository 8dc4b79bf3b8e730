"""The files pane: what the run was given and what it wrote."""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from textual import on

from engine.safe_text import sanitize
from screens.forms.values import read_json
from screens.overlays.markdown_screen import MOST_CHARACTERS, MarkdownScreen
from screens.overlays.text_screen import TextScreen
from screens.overlays.value_screen import ValueScreen
from screens.run.pane import RunMoment, RunPane
from screens.widgets.plain import Plain
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.line_table import LineTable
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Cut, Row

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from engine.contracts.runs.run import FileText, RunFile
    from screens.frame.screen import ConsoleScreen

_EMPTY = "No files: this run has written none."

_MARKDOWN = frozenset({".md", ".markdown"})

_COLUMNS = (
    Column("File", 20, flex=3, cut=Cut.START),
    Column("Role", 12),
    Column("Bytes", 12),
    Column("Type", 16, flex=1, rank=1),
    Column("sha256", 16, rank=1),
)


class FilesPane(RunPane):
    """Files of the run's folder. Enter shows one: Markdown drawn, JSON as a tree, others as text.

    The copy key takes its path.
    """

    title = "Files"

    def compose(self) -> ComposeResult:
        """Folder, files."""
        yield Plain(id="folder")
        yield RowTable(_COLUMNS, id="file-list")
        yield Plain(sanitize(_EMPTY), id="no-files", classes="pane-empty")

    def on_mount(self) -> None:
        """Nothing is said before the first load."""
        self._files: dict[str, RunFile] = {}
        self.query_one("#no-files").display = False

    @property
    def table(self) -> RowTable:
        """The files."""
        return self.query_one("#file-list", RowTable)

    async def load(self, moment: RunMoment) -> None:
        """The files by then."""
        past = moment.past
        files = past.detail.files if past else await self.state.engine.runs.files(self.run_id)
        self._files = {file.stored_name: file for file in files}
        self.table.show([_row(file) for file in files])
        self.query_one("#no-files").display = not files
        self.table.set_class(not files, "-empty")
        folder = f"folder {moment.run.folder}" if moment.run.folder else "This run has no folder yet."
        self.query_one("#folder", Plain).show((sanitize(folder), "$quiet"))

    def target(self) -> Widget:
        """The list."""
        return self.table

    def copied(self) -> str:
        """The path of the file under the cursor."""
        file = self._files.get(self.table.cursor_key)
        return file.path if file else ""

    @on(LineTable.Opened, "#file-list")
    def _opened(self, message: LineTable.Opened) -> None:
        if file := self._files.get(message.key):
            self.act(self._show_file(file))

    def _drawn(self, file: RunFile, found: FileText, title: str) -> ConsoleScreen | None:
        """The screen for a file that can be shown better than as lines of text."""
        if found.binary or found.truncated:
            return None
        if (value := _value_of(file, found)) is not None:
            return ValueScreen(self.state, title, {file.name: value})
        is_markdown = PurePath(file.name).suffix.lower() in _MARKDOWN
        if is_markdown and len(found.text) <= MOST_CHARACTERS:
            return MarkdownScreen(self.state, title, found.text, copied=found.path)
        return None

    async def _show_file(self, file: RunFile) -> None:
        found = await self.state.engine.runs.file_text(self.run_id, file.stored_name)
        title = f"{file.name} · {file.size:,} bytes · {file.copy_of or file.path}"
        if drawn := self._drawn(file, found, title):
            self.app.push_screen(drawn)
            return
        note = "This file holds no text." if found.binary else ""
        if found.truncated:
            note = f"Only the beginning is shown; all {found.size:,} bytes are in the file."
        self.app.push_screen(TextScreen(self.state, title, found.text, note=note, copied=found.path))


def _value_of(file: RunFile, found: FileText) -> Any:
    """What stands in a JSON file; None where it is no JSON, or a tree would leave something of it out."""
    if PurePath(file.name).suffix.lower() != ".json":
        return None
    with suppress(ValueError):
        return read_json(found.text, must_be_object=False)
    return None


def _row(file: RunFile) -> Row:
    return Row(
        file.stored_name,
        (
            Cell(sanitize(file.copy_of or file.name)),
            Cell(sanitize(file.role)),
            Cell(sanitize(f"{file.size:,}")),
            Cell(sanitize(file.content_type), Tone.QUIET),
            Cell(sanitize(file.sha256[:16]), Tone.QUIET),
        ),
    )
