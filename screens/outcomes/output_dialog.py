"""What a call brought that a person says was done: the steps that follow read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.containers import Vertical

from engine.safe_text import sanitize
from screens.forms.values import read_json
from screens.frame.bars.key_hint import KeyHint
from screens.frame.inputs import SafeTextArea
from screens.frame.screen import Dialog, TooSmall
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.contracts.runs.request import OutcomeView


@dataclass(frozen=True, slots=True)
class CallOutput:
    """What a call brought; None when it brought nothing that the run has to know."""

    output: dict[str, Any] | None


class OutputDialog(Dialog[CallOutput]):
    """A JSON object, or nothing. Enter begins a new line; what is no JSON object is not sent."""

    BINDINGS = bindings("dialog.confirm")

    def __init__(self, outcome: OutcomeView) -> None:
        super().__init__()
        self._outcome = outcome

    def compose(self) -> ComposeResult:
        """Title, the text, what is wrong with it, the keys."""
        call = self._outcome.action.target or self._outcome.step_id
        with Vertical(classes="dialog"):
            yield Plain(sanitize(f"It was done: what did {call} bring?", limit=200), classes="dialog-title")
            words = "A JSON object, for the steps that read this one's output. Empty: it brought nothing."
            yield Plain(sanitize(words), classes="dialog-text")
            yield SafeTextArea(id="output")
            yield Plain(classes="dialog-hint")
            yield KeyHint("{dialog.confirm} say so   {form.editor} editor   {dialog.close} close")
        yield TooSmall()

    def action_confirm(self) -> None:
        """Say it when it can be read."""
        text = self.query_one("#output", SafeTextArea).text
        try:
            output = read_json(text, must_be_object=True) if text.strip() else None
        except ValueError as error:
            self.hint(f"Not sent: {error}")
        else:
            self.dismiss(CallOutput(output))
