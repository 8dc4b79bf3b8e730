"""One form to fill in. F2 submits; Esc leaves and keeps what was typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from textual import on

from engine.contracts.status import RequestStatus
from engine.errors import AlreadyDecided
from engine.safe_text import has_hidden, sanitize
from screens.forms.filling import FillingScreen
from screens.frame.bars.key_bar import KeyBar
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import show_notice
from screens.frame.inputs import TYPED_LIMIT, SafeTextArea
from screens.keys.bindings import bindings
from screens.widgets.ages import expiry, full_time
from screens.widgets.plain import Plain, TextPane
from screens.widgets.prompt import Prompt
from screens.widgets.status_labels import REQUEST_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

    from engine.contracts.runs.request import FormView as FormRequest
    from screens.frame.console_state import ConsoleState


class FormScreen(FillingScreen):
    """Title and prompt of the run, then its fields."""

    BINDINGS = bindings("form.submit")
    view = "forms"

    def __init__(self, state: ConsoleState, form: FormRequest) -> None:
        super().__init__(state, form.request_id, form.json_schema, form.defaults)
        self._request = form
        self._kept_text = ""

    def above(self) -> ComposeResult:
        """State, title, prompt, where it comes from."""
        form = self._request
        yield Plain(id="form-state", classes="fault")
        yield Plain(sanitize(form.title), classes="form-title")
        said = (form.prompt, form.description, form.note)
        asks = "\n".join(part for part in said if part and part != form.title)
        yield Prompt(sanitize(asks, multiline=True), self.state.keymap)
        until = f" · {expiry(form.expires_at, form.expires_with)}" if form.expires_at else ""
        about = f"{form.pack}/{form.flow} · run {form.run_id}{until} · * is required"
        yield Plain(sanitize(about), classes="form-about")

    def on_mount(self) -> None:
        """No state to tell before the first load."""
        super().on_mount()
        form = self._request
        state = self.query_one("#form-state", Plain)
        hidden = has_hidden(f"{form.title}{form.prompt}{form.description or ''}")
        state.display = hidden
        if hidden:
            state.show(
                (sanitize("‼ The words of this form contained hidden characters: look twice."), "bold $bad")
            )

    def copied_id(self) -> str:
        """The request id, which `vasini answer --form` takes."""
        return self._request.request_id

    def action_copy(self) -> None:
        """Copy what was typed when it cannot be sent any more, else the request id."""
        if self._kept_text:
            self.app.copy_to_clipboard(sanitize(self._kept_text, multiline=True, limit=TYPED_LIMIT))
            show_notice(self, "Copied what you had typed")
        else:
            super().action_copy()

    async def load(self) -> None:
        """The fields; then whether somebody answered meanwhile."""
        await super().load()
        self._request = await self.state.engine.requests.form(self._request.request_id)
        # A field that went would take its open editor, and what was typed there, along.
        busy = self._sending or any(field.in_editor for field in self.query(SafeTextArea))
        if self._request.status is not RequestStatus.PENDING and not busy:
            await self._close(_format_answered(self._request))

    @on(SafeTextArea.EditorClosed)
    def _back_from_editor(self) -> None:
        """The form may have been answered meanwhile."""
        self.refresher.ask()

    def may_send(self) -> bool:
        """Not once it was answered."""
        waits = self._request.status is RequestStatus.PENDING and not self._kept_text
        if not waits:
            show_notice(self, "Not sent: this form waits no more.", tone="warning")
        return waits

    async def send(self, values: Mapping[str, Any]) -> None:
        """Answer the form."""
        try:
            await self.state.engine.requests.answer(
                self._request.request_id, values, actor=self.state.actor, base_dir=self.state.base_dir
            )
        except AlreadyDecided as error:
            await self._close(f"✗ {error.message} What you typed was not sent.")
            return
        await self.sent()
        show_notice(self, f"Answered: {self._request.title}")
        self.dismiss(None)

    async def _close(self, words: str) -> None:
        """Say why nothing can be sent, and show what was typed as text: `y` copies it."""
        state = self.query_one("#form-state", Plain)
        state.display = True
        state.show((sanitize(words, limit=400), "bold $bad"))
        self.query_one(KeyBar).leave_out(frozenset({"form.submit"}))
        if self._kept_text or self.form is None:
            return
        self._kept_text = json.dumps(self.form.as_typed(), indent=2, ensure_ascii=False)
        self.query_one("#form-draft").display = False
        place = self.query_one("#form-place")
        await place.remove_children()
        pane = TextPane(
            KeyHint("What you had typed; {screen.copy} copies it", classes="card-heading"),
            Plain(sanitize(self._kept_text, multiline=True, limit=TYPED_LIMIT), classes="card-action"),
            id="typed",
        )
        await place.mount(pane)
        pane.focus()


def _format_answered(form: FormRequest) -> str:
    label = REQUEST_LABELS[form.status]
    if form.answered_by and form.answered_at:
        return f"{label.symbol} already {label.word} by {form.answered_by} at {full_time(form.answered_at)}"
    return f"{label.symbol} this form waits no more: {label.word}"
