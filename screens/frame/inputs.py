"""Fields to type into. What they hold can come from outside (defaults, a paste), so it is sanitized:
what is shown is exactly what is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive, reactive
from textual.widgets import Checkbox, Input, Select, TextArea
from textual.widgets._select import SelectOverlay

from engine.safe_text import sanitize
from screens.frame.console import act, console, show_notice
from screens.keys.bindings import bindings
from screens.widgets.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.widgets.text_area import Edit, EditResult

TYPED_LIMIT = 1_000_000
"""Characters one field may hold."""


def unified(text: str) -> str:
    """Line ends as line feeds: terminals paste them as carriage returns."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


class SafeInput(Input):
    """One line of text; the cursor does not blink, and coming back to it selects (so replaces) nothing.

    Only a `proposal` that nobody has touched is selected, so that the first character takes its place.
    """

    HELP = (
        "A line to type into. Letters are text here, so the keys of the screen that are letters rest; "
        "{screen.next} goes to the next part. What was proposed is replaced by what you type; "
        "→ leaves it there and goes to its end."
    )

    # A field has the width of its form, whatever stands in it: laying out a long form anew at every key
    # would make the keys of one with 200 fields slow.
    value: Reactive[str] = reactive("", init=False)
    virtual_size: Reactive[Size] = Reactive(Size(0, 0), init=False)

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        proposal: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(
            value=sanitize(value, limit=TYPED_LIMIT), placeholder=placeholder, id=id, select_on_focus=False
        )
        self.cursor_blink = False
        self._proposal = self.value if proposal else ""

    def _on_focus(self, event: events.Focus) -> None:
        """A proposal is selected while it stands there as it came."""
        if self._proposal and self.value == self._proposal and not event.from_app_focus:
            self.select_all()

    def _on_blur(self, _event: events.Blur) -> None:
        """What is left is what is wanted there, unless it is the proposal still."""
        if self.value != self._proposal:
            self._proposal = ""

    def _on_paste(self, event: events.Paste) -> None:
        """The first line that says something; what is left out is told."""
        first, *rest = [line for line in unified(event.text).split("\n") if line.strip()] or [""]
        if rest:
            left = counted(len(rest), "more line")
            show_notice(self, f"Only the first line was pasted: {left} left out.", tone="warning")
        if first:
            super()._on_paste(events.Paste(first))
        event.stop()
        event.prevent_default()  # else Textual calls its own as well

    def validate_value(self, value: str) -> str:
        """Whatever way a value comes in, it is sanitized first."""
        return sanitize(value, limit=TYPED_LIMIT)


class SearchLine(SafeInput):
    """A line for words to look for, which stands there only while it is used."""

    def __init__(self, *, placeholder: str, id: str) -> None:
        super().__init__(placeholder=placeholder, id=id)
        self.shown = False

    @property
    def shown(self) -> bool:
        """Whether it stands there."""
        return self.display

    @shown.setter
    def shown(self, shown: bool) -> None:
        self.display = shown
        self.disabled = not shown  # one that is only hidden could still get the focus, and with it every key

    def offer(self) -> None:
        """Show it, to be typed into: what stands there is selected, so that the first letter replaces it."""
        self.shown = True
        self.focus()
        self.select_all()


class SafeTextArea(TextArea):
    """Several lines of text; Tab goes to the next field, Ctrl-g to the operator's own editor."""

    BINDINGS = bindings("form.editor")

    HELP = (
        "Several lines to type into; Enter begins a new one, {screen.next} goes to the next field, "
        "{form.editor} opens the text in your own editor."
    )

    class EditorClosed(Message):
        """The text is back from the operator's own editor."""

    def __init__(
        self,
        text: str = "",
        *,
        proposal: bool = False,
        id: str | None = None,
    ) -> None:
        super().__init__(
            sanitize(text, multiline=True, limit=TYPED_LIMIT), id=id, tab_behavior="focus", soft_wrap=True
        )
        self.cursor_blink = False
        self.in_editor = False
        """Whether its text is open in the operator's own editor."""
        # a longer one is to be worked on: it must not go with one key
        self._proposal = self.text if proposal and "\n" not in self.text else ""

    def _on_focus(self, event: events.Focus) -> None:
        """A proposal of one line is selected while it stands there as it came."""
        if self._proposal and self.text == self._proposal and not event.from_app_focus:
            self.select_all()

    def _on_blur(self, _event: events.Blur) -> None:
        """As in a field of one line."""
        if self.text != self._proposal:
            self._proposal = ""

    def action_editor(self) -> None:
        """Open the text in the operator's own editor."""
        act(self, self._edit_outside(), group="editor")

    async def _edit_outside(self) -> None:
        editor = console(self).state.editor
        if editor is None:
            show_notice(self, "No editor can be opened here.", tone="warning")
            return
        self.in_editor = True
        try:
            text = await editor.edit(self.text)
            if text != self.text:
                self.text = sanitize(text, multiline=True, limit=TYPED_LIMIT)
        finally:
            self.in_editor = False
            self.post_message(self.EditorClosed())

    def edit(self, edit: Edit) -> EditResult:
        """Sanitize what is typed or pasted."""
        edit.text = sanitize(unified(edit.text), multiline=True, limit=TYPED_LIMIT)
        return super().edit(edit)


class Toggle(Checkbox, inherit_bindings=False):
    """Yes or no; Space switches it."""

    HELP = "Yes or no: [x] is yes."
    BINDINGS = bindings("form.toggle")

    @property
    def _button(self) -> Content:
        # Textual tells the two states apart by color alone.
        return Content("[x]" if self.value else "[ ]")


class Choice(Select[int]):
    """One of the values of an enum, known by its place in it."""

    HELP = "One of several values. Opened, ↓ and ↑ move, Enter takes one."
    BINDINGS = bindings("form.choose")

    def __init__(self, labels: Sequence[str], chosen: int | None, *, id: str | None = None) -> None:
        options = [(Text(sanitize(label)), place) for place, label in enumerate(labels)]
        super().__init__(
            options,
            prompt="choose",
            value=Select.NULL if chosen is None else chosen,
            id=id,
        )

    def _setup_options_renderables(self) -> None:
        # Textual draws the first one, which chooses nothing, dim: too dim to be read in many themes.
        super()._setup_options_renderables()
        self.query_one(SelectOverlay).replace_option_prompt_at_index(0, Text(self.prompt))

    ALLOW_SELECT: ClassVar[bool] = False
