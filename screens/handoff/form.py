"""The start form of a run that takes over: from which run, how much it is told, a note, the flow's input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import on
from textual.widgets import Input

from engine.safe_text import sanitize
from screens.forms.filling import FillingScreen
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import console, show_notice
from screens.frame.inputs import SafeInput
from screens.handoff.dialogs import TOLD
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain
from screens.widgets.status_labels import run_label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from engine.contracts.runs.listed import RunView
    from screens.frame.console_state import ConsoleState
    from screens.handoff.dialogs import HandoffChoice


class HandoffFormScreen(FillingScreen):
    """F2 hands off; fields that the source's input has as well begin with its values."""

    BINDINGS = bindings("handoff.submit")
    view = "runs"
    refusal = "Not handed off"

    def __init__(
        self, state: ConsoleState, run: RunView, choice: HandoffChoice, known: Mapping[str, Any]
    ) -> None:
        flow = choice.flow
        key = f"hand off {run.run_id} {flow.pack}/{flow.flow}"
        super().__init__(state, key, flow.input_schema, known)
        self._run, self._choice = run, choice
        self._note = ""

    def above(self) -> ComposeResult:
        """What takes over from what, what it is told, the note."""
        run, flow = self._run, self._choice.flow
        title = f"Hand off to {flow.pack}/{flow.flow} {flow.version}"
        yield Plain(sanitize(title), classes="form-title")
        source = f"From run {run.run_id} of {run.pack}/{run.flow}, {run_label(run).word}."
        transfer = self._choice.handoff.context_transfer
        told = f"The new run is told ({transfer}): {TOLD[transfer]}."
        yield Plain(sanitize(source, limit=230), classes="form-prompt")
        yield Plain(sanitize(told), classes="form-prompt")
        yield SafeInput(placeholder="a note for whoever takes over", id="note")
        yield KeyHint(
            "* is required · {handoff.submit} hands off · {form.leave} goes back and keeps what is typed",
            classes="form-about",
        )

    def restored(self, draft: Mapping[str, Any]) -> None:
        """The note as it was typed."""
        self._note = str(draft.get("note") or "")
        with self.prevent(Input.Changed):
            self.query_one("#note", SafeInput).value = self._note

    async def send(self, values: Mapping[str, Any]) -> None:
        """Hand off, and open the run that takes over."""
        flow = self._choice.flow
        run = await self.state.engine.runs.hand_off(
            self._run.run_id,
            flow.pack,
            flow.flow,
            values,
            actor=self.state.actor,
            note=self._note,
            base_dir=self.state.base_dir,
        )
        await self.sent()
        show_notice(self, f"Handed off: started {run.run_id}")
        in_view = self.is_active
        self.dismiss(None)
        if in_view:
            console(self).open_run(run.run_id)

    def typed(self) -> Mapping[str, Any]:
        """The fields, and the note."""
        return {**super().typed(), "note": self._note}

    @on(Input.Changed, "#note")
    def _note_typed(self, message: Input.Changed) -> None:
        self._note = message.value
        self.edited()
