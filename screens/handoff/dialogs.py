"""To what a run is handed off, and which of the runs it is related to is opened. Enter only picks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical

from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.screen import Dialog, TooSmall, too_small
from screens.widgets.plain import NOTHING, Plain
from screens.widgets.status_labels import Tone, run_label
from screens.widgets.tables.columns import Column
from screens.widgets.tables.line_table import LineTable
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Cut, Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult

    from engine.contracts.packs.handoff import HandoffView
    from engine.contracts.packs.pack import FlowView
    from engine.contracts.runs.listed import RunView

TOLD: Mapping[str, str] = {
    "minimal": "which run it was, how it stands, and your note",
    "summary": "its input, output and error, its steps, what people decided, and your note",
    "full": "its input, output and error, its steps with what each was given and brought, "
    "what people decided, and your note",
}
"""What each `context_transfer` amounts to."""

_TARGETS = (Column("Hand off to", 20, flex=1), Column("Tells", 9), Column("When", 20, flex=2))
_RELATED = (
    Column("It", 9),
    Column("Status", 15, rank=1),
    Column("Flow", 12, flex=1, cut=Cut.PACK),
    Column("Run", 26, flex=1),
)


@dataclass(frozen=True, slots=True)
class HandoffChoice:
    """A declared handoff, and the flow that takes over."""

    handoff: HandoffView
    flow: FlowView


class HandoffDialog(Dialog[HandoffChoice]):
    """The declared handoffs of a run; those that cannot be made now say why."""

    def __init__(self, run: RunView, handoffs: Sequence[HandoffView]) -> None:
        super().__init__()
        self._run = run
        self._choices: dict[str, HandoffChoice] = {}
        self._refused: dict[str, HandoffView] = {}
        for handoff in handoffs:
            for flow in handoff.flows:
                self._choices[f"{flow.pack}/{flow.flow}"] = HandoffChoice(handoff, flow)
            if not handoff.flows:
                self._refused[handoff.target] = handoff

    def compose(self) -> ComposeResult:
        """The handoffs, and all about the one under the cursor."""
        with Vertical(classes="dialog -large"):
            yield Plain(sanitize(f"Hand off {self._run.run_id} to which flow?"), classes="dialog-title")
            yield RowTable(_TARGETS, id="handoffs")
            yield Plain(id="about-handoff")
            yield KeyHint("{list.down} {list.up} move   {list.open} its form   {dialog.close} close")
        yield TooSmall()

    def on_mount(self) -> None:
        """The list has the keys."""
        table = self.query_one("#handoffs", RowTable)
        usable = [_row(name, choice.handoff) for name, choice in self._choices.items()]
        table.show(usable + [_row(name, handoff) for name, handoff in self._refused.items()])
        table.focus()
        self._draw_about(table.cursor_key)

    @on(RowTable.Highlighted, "#handoffs")
    def _highlighted(self, message: RowTable.Highlighted) -> None:
        self._draw_about(message.key)

    @on(LineTable.Opened, "#handoffs")
    def _picked(self, message: LineTable.Opened) -> None:
        choice = self._choices.get(message.key)
        if choice is not None and not too_small(self):
            self.dismiss(choice)

    def _draw_about(self, name: str) -> None:
        about = self.query_one("#about-handoff", Plain)
        choice, refused = self._choices.get(name), self._refused.get(name)
        handoff = choice.handoff if choice is not None else refused
        if handoff is None:
            about.show(NOTHING)
            return
        conditions = "".join(f"\n · {condition}" for condition in handoff.conditions)
        told = f"\nTells {TOLD[handoff.context_transfer]}."
        does = f"\n{choice.flow.description}" if choice is not None and choice.flow.description else ""
        reason = f"\n✗ Not now: {handoff.reason}" if handoff.reason else ""
        about.show(
            sanitize(f"When:{conditions}{told}{does}", multiline=True, limit=2_000),
            (sanitize(reason, multiline=True, limit=600), "$bad"),
        )


class RelatedDialog(Dialog[str]):
    """Returns the id of the run to open: the one that was taken over from, or one that took over."""

    def __init__(self, run_id: str, source: RunView | None, successors: Sequence[RunView]) -> None:
        super().__init__()
        self._run_id, self._source, self._successors = run_id, source, successors

    def compose(self) -> ComposeResult:
        """The runs."""
        with Vertical(classes="dialog -large"):
            yield Plain(sanitize(f"Handoffs of {self._run_id}"), classes="dialog-title")
            yield RowTable(_RELATED, id="related")
            yield KeyHint("{list.down} {list.up} move   {list.open} open   {dialog.close} close")
        yield TooSmall()

    def on_mount(self) -> None:
        """The list has the keys."""
        table = self.query_one("#related", RowTable)
        source = [_related("is from", self._source)] if self._source is not None else []
        table.show(source + [_related("went to", run) for run in self._successors])
        table.focus()

    @on(LineTable.Opened, "#related")
    def _picked(self, message: LineTable.Opened) -> None:
        self.dismiss(message.key)


def _row(name: str, handoff: HandoffView) -> Row:
    if handoff.flows:
        words, symbol, tone, quiet = "; ".join(handoff.conditions), "", Tone.PLAIN, Tone.QUIET
    else:
        words, symbol, tone, quiet = handoff.reason or "", "✗ ", Tone.BAD, Tone.BAD
    cells = (
        Cell(sanitize(f"{symbol}{name}"), tone),
        Cell(sanitize(handoff.context_transfer), Tone.QUIET),
        Cell(sanitize(words), quiet),
    )
    return Row(name, cells)


def _related(words: str, run: RunView) -> Row:
    label = run_label(run)
    cells = (
        Cell(sanitize(words), Tone.QUIET),
        Cell(label.text, label.tone),
        Cell(sanitize(f"{run.pack}/{run.flow}")),
        Cell(sanitize(run.run_id), Tone.QUIET),
    )
    return Row(run.run_id, cells)
