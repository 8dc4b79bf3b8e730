"""A screen with one form to fill in: the fields, the draft, what F2 and Esc do."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on
from textual.containers import Vertical

from engine.contracts.runs.request import FieldError
from engine.errors import InvalidInput, VasiniError
from engine.safe_text import sanitize
from screens.forms.draft_keeper import DraftKeeper
from screens.forms.schema_form import FormView
from screens.frame.console import show_notice
from screens.frame.console_state import ConsoleState, explain
from screens.frame.screen import ConsoleScreen
from screens.keys.bindings import bindings
from screens.widgets.ages import short_time
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult


class FillingScreen(ConsoleScreen):
    """Subclasses say what the form is, what stands above it, and how it is sent."""

    BINDINGS = bindings("form.leave")
    refusal = "Not sent"

    def __init__(
        self, state: ConsoleState, draft_key: str, schema: Mapping[str, Any], defaults: Mapping[str, Any]
    ) -> None:
        super().__init__(state)
        self._schema = schema
        self._defaults = defaults
        self._sending = False
        self._keeper = DraftKeeper(self, state, draft_key, self.typed)
        self.form: FormView | None = None

    def body(self) -> ComposeResult:
        """What the form is about, and where its fields go."""
        yield from self.above()
        yield Plain(id="form-draft")
        yield Vertical(id="form-place")

    def above(self) -> ComposeResult:
        """What the form is about."""
        yield from ()

    async def send(self, values: Mapping[str, Any]) -> None:
        """Hand the values in. Raises as the engine does; InvalidInput is shown at the fields."""
        raise AssertionError(f"{type(self).__name__} sends nothing: {len(values)} values")

    def may_send(self) -> bool:
        """Whether the form still waits; says so when it does not."""
        return True

    def typed(self) -> Mapping[str, Any]:
        """What is kept as a draft."""
        return self.form.draft if self.form is not None else {}

    def restored(self, draft: Mapping[str, Any]) -> None:
        """A draft was found; the fields of the form have it already."""

    def edited(self) -> None:
        """Something was typed: keep it, soon."""
        self._keeper.edited()

    async def load(self) -> None:
        """The first time: the draft, then the fields."""
        if self.form is None:
            await self._open()

    async def on_unmount(self) -> None:
        """However the screen goes, the draft stays."""
        await self._keeper.flush()

    async def action_leave(self) -> None:
        """Leave; the draft stays."""
        await self._keeper.flush()
        self.dismiss(None)

    def action_submit(self) -> None:
        """Check every field; send when all is well."""
        if self.form is None or self._sending or not self.may_send():
            return
        self._sending = True
        self.act(self._submit(self.form), group="submit")

    @on(FormView.Edited)
    def _edited(self) -> None:
        self.edited()

    async def _open(self) -> None:
        kept = await self._keeper.restore()
        check = partial(self.state.engine.requests.check, self._schema)
        form = FormView(self._schema, self._defaults, check, kept[0] if kept else None, id="form")
        # Neither is left while the screen is being taken off, which leaving it at once may do.
        for place in self.query("#form-place"):
            await place.mount(form)
            self.form = form
        note = next(iter(self.query("#form-draft").results(Plain)), None)
        if note is None or self.form is None:
            return
        note.display = kept is not None
        if kept is not None:
            when = f" from {short_time(kept[1], self.state.now())}" if kept[1] else ""
            anew = "; the form is another one since: choose anew" if form.of_another_schema else ""
            note.show((sanitize(f"✎ draft{when} restored{anew}"), "$waiting"))
            self.restored(kept[0])
        form.focus_first()

    async def _submit(self, form: FormView) -> None:
        try:
            values = await form.submit()
            if values is None:
                show_notice(self, f"{self.refusal}: some fields need a look.", tone="warning")
                return
            await self.send(values)
        except InvalidInput as error:
            form.show_errors(field_errors(error))
            show_notice(self, explain(error), tone="error")
        finally:
            self._sending = False

    async def sent(self) -> None:
        """It was taken: the draft is not needed any more. That it cannot be dropped changes nothing."""
        try:
            await self._keeper.drop()
        except VasiniError as error:
            show_notice(self, explain(error), tone="warning")


def field_errors(error: InvalidInput) -> Sequence[FieldError]:
    """The faults by field that the engine named, or its message for the whole form."""
    named = error.details.get("errors")
    if isinstance(named, (list, tuple)) and named:
        return [fault if isinstance(fault, FieldError) else _as_fault(fault) for fault in named]
    return [FieldError(field="", message=error.message)]


def _as_fault(fault: object) -> FieldError:
    if isinstance(fault, dict):
        return FieldError(field=str(fault.get("field", "")), message=str(fault.get("message", "")))
    return FieldError(field="", message=str(fault))
