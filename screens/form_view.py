"""A form drawn from a JSON Schema: forms of runs and the input of a new run use the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual import events, on
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Checkbox, Input, Select, TextArea

from engine.contracts.request import FieldError
from engine.safe_text import sanitize
from screens.form_schema import Field, Kind, errors_by_field, fields_of, initial_draft, leaves, read
from screens.inputs import Choice, SafeInput, SafeTextArea, Toggle
from screens.plain import NOTHING, Plain

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from screens.desk import Draft

Check = Callable[[Mapping[str, Any]], Sequence[FieldError]]


class FormView(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Fields under each other, each with its words and its fault.

    A field shows its fault after the operator left it, then follows the typing; submitting shows all.
    """

    class Edited(Message):
        """Something was typed; the form knows the draft."""

    def __init__(
        self,
        schema: Mapping[str, Any],
        defaults: Mapping[str, Any],
        check: Check,
        draft: Draft | None = None,
        *,
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        super().__init__(id=id)
        self._fields = fields_of(schema, defaults)
        self._check = check
        self.draft: Draft = initial_draft(self._fields) | (draft or {})
        self._touched: set[str] = set()
        self._by_widget: dict[str, Field] = {}

    def compose(self) -> ComposeResult:
        """Faults of the whole form, then the fields."""
        yield Plain(id="fault-of-form", classes="fault")
        yield from self._blocks(self._fields)

    def on_mount(self) -> None:
        """No faults yet."""
        for fault in self.query(".fault").results(Plain):
            fault.display = False

    def focus_first(self) -> None:
        """Go to the first field."""
        for field in leaves(self._fields):
            self._widget_of(field).focus()
            return

    def submit(self) -> dict[str, Any] | None:
        """The values, or None when something is wrong: then every fault is shown and the first has focus."""
        self._touched = {field.name for field in leaves(self._fields)}
        values, errors = self._all_errors()
        if not errors:
            self.show_errors(())
            return values
        self.show_errors(errors)
        return None

    def show_errors(self, errors: Sequence[FieldError]) -> None:
        """Show these faults at their fields and go to the first."""
        found = errors_by_field(self._fields, errors)
        self._show(found)
        for field in leaves(self._fields):
            if any(field.name == name or field.name.startswith(f"{name}.") for name in found if name):
                self._widget_of(field).focus()
                return

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Checkbox.Changed)
    @on(Select.Changed)
    def _typed(self, message: Message) -> None:
        message.stop()
        widget = message.control
        field = self._by_widget.get(widget.id or "") if widget is not None else None
        if field is None or widget is None:
            return
        typed = _typed_in(widget)
        if typed != self.draft.get(field.name):
            self.draft[field.name] = typed
            self.post_message(self.Edited())
            if field.name in self._touched:
                self._show_touched()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """The operator left a field: now its fault may show."""
        field = self._by_widget.get(event.widget.id or "")
        if field is not None and self.is_attached:
            self._touched.add(field.name)
            self._show_touched()

    def _show_touched(self) -> None:
        _, errors = self._all_errors()
        found = errors_by_field(self._fields, errors)
        self._show({name: words for name, words in found.items() if name in self._touched})

    def _all_errors(self) -> tuple[dict[str, Any], Sequence[FieldError]]:
        values, unread = read(self._fields, self.draft)
        known = {error.field for error in unread}
        # What cannot be read is missing from the values: its own fault says more than "is required".
        checked = [error for error in self._check(values) if error.field not in known]
        return values, (*unread, *checked)

    def _show(self, found: Mapping[str, str]) -> None:
        self._show_fault(self.query_one("#fault-of-form", Plain), found.get("", ""))
        for widget_id, field in self._by_widget.items():
            if field.name:
                self._show_fault(self.query_one(f"#{widget_id}-fault", Plain), found.get(field.name, ""))

    def _show_fault(self, fault: Plain, words: str) -> None:
        fault.display = bool(words)
        fault.show(sanitize(f"✗ {words}", limit=400) if words else NOTHING)

    def _blocks(self, fields: Sequence[Field]) -> Iterator[Widget]:
        for field in fields:
            widget_id = f"field-{len(self._by_widget)}"
            self._by_widget[widget_id] = field
            parts: list[Widget] = [Plain(_title(field), classes="field-title")]
            words = " · ".join(part for part in (field.description, field.hint) if part)
            if words:
                parts.append(Plain(sanitize(words, multiline=True), classes="field-words"))
            fault = Plain(id=f"{widget_id}-fault", classes="fault")
            if field.kind is Kind.GROUP:
                yield Vertical(*parts, fault, *self._blocks(field.children), classes="field-group")
            else:
                yield Vertical(
                    *parts, _widget(field, widget_id, self.draft[field.name]), fault, classes="field"
                )

    def _widget_of(self, field: Field) -> Widget:
        widget_id = next(known for known, candidate in self._by_widget.items() if candidate is field)
        return self.query_one(f"#{widget_id}")


def _title(field: Field) -> Any:
    return sanitize(f"{field.title} *" if field.required and field.kind is not Kind.BOOLEAN else field.title)


def _widget(field: Field, widget_id: str, typed: Any) -> Widget:
    match field.kind:
        case Kind.BOOLEAN:
            return Toggle("yes", value=bool(typed), id=widget_id)
        case Kind.CHOICE:
            return Choice(field.labels, typed, id=widget_id)
        case Kind.LONG_TEXT | Kind.LINES | Kind.JSON:
            return SafeTextArea(str(typed), id=widget_id)
        case _:
            return SafeInput(str(typed), id=widget_id)


def _typed_in(widget: object) -> Any:
    match widget:
        case Checkbox():
            return widget.value
        case Select():
            return None if widget.value is Select.NULL else widget.value
        case TextArea():
            return widget.text
        case Input():
            return widget.value
        case _:
            return None
