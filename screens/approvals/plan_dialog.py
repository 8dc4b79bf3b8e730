"""A plan is changed before it is approved, or a call, which asks again: a list of its steps, and the
parameters of one of them as JSON.

Nothing is decided here before the confirming key; that key counts when what it would approve has been on the
screen for the time of grace, and nobody else has decided meanwhile.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from textual import on
from textual.containers import Vertical

from engine.contracts.runs.plan import PlanEdits
from engine.safe_text import sanitize
from screens.approvals.action_lines import value_lines
from screens.approvals.dialogs import DecisionDialog
from screens.approvals.read_pane import ReadPane
from screens.approvals.styled_lines import StyledLines
from screens.forms.values import read_json
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import console
from screens.frame.grace import DecisionGate
from screens.frame.inputs import TYPED_LIMIT, SafeTextArea
from screens.frame.screen import Dialog, TooSmall
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from engine.contracts.runs.request import ApprovalView
    from screens.approvals.plan_draft import DraftStep, PlanDraft
    from screens.frame.console_state import ConsoleState

_COLUMNS = (
    Column("", 3),
    Column("Step", 12, flex=2),
    Column("Tool", 11, flex=2),
    Column("Parameters", 12, flex=4),
    Column("Now", 10),
)
_KEYS = (
    "{list.open} parameters   {plan.take_out} out/in   {plan.earlier} {plan.later} move   "
    "{dialog.confirm} approve so   {dialog.close} close"
)
_KEYS_OF_A_CALL = "{list.open} parameters   {dialog.confirm} change it so   {dialog.close} close"
_SHORT = 200


class PlanDialog(DecisionDialog[PlanEdits]):
    """The steps of a plan; what is changed is kept while the console runs, until it is decided."""

    BINDINGS = bindings("plan.")

    def __init__(self, state: ConsoleState, view: ApprovalView, draft: PlanDraft) -> None:
        super().__init__(view)
        self._gate = DecisionGate(state.clock, state.grace)
        self._draft = draft
        self._one_call = view.changeable

    def compose(self) -> ComposeResult:
        """Title, the steps, the parameters of the one under the cursor, what is missing, the keys."""
        with Vertical(classes="dialog -large"):
            title = "Change the call; it asks again" if self._one_call else "Change the plan, then approve it"
            yield Plain(sanitize(title), classes="dialog-title")
            yield self.claim_line()
            yield RowTable(_COLUMNS, id="plan-steps")
            with ReadPane(id="plan-params"):
                yield StyledLines(classes="plan-lines")
            yield Plain(classes="dialog-hint")
            yield KeyHint(_KEYS_OF_A_CALL if self._one_call else _KEYS)
        yield TooSmall()

    def on_mount(self) -> None:
        """The list has the keys."""
        self._table.focus()
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Drawn anew."""
        self._let_appear()

    def action_take_out(self) -> None:
        """The step under the cursor: out, or in again."""
        if self._table.cursor_key:
            self._draft.toggle(self._table.cursor_key)
            self._draw()

    def action_earlier(self) -> None:
        """The step under the cursor, one place earlier."""
        self._move(-1)

    def action_later(self) -> None:
        """The step under the cursor, one place later."""
        self._move(1)

    def action_confirm(self) -> None:
        """Approve the plan as it stands here."""
        if not self._draft.kept:
            self.hint("Not sent: no step is left. Reject it instead.")
        elif not self._draft.changed:
            self.hint_keys("Nothing is changed: {dialog.close} closes, {approvals.approve} approves as it is")
        elif not self._gate.is_open(self._token):
            self.hint("Not sent: this had only just appeared. Read it, then press again.")
        else:
            self.confirm_with(self._draft.edits())

    @on(RowTable.Highlighted, "#plan-steps")
    def _highlighted(self) -> None:
        self._draw_params()

    @on(RowTable.Opened, "#plan-steps")
    def _opened(self, message: RowTable.Opened) -> None:
        step = self._draft.steps[self._draft.place_of(message.key)]
        if len(_as_text(step.params)) > TYPED_LIMIT:
            self.hint("Too long to be changed here: vasini approve ID --edit @FILE does it.")
            return

        def closed(params: dict[str, Any] | None) -> None:
            if params is not None:
                self._draft.set_params(message.key, params)
                self._draw()

        self.app.push_screen(ParamsDialog(step), closed)

    @property
    def _table(self) -> RowTable:
        return self.query_one("#plan-steps", RowTable)

    @property
    def _token(self) -> tuple[str, ...]:
        """Exactly what would be approved."""
        kept = [(step.shown.step_id, step.params) for step in self._draft.kept]
        return (self.views[0].digest, json.dumps(kept, sort_keys=True))

    def _move(self, by: int) -> None:
        key = self._table.cursor_key
        if key:
            self._draft.move(key, by)
            self._draw()
            self._table.move_to(key)

    def _draw(self) -> None:
        self._table.show([_row(number, step) for number, step in enumerate(self._draft.steps, 1)])
        self._draw_params()
        self.hint("")
        self._let_appear()

    def _draw_params(self) -> None:
        key = self._table.cursor_key
        if key:
            step = self._draft.steps[self._draft.place_of(key)]
            self.query_one(".plan-lines", StyledLines).show(value_lines(step.params, 0))
            self.query_one("#plan-params", ReadPane).scroll_home(animate=False)

    def _let_appear(self) -> None:
        token = self._token
        self._gate.appearing(token)
        self.call_after_refresh(console(self).when_shown, lambda answered: self._gate.drawn(token, answered))


class ParamsDialog(Dialog[dict[str, Any]]):
    """The parameters of one step as a JSON object; what is none is not taken."""

    BINDINGS = bindings("dialog.confirm")

    def __init__(self, step: DraftStep) -> None:
        super().__init__()
        self._step = step

    def compose(self) -> ComposeResult:
        """Title, the text, what is wrong with it, the keys."""
        shown = self._step.shown
        with Vertical(classes="dialog -large"):
            title = sanitize(f"Parameters of {shown.step_id}: {shown.tool}", limit=200)
            yield Plain(title, classes="dialog-title")
            yield SafeTextArea(_as_text(self._step.params), id="params")
            yield Plain(classes="dialog-hint")
            yield KeyHint("{dialog.confirm} take them   {form.editor} editor   {dialog.close} close")
        yield TooSmall()

    def action_confirm(self) -> None:
        """Take them when they can be read."""
        try:
            params = read_json(self.query_one("#params", SafeTextArea).text, must_be_object=True)
        except ValueError as error:
            self.hint(f"Not taken: {error}")
        else:
            self.dismiss(params)


def _as_text(params: dict[str, Any]) -> str:
    """JSON in which every character that hides stands as its number, so that none is lost."""
    return json.dumps(params, indent=2)


def _row(number: int, step: DraftStep) -> Row:
    gone = Tone.QUIET if step.taken_out else Tone.PLAIN
    short = sanitize(json.dumps(step.params, ensure_ascii=False)[:_SHORT])
    return Row(
        step.shown.step_id,
        (
            Cell(sanitize(str(number)), Tone.QUIET),
            Cell(sanitize(step.shown.step_id), gone),
            Cell(sanitize(step.shown.tool), gone),
            Cell(short, gone),
            Cell(sanitize(step.words), Tone.WAITING),
        ),
    )
