"""The parts of a drawn form: a field, a group, a list whose items come and go, a choice between schemas.

Each block writes what is typed into its place in the draft, and shows the fault of its path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import on
from textual.containers import Vertical
from textual.message import Message

from engine.safe_text import SafeText, sanitize
from screens.forms.controls import control_of, typed_in
from screens.forms.field import ADDITIONAL_PROPERTIES, Field, Kind
from screens.forms.values import Path, initial_typed
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import console
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult
    from textual.dom import DOMNode
    from textual.widget import Widget

Typed = dict[Any, Any] | list[Any]


class Changed(Message):
    """What stands in the draft is another thing now; `path` says where."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path


class Block(Vertical):
    """One field of any kind. `holder[key]` is its place in the draft; `path` is where its value goes."""

    DEFAULT_CLASSES = "field-group"

    def __init__(self, field: Field, path: Path, holder: Typed, key: str | int) -> None:
        super().__init__()
        self.field = field
        self.path = path
        self._holder: Any = holder
        self._key = key
        self._fault: Plain | None = None

    @property
    def typed(self) -> Any:
        """What stands in it."""
        return self._holder[self._key]

    def take(self, typed: Any) -> None:
        """Something else was typed."""
        self._holder[self._key] = typed
        self.post_message(Changed(self.path))

    def show_fault(self, words: str) -> None:
        """Show the fault; none for an empty text."""
        if not self.is_mounted:  # sent before all of the form is drawn
            self.call_after_refresh(self.show_fault, words)
            return
        if self._fault is None:
            if not words:
                return
            self._fault = Plain(classes="fault")
            self.mount(self._fault, after=self._above_fault())
        self._fault.display = bool(words)
        self._fault.show(sanitize(f"✗ {words}" if words else "", limit=400))

    def first_control(self) -> Widget | None:
        """Where the operator types first."""
        return next((widget for widget in self.query("*") if widget.focusable), None)

    def head(self) -> ComposeResult:
        """Title and words."""
        if title := _title(self.field):
            yield Plain(title, classes="field-title")
        words = " · ".join(part for part in (self.field.description, self.field.hint) if part)
        if words:
            yield Plain(sanitize(words, multiline=True), classes="field-words")

    def _above_fault(self) -> Widget | None:
        """What the fault stands under; None for the end."""
        return None


class LeafBlock(Block):
    """A field to type into."""

    DEFAULT_CLASSES = "field"

    def __init__(self, field: Field, path: Path, holder: Typed, key: str | int) -> None:
        super().__init__(field, path, holder, key)
        self.control = control_of(field, self.typed)

    def compose(self) -> ComposeResult:
        """Title, words, control."""
        yield from self.head()
        yield self.control


class GroupBlock(Block):
    """Fields under one head."""

    def compose(self) -> ComposeResult:
        """Head, fields."""
        with Vertical(classes="group-head"):
            yield from self.head()
        yield from blocks(self.field, self.path, self.typed)

    def _above_fault(self) -> Widget:
        return self.query_one(".group-head")


class VariantBlock(Block):
    """A choice; under it the fields of what is chosen. What was typed under another choice is kept."""

    def __init__(self, field: Field, path: Path, holder: Typed, key: str | int) -> None:
        super().__init__(field, path, holder, key)
        self.control = control_of(field, self.typed["chosen"])

    def compose(self) -> ComposeResult:
        """Head, choice, the chosen fields."""
        with Vertical(classes="group-head"):
            yield from self.head()
            yield self.control
        with Vertical(classes="group-body"):
            yield from self._body()

    async def choose(self, place: int | None) -> None:
        """Other fields."""
        typed = self.typed
        if typed["chosen"] == place:
            return
        typed["chosen"] = place
        if place is not None and str(place) not in typed["parts"]:
            typed["parts"][str(place)] = initial_typed(self.field.makers[place].field)
        body = self.query_one(".group-body")
        await body.remove_children()
        await body.mount(*self._body())
        self.post_message(Changed(self.path))

    def _body(self) -> Iterator[Widget]:
        chosen = self.typed["chosen"]
        if chosen is not None:
            field, parts = self.field.makers[chosen].field, self.typed["parts"]
            if field.kind is Kind.GROUP:
                yield from blocks(field, self.path, parts[str(chosen)])
            else:
                yield block_of(field, self.path, parts, str(chosen))

    def _above_fault(self) -> Widget:
        return self.query_one(".group-head")


class AddLine(KeyHint, can_focus=True):
    """Stands under a list; Enter, Space or a click adds an item."""

    BINDINGS = bindings("form.add_here")
    HELP = "The end of a list. Inside a list the keys of items add, remove and move them."

    class Pressed(Message):
        """The line was chosen: the list is to have one more item."""

    def action_add(self) -> None:
        """Ask the list."""
        self.post_message(self.Pressed())

    def on_click(self) -> None:
        """Ask the list."""
        self.action_add()


