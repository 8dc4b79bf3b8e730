"""What a call brought that a person says was done: the steps that follow read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual import on
from textual.containers import Vertical
from textual.widgets import TextArea

from engine.safe_text import sanitize
from screens.forms.draft_keeper import DraftKeeper
from screens.forms.values import read_json
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import attempt
from screens.frame.inputs import SafeTextArea
from screens.frame.screen import Dialog, TooSmall
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.widget import Widget

    from engine.contracts.runs.request import OutcomeView
    from screens.frame.console_state import ConsoleState


@dataclass(frozen=True, slots=True)
class CallOutput:
    """What a call brought; None when it brought nothing that the run has to know."""

    output: dict[str, Any] | None


def output_draft(
    owner: Widget, state: ConsoleState, request_id: str, typed: Callable[[], str] = str
) -> DraftKeeper:
    """What is kept of what a call brought until it is said."""
    return DraftKeeper(owner, state, f"outcome {request_id}", lambda: {"output": typed()})


class OutputDialog(Dialog[CallOutput]):
    """A JSON object, or nothing. Enter begins a new line; what is no JSON object is not sent.

    What is typed is kept until it is.
    """

    BINDINGS = bindings("dialog.confirm")

    def __init__(self, state: ConsoleState, outcome: OutcomeView) -> None:
        super().__init__()
        self._outcome = outcome
        self._typed = ""
        self._draft = output_draft(self, state, outcome.request_id, lambda: self._typed)

    def compose(self) -> ComposeResult:
        """Title, the text, what is wrong with it, the keys."""
        call = self._outcome.action.target or self._outcome.step_id
        with Vertical(classes="dialog"):
            yield Plain(sanitize(f"It was done: what did {call} bring?", limit=200), classes="dialog-title")
            words = "A JSON object, for the steps that read this one's output. Empty: it brought nothing."
            yield Plain(sanitize(words), classes="dialog-text")
            yield SafeTextArea(id="output")
            yield Plain(classes="dialog-hint")
            yield KeyHint("{dialog.confirm} say so   {form.editor} editor   {dialog.close} close, keeps it")
        yield TooSmall()

    async def on_mount(self) -> None:
        """What was typed last time, if it was not said."""
        kept = await attempt(self, self._draft.restore())
        if kept is not None and not self._typed:
            for field in self.query("#output").results(SafeTextArea):  # none is left when it closed at once
                field.text = str(kept[0].get("output", ""))
                field.move_cursor(field.document.end)

    async def on_unmount(self) -> None:
        """However the dialog goes."""
        await self._draft.flush()

    @on(TextArea.Changed)
    def _edited(self, message: TextArea.Changed) -> None:
        self._typed = message.text_area.text
        self._draft.edited()

    async def action_confirm(self) -> None:
        """Say it when it can be read."""
        text = self.query_one("#output", SafeTextArea).text
        try:
            output = read_json(text, must_be_object=True) if text.strip() else None
        except ValueError as error:
            self.hint(f"Not sent: {error}")
        else:
            await self._draft.flush()  # before it is said, and dropped
            self.dismiss(CallOutput(output))
