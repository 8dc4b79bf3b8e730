"""Start a run: pick a flow, fill the form of its input, F2 starts it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on

from engine.errors import InvalidInput, VasiniError
from engine.safe_text import sanitize
from screens.actions import bindings
from screens.columns import Column
from screens.desk import Desk, explain
from screens.form_screen import field_errors
from screens.form_view import FormView
from screens.plain import NOTHING, Plain
from screens.row_table import Cell, Row, RowTable
from screens.shell import ConsoleScreen, console, tell, too_small
from screens.status_words import Tone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from engine.contracts.pack import FlowView, PackView

_COLUMNS = (
    Column("Flow", 24, flex=1),
    Column("Version", 9, rank=1),
    Column("What it does", 24, flex=3),
)
_NO_FLOWS = "No flow can be started.\n\nPut a pack into the packs folder of the console, or see: vasini packs"


class StartScreen(ConsoleScreen):
    """The flows of all packs; a broken pack says what is wrong with it."""

    view = "runs"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._flows: dict[str, FlowView] = {}
        self._broken: dict[str, str] = {}

    def body(self) -> ComposeResult:
        """Head, list, the words of the flow under the cursor."""
        yield Plain(sanitize("Start a run: which flow?"), classes="form-title")
        yield RowTable(_COLUMNS, id="flows")
        yield Plain(id="no-flows", classes="empty-text")
        yield Plain(id="about")

    def on_mount(self) -> None:
        """The list has the keys."""
        super().on_mount()
        self.query_one("#no-flows").display = False
        self.query_one("#flows").focus()

    def copied_id(self) -> str:
        """Pack and flow, as `vasini run` takes them."""
        return self.query_one("#flows", RowTable).cursor_key

    async def load(self) -> None:
        """Packs as they are loaded now."""
        packs = await self.desk.engine.packs.list()
        self._flows = {_name(flow): flow for pack in packs if pack.valid for flow in pack.flows}
        self._broken = {pack.pack: _problems(pack) for pack in packs if not pack.valid}
        rows = [_row(name, flow) for name, flow in self._flows.items()]
        rows += [_broken_row(name, words) for name, words in self._broken.items()]
        self.query_one("#flows", RowTable).show(rows)
        empty = self.query_one("#no-flows", Plain)
        empty.display = not rows
        empty.show(sanitize(_NO_FLOWS, multiline=True))
        self._draw_about()

    @on(RowTable.Highlighted, "#flows")
    def _highlighted(self) -> None:
        self._draw_about()

    @on(RowTable.Opened, "#flows")
    def _picked(self, message: RowTable.Opened) -> None:
        flow = self._flows.get(message.key)
        if flow is None:
            tell(self, f"{message.key} cannot start: {self._broken.get(message.key, '')}", tone="warning")
            return
        self.app.push_screen(StartFormScreen(self.desk, flow))

    def _draw_about(self) -> None:
        name = self.copied_id()
        flow, about = self._flows.get(name), self.query_one("#about", Plain)
        if flow is not None:
            steps = f"{flow.steps} step{'' if flow.steps == 1 else 's'}"
            about.show(
                (sanitize(f" {flow.description} · {steps} · {flow.autonomy_level}", limit=400), "$quiet")
            )
        elif name in self._broken:
            about.show((sanitize(f" {self._broken[name]}", limit=400), "$bad"))
        else:
            about.show(NOTHING)


class StartFormScreen(ConsoleScreen):
    """The input of the flow."""

    BINDINGS = bindings("start.submit", "form.leave")
    view = "runs"

    def __init__(self, desk: Desk, flow: FlowView) -> None:
        super().__init__(desk)
        self._flow = flow
        self._sending = False

    def body(self) -> ComposeResult:
        """Head, fields."""
        flow = self._flow
        yield Plain(sanitize(f"Start {_name(flow)} {flow.version}"), classes="form-title")
        yield Plain(sanitize(flow.description, multiline=True), classes="form-prompt")
        yield Plain(
            sanitize("* is required · F2 starts the run · Esc goes back and keeps what is typed"),
            classes="form-about",
        )
        check = partial(self.desk.engine.requests.check, flow.input_schema)
        yield FormView(flow.input_schema, {}, check, self.desk.drafts.get(self._draft_key), id="form")

    def on_mount(self) -> None:
        """The first field has focus."""
        super().on_mount()
        self.query_one(".form-prompt").display = bool(self._flow.description)
        self.query_one("#form", FormView).focus_first()

    def action_submit(self) -> None:
        """Check every field; start when all is well."""
        if self._sending or too_small(self):
            return
        values = self.query_one("#form", FormView).submit()
        if values is None:
            tell(self, "Not started: some fields need a look.", tone="warning")
            return
        self._sending = True
        self.act(self._start(values))

    def action_leave(self) -> None:
        """Back to the flows; the draft stays."""
        if self.is_current:
            self.dismiss(None)

    @property
    def _draft_key(self) -> str:
        return f"start {_name(self._flow)}"

    @on(FormView.Edited)
    def _keep_draft(self) -> None:
        self.desk.drafts[self._draft_key] = dict(self.query_one("#form", FormView).draft)

    async def _start(self, values: Mapping[str, Any]) -> None:
        try:
            run = await self.desk.engine.runs.start(
                self._flow.pack,
                self._flow.flow,
                values,
                actor=self.desk.actor,
                tenant=self.desk.tenant,
                base_dir=self.desk.base_dir,
            )
        except InvalidInput as error:
            self.query_one("#form", FormView).show_errors(field_errors(error))
            tell(self, explain(error), tone="error")
        except VasiniError as error:
            tell(self, explain(error), tone="error")
        else:
            self.desk.drafts.pop(self._draft_key, None)
            tell(self, f"Started {run.run_id}")
            console(self).show_run(run.run_id)
        finally:
            self._sending = False


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