class ListBlock(Block):
    """Items under each other. The innermost list around the focus gets the keys for items."""

    BINDINGS = bindings("form.add", "form.remove", "form.move_up", "form.move_down")

    def __init__(self, field: Field, path: Path, holder: Typed, key: str | int) -> None:
        super().__init__(field, path, holder, key)
        self._asked_about = -1
        """The item whose removal was asked about last; -1 for none."""

    def compose(self) -> ComposeResult:
        """Head, items, the line that adds one."""
        with Vertical(classes="group-head"):
            yield from self.head()
        yield Vertical(*self._items(), classes="group-body")
        yield AddLine("+ add an item ({form.add})", classes="add-line")

    async def action_add(self) -> None:
        """One more item, after the one the cursor is in."""
        place = self._current()
        place = len(self.typed) if place is None else place + 1
        self.typed.insert(place, initial_typed(self.field.makers[0].field))
        await self._redraw(place)

    @on(AddLine.Pressed)
    async def _add(self, message: AddLine.Pressed) -> None:
        message.stop()
        await self.action_add()

    async def action_remove(self) -> None:
        """Take the item out; one that somebody typed into is asked about first."""
        place = self._current()
        if place is None:
            return
        blank = initial_typed(self.field.makers[0].field)
        if self.typed[place] != blank and self._asked_about != place:
            self._asked_about = place
            again = console(self).state.keymap.fill("{form.remove} again")
            self.show_fault(f"{again} takes item {place + 1} out, with what is typed in it")
            return
        del self.typed[place]
        await self._redraw(place)

    async def action_move_up(self) -> None:
        """Change places with the item before."""
        await self._move(-1)

    async def action_move_down(self) -> None:
        """Change places with the next item."""
        await self._move(1)

    async def _move(self, by: int) -> None:
        place, typed = self._current(), self.typed
        if place is None or not 0 <= place + by < len(typed):
            return
        typed[place], typed[place + by] = typed[place + by], typed[place]
        await self._redraw(place + by)

    async def _redraw(self, place: int) -> None:
        self._asked_about = -1
        self.show_fault("")
        body = self.query_one(".group-body")
        await body.remove_children()
        await body.mount(*self._items())
        items = list(body.children)
        control = next(iter(_controls(items[place])), None) if place < len(items) else None
        (control or self.query_one(AddLine)).focus()
        self.post_message(Changed(self.path))

    def _items(self) -> Iterator[Widget]:
        count = len(self.typed)
        for place in range(count):
            title = Plain(sanitize(f"{place + 1} of {count}"), classes="item-title")
            inner = block_of(self.field.makers[0].field, (*self.path, place), self.typed, place)
            yield Vertical(title, inner, classes="list-item")

    def _current(self) -> int | None:
        """The place of the item that has the focus."""
        focused = self.screen.focused
        if focused is None:
            return None
        around = {focused, *focused.ancestors}
        items = self.query_one(".group-body").children
        return next((place for place, item in enumerate(items) if item in around), None)

    def _above_fault(self) -> Widget:
        return self.query_one(".group-head")


def blocks(group: Field, path: Path, typed: dict[str, Any]) -> Iterator[Block]:
    """The fields of a group."""
    for child in group.children:
        inside = path if child.name == ADDITIONAL_PROPERTIES else (*path, child.name)
        yield block_of(child, inside, typed, child.name)


def block_of(field: Field, path: Path, holder: Typed, key: str | int) -> Block:
    """One field, drawn as its kind asks."""
    match field.kind:
        case Kind.GROUP:
            return GroupBlock(field, path, holder, key)
        case Kind.LIST:
            return ListBlock(field, path, holder, key)
        case Kind.VARIANT:
            return VariantBlock(field, path, holder, key)
        case _:
            return LeafBlock(field, path, holder, key)


def owner_of(widget: DOMNode) -> LeafBlock | VariantBlock | None:
    """The block a control belongs to."""
    for node in widget.ancestors:
        if isinstance(node, LeafBlock | VariantBlock) and node.control is widget:
            return node
        if isinstance(node, Block):
            return None
    return None


def typed_into(block: LeafBlock | VariantBlock) -> Any:
    """What stands in its control."""
    return typed_in(block.control)


def _title(field: Field) -> SafeText:
    star = " *" if field.required and field.title and field.kind is not Kind.BOOLEAN else ""
    return sanitize(f"{field.title}{star}")


def _controls(node: Widget) -> Iterator[Widget]:
    return (widget for widget in node.query("*") if widget.focusable)
