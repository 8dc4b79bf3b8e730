"""Start a run: pick a flow, fill the form of its input, F2 starts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import on
from textual.widgets import Input

from engine.contracts.packs.started_for_people import STARTED_FOR_PEOPLE
from engine.safe_text import sanitize
from screens.forms.filling import FillingScreen
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import console, show_notice
from screens.frame.inputs import SearchLine
from screens.frame.screen import ConsoleScreen
from screens.keys.bindings import bindings
from screens.widgets.numbers import counted
from screens.widgets.plain import NOTHING, Plain
from screens.widgets.prompt import Prompt
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Cut, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from engine.contracts.packs.pack import FlowView, PackView
    from screens.frame.console_state import ConsoleState

_COLUMNS = (
    Column("Flow", 24, flex=1, cut=Cut.PACK),
    Column("Version", 9, rank=1),
    Column("What it does", 24, flex=3),
)
_NO_MATCH = "No flow matches the filter.\n\n{screen.back} clears it."
_NO_FLOWS = "No flow can be started.\n\nPut a pack into the packs folder of the console, or see: vasini packs"


class StartScreen(ConsoleScreen):
    """The flows of all packs; a broken pack says what is wrong with it."""

    BINDINGS = bindings("start.filter")
    view = "runs"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(state)
        self._flows: dict[str, FlowView] = {}
        self._broken: dict[str, str] = {}

    def body(self) -> ComposeResult:
        """Head, list, the words of the flow under the cursor."""
        yield Plain(sanitize("Start a run: which flow?"), classes="form-title")
        yield SearchLine(placeholder="words of name or description", id="filter")
        yield RowTable(_COLUMNS, id="flows")
        yield Plain(id="no-flows", classes="empty-text")
        yield Plain(id="about")

    def on_mount(self) -> None:
        """The list has the keys."""
        super().on_mount()
        self.query_one("#no-flows").display = False
        self.query_one("#flows").focus()

    @property
    def _filter(self) -> SearchLine:
        return self.query_one("#filter", SearchLine)

    def copied_id(self) -> str:
        """Pack and flow, as `vasini run` takes them."""
        return self.query_one("#flows", RowTable).cursor_key

    async def load(self) -> None:
        """Packs as they are loaded now; those whose flows nobody has to start come last."""
        listed = await self.state.engine.packs.list()
        packs = sorted(listed, key=lambda pack: pack.pack in STARTED_FOR_PEOPLE)
        self._flows = {_name(flow): flow for pack in packs if pack.valid for flow in pack.flows}
        self._broken = {pack.pack: _problems(pack) for pack in packs if not pack.valid}
        self._draw()

    def action_filter(self) -> None:
        """Show the filter line and type into it."""
        self._filter.offer()

    def action_back(self) -> None:
        """Clear the filter; without one, back to the runs."""
        if self._filter.shown:
            self._filter.value = ""
            self._filter.shown = False
            self.query_one("#flows").focus()
        else:
            super().action_back()

    @on(Input.Changed, "#filter")
    def _filter_typed(self) -> None:
        self._draw()

    @on(Input.Submitted, "#filter")
    def _filter_kept(self) -> None:
        self.query_one("#flows").focus()

    def _draw(self) -> None:
        words = self._filter.value.lower().split()

        def wanted(*texts: str) -> bool:
            return all(any(word in text.lower() for text in texts) for word in words)

        rows = [_row(name, flow) for name, flow in self._flows.items() if wanted(name, flow.description)]
        rows += [_broken_row(name, text) for name, text in self._broken.items() if wanted(name, text)]
        self.query_one("#flows", RowTable).show(rows)
        empty = self.query_one("#no-flows", Plain)
        empty.display = not rows
        empty.show(self.state.keymap.fill(_NO_MATCH if words else _NO_FLOWS))
        self._draw_about()

    @on(RowTable.Highlighted, "#flows")
    def _highlighted(self) -> None:
        self._draw_about()

    @on(RowTable.Opened, "#flows")
    def _picked(self, message: RowTable.Opened) -> None:
        flow = self._flows.get(message.key)
        if flow is None:
            show_notice(
                self, f"{message.key} cannot start: {self._broken.get(message.key, '')}", tone="warning"
            )
            return
        self.app.push_screen(StartFormScreen(self.state, flow))

    def _draw_about(self) -> None:
        name = self.copied_id()
        flow, about = self._flows.get(name), self.query_one("#about", Plain)
        if flow is not None:
            steps = counted(flow.steps, "step")
            about.show(
                (sanitize(f"{flow.description} · {steps} · {flow.autonomy_level}", limit=400), "$quiet")
            )
        elif name in self._broken:
            about.show((sanitize(self._broken[name], limit=400), "$bad"))
        else:
            about.show(NOTHING)


@dataclass(frozen=True, slots=True)
class Again:
    """The run whose input a form begins with, and the fields that could not be filled in."""

    run_id: str
    values: Mapping[str, Any]
    left_out: tuple[str, ...] = ()


class StartFormScreen(FillingScreen):
    """The input of the flow; `again` fills it in from a run."""

    BINDINGS = bindings("start.submit")
    view = "runs"
    refusal = "Not started"

    def __init__(self, state: ConsoleState, flow: FlowView, again: Again | None = None) -> None:
        key = f"again {again.run_id}" if again else f"start {_name(flow)}"
        super().__init__(state, key, flow.input_schema, again.values if again else {})
        self._flow = flow
        self._again = again

    def above(self) -> ComposeResult:
        """The flow, and the keys that matter."""
        flow = self._flow
        title = f"Start {_name(flow)} {flow.version}"
        if self._again:
            title += f" again, as run {self._again.run_id}"
        yield Plain(sanitize(title), classes="form-title")
        if self._again and self._again.left_out:
            words = f"Not filled in, masked or not valid any more: {', '.join(self._again.left_out)}"
            yield Plain(sanitize(words, limit=300), classes="form-about")
        yield Prompt(sanitize(flow.description, multiline=True), self.state.keymap)
        yield KeyHint(
            "* is required · {start.submit} starts the run · {form.leave} goes back and keeps what is typed",
            classes="form-about",
        )

    async def send(self, values: Mapping[str, Any]) -> None:
        """Start the run."""
        run = await self.state.engine.runs.start(
            self._flow.pack,
            self._flow.flow,
            values,
            actor=self.state.actor,
            tenant=self.state.tenant,
            base_dir=self.state.base_dir,
        )
        await self.sent()
        show_notice(self, f"Started {run.run_id}")
        self.dismiss(None)  # it may lie on another view, where it would wait to be sent again
        console(self).show_in("runs", run.run_id)


def _name(flow: FlowView) -> str:
    return f"{flow.pack}/{flow.flow}"


def _problems(pack: PackView) -> str:
    more = f" (and {len(pack.problems) - 1} more)" if len(pack.problems) > 1 else ""
    return f"{pack.problems[0]}{more}"


def _row(name: str, flow: FlowView) -> Row:
    cells = (Cell(sanitize(name)), Cell(sanitize(flow.version), Tone.QUIET), Cell(sanitize(flow.description)))
    return Row(name, cells)


def _broken_row(name: str, words: str) -> Row:
    return Row(name, (Cell(sanitize(f"✗ {name}"), Tone.BAD), Cell(NOTHING), Cell(sanitize(words), Tone.BAD)))
