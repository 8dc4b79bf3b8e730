"""The widget to type a field into, and what stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.widgets import Checkbox, Input, Select, TextArea

from engine.safe_text import sanitize
from screens.forms.field import Field, Kind
from screens.forms.multi_select import MultiSelect
from screens.forms.values import initial_typed
from screens.frame.inputs import Choice, SafeInput, SafeTextArea, Toggle
from screens.widgets.json.json_text import json_text
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from textual.widget import Widget


def control_of(field: Field, typed: Any) -> Widget:
    """A fresh widget with this in it; a fixed value is only shown."""
    match field.kind:
        case Kind.FIXED:
            value = field.initial
            text = sanitize(value, multiline=True) if isinstance(value, str) else json_text(value)
            return Plain(text, classes="field-fixed")
        case Kind.BOOLEAN:
            return Toggle("yes", value=typed)
        case Kind.CHOICE | Kind.VARIANT:
            return Choice(field.labels, typed)
        case Kind.PICKS:
            return MultiSelect(field.labels, typed)
        case Kind.LONG_TEXT | Kind.LINES | Kind.JSON:
            return SafeTextArea(typed, proposal=typed == initial_typed(field))
        case _:
            proposed = typed == initial_typed(field)
            return SafeInput(typed, placeholder=sanitize(field.example), proposal=proposed)


def typed_in(widget: Widget) -> Any:
    """What stands in it now."""
    match widget:
        case Checkbox():
            return widget.value
        case Select():
            return None if widget.value is Select.NULL else widget.value
        case TextArea():
            return widget.text
        case Input():
            return widget.value
        case MultiSelect():
            return list(widget.picked)
        case _:
            return None
