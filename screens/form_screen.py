"""One form to fill in. F2 submits; Esc leaves and keeps what was typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on

from engine.contracts.request import FieldError
from engine.contracts.request import FormView as FormRequest
from engine.contracts.status import RequestStatus
from engine.errors import AlreadyDecided, InvalidInput, VasiniError
from engine.safe_text import has_hidden, sanitize
from screens.actions import bindings
from screens.desk import Desk, explain
from screens.form_view import FormView
from screens.moments import full_time
from screens.plain import Plain
from screens.shell import ConsoleScreen, tell, too_small
from screens.status_words import REQUEST_MARKS

if TYPE_CHECKING:
    from textual.app import ComposeResult


class FormScreen(ConsoleScreen):
    """Title and prompt of the run, then its fields."""

    BINDINGS = bindings("form.submit", "form.leave")
    view = "forms"

    def __init__(self, desk: Desk, form: FormRequest) -> None:
        super().__init__(desk)
        self._form = form
        self._sending = False

    def body(self) -> ComposeResult:
        """Head, fields."""
        form = self._form
        yield Plain(id="form-state", classes="fault")
        yield Plain(sanitize(form.title), classes="form-title")
        asks = "\n".join(part for part in (form.prompt, form.description) if part and part != form.title)
        yield Plain(sanitize(asks, multiline=True), classes="form-prompt")
        about = f"{form.pack}/{form.flow} · run {form.run_id} · * is required"
        yield Plain(sanitize(about), classes="form-about")
        check = partial(self.desk.engine.requests.check, form.json_schema)
        yield FormView(
            form.json_schema, form.defaults, check, self.desk.drafts.get(form.request_id), id="form"
        )

    def on_mount(self) -> None:
        """No state to tell before the first load; the first field has focus."""
        super().on_mount()
        form = self._form
        state = self.query_one("#form-state", Plain)
        hidden = has_hidden(f"{form.title}{form.prompt}{form.description or ''}")
        state.display = hidden
        if hidden:
            state.show(
                (sanitize("‼ The words of this form contained hidden characters: look twice."), "bold $bad")
            )
        self.query_one(".form-prompt").display = bool(form.prompt or form.description)
        self.query_one("#form", FormView).focus_first()

    def copied_id(self) -> str:
        """The request id, which `vasini answer --form` takes."""
        return self._form.request_id

    async def load(self) -> None:
        """Whether somebody answered meanwhile."""
        self._form = await self.desk.engine.requests.form(self._form.request_id)
        if self._form.status is not RequestStatus.PENDING and not self._sending:
            self._close(_answered_words(self._form))

    def action_submit(self) -> None:
        """Check every field; send when all is well."""
        if self._sending or too_small(self):
            return
        if self._form.status is not RequestStatus.PENDING:
            tell(self, "Not sent: this form waits no more.", tone="warning")
            return
        values = self.query_one("#form", FormView).submit()
        if values is None:
            tell(self, "Not sent: some fields need a look.", tone="warning")
            return
        self._sending = True
        self.act(self._send(values))

    def action_leave(self) -> None:
        """Leave; the draft stays."""
        if self.is_current:
            self.dismiss(None)

    @on(FormView.Edited)
    def _keep_draft(self) -> None:
        self.desk.drafts[self._form.request_id] = dict(self.query_one("#form", FormView).draft)

    async def _send(self, values: Mapping[str, Any]) -> None:
        try:
            answer = await self.desk.engine.requests.answer(
                self._form.request_id, values, actor=self.desk.actor
            )
        except InvalidInput as error:
            self.query_one("#form", FormView).show_errors(field_errors(error))
            tell(self, explain(error), tone="error")
        except AlreadyDecided as error:
            self._close(f"✗ {error.message} What you typed was not sent.")
        except VasiniError as error:
            tell(self, explain(error), tone="error")
        else:
            self.desk.drafts.pop(answer.request_id, None)
            tell(self, f"Answered: {self._form.title}")
            self.action_leave()
        finally:
            self._sending = False

    def _close(self, words: str) -> None:
        state = self.query_one("#form-state", Plain)
        state.display = True
        state.show((sanitize(words, limit=400), "bold $bad"))


def field_errors(error: InvalidInput) -> Sequence[FieldError]:
    """The faults by field that the engine named, or its message for the whole form."""
    named = error.details.get("errors")
    if isinstance(named, (list, tuple)) and named:
        return [fault if isinstance(fault, FieldError) else _as_fault(fault) for fault in named]
    return [FieldError(field="", message=error.message)]


def _as_fault(fault: object) -> FieldError:
    if isinstance(fault, Mapping):
        return FieldError(field=str(fault.get("field", "")), message=str(fault.get("message", "")))
    return FieldError(field="", message=str(fault))


def _answered_words(form: FormRequest) -> str:
    mark = REQUEST_MARKS[form.status]
    if form.answered_by and form.answered_at:
        return f"{mark.symbol} already {mark.word} by {form.answered_by} at {full_time(form.answered_at)}"
    return f"{mark.symbol} this form waits no more: {mark.word}"
