"""A form drawn from a JSON Schema: forms of runs and the input of a new run use the same one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from textual import events, on
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Checkbox, Input, Select, TextArea

from engine.contracts.runs.request import FieldError
from engine.safe_text import sanitize
from screens.forms.blocks import Block, Changed, VariantBlock, block_of, blocks, owner_of, typed_into
from screens.forms.field import Kind
from screens.forms.from_schema import form_of
from screens.forms.multi_select import MultiSelect
from screens.forms.values import as_typed, dotted, fitting, initial_typed, nearest, read
from screens.widgets.plain import NOTHING, Plain
from screens.widgets.working import begin

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

Check = Callable[[Mapping[str, Any]], Sequence[FieldError]]

AT_ONCE = 30
"""Fields of the top level that are drawn before the first key; the rest follows in portions."""
CHECK_PAUSE = 0.1
"""Seconds without typing before the faults are looked for again; more when that takes long."""
_SHARE = 4


class FormView(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Fields under each other, each with its words and its fault.

    A field shows its fault after the operator left it, then follows the typing; submitting shows all.
    `check` is called in a thread of its own, so that a large schema does not hold up the keys.
    """

    class Edited(Message):
        """Something was typed; the form knows the draft."""

    def __init__(
        self,
        schema: Mapping[str, Any],
        defaults: Mapping[str, Any],
        check: Check,
        draft: Mapping[str, Any] | None = None,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._field = form_of(schema, defaults)
        self._check = check
        known = sha256(json.dumps(schema, default=str).encode()).hexdigest()
        self.of_another_schema = draft is not None and draft.get("schema") != known
        """Whether choices of the draft were left out."""
        typed = initial_typed(self._field)
        if draft is not None:
            typed = fitting(self._field, draft.get("form"), same=not self.of_another_schema)
        self.draft: dict[str, Any] = {"form": typed, "schema": known}
        self._touched: set[str] = set()
        self._faulty: set[Block] = set()
        self._timer: Timer | None = None
        self._took = 0.0
        self._blocks = list(self._top_blocks())

    @property
    def complete(self) -> bool:
        """Whether every field is drawn."""
        return not self._blocks

    def compose(self) -> ComposeResult:
        """Faults of the whole form, then the first fields."""
        yield Plain(id="fault-of-form", classes="fault")
        yield from self._next_blocks()

    def on_mount(self) -> None:
        """No faults yet."""
        self.query_one("#fault-of-form").display = False
        if self._blocks:
            begin(self, self._draw_rest, group="draw")

    def focus_first(self) -> None:
        """Go to the first field."""
        first = next((widget for widget in self.query("*") if widget.focusable), None)
        if first is not None:
            first.focus(scroll_visible=False)  # the form begins at its top, with the words of the field

    def as_typed(self) -> Any:
        """The values as far as they can be read, else what was typed: to be copied, not to be sent."""
        return as_typed(self._field, self.draft["form"])

    async def submit(self) -> dict[str, Any] | None:
        """The values, or None when something is wrong: then every fault is shown and the first has focus."""
        values, errors = await self._all_errors()
        self._touched = {dotted(block.path) for block in self.query(Block)}
        self.show_errors(errors)
        return None if errors else values

    def show_errors(self, errors: Sequence[FieldError]) -> None:
        """Show these faults at their fields and go to the first."""
        for block in self._show(errors, shown=None):
            control = block.first_control()
            if control is not None:
                control.focus()
                return

    @on(Input.Changed)
    @on(TextArea.Changed)
    @on(Checkbox.Changed)
    @on(Select.Changed)
    @on(MultiSelect.Changed)
    async def _typed(self, message: Message) -> None:
        message.stop()
        block = None if message.control is None else owner_of(message.control)
        if block is None:
            return
        if isinstance(block, VariantBlock):
            await block.choose(typed_into(block))
        elif typed_into(block) != block.typed:
            block.take(typed_into(block))

    @on(Changed)
    def _changed(self, message: Changed) -> None:
        message.stop()
        self.post_message(self.Edited())
        if dotted(message.path) in self._touched or self._faulty:
            self._check_soon()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """The operator left a field: now its fault may show."""
        block = owner_of(event.widget) if event.widget.is_attached else None
        if block is not None and self.is_attached:
            self._touched.add(dotted(block.path))
            self._check_soon()

    def _top_blocks(self) -> Iterable[Block]:
        if self._field.kind is Kind.GROUP:
            return blocks(self._field, (), self.draft["form"])
        return [block_of(self._field, (), self.draft, "form")]

    def _next_blocks(self) -> list[Block]:
        portion, self._blocks = self._blocks[:AT_ONCE], self._blocks[AT_ONCE:]
        return portion

    async def _draw_rest(self) -> None:
        while self._blocks:
            await asyncio.sleep(0)
            await self.mount(*self._next_blocks())

    def _check_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        pause = max(CHECK_PAUSE, _SHARE * self._took)
        self._timer = self.set_timer(pause, self._check_now)

    def _check_now(self) -> None:
        self.run_worker(self._check_touched(), group="check", exclusive=True)

    async def _check_touched(self) -> None:
        _, errors = await self._all_errors()
        if self.is_attached:
            self._show(errors, shown=self._touched)

    async def _all_errors(self) -> tuple[dict[str, Any], Sequence[FieldError]]:
        values, unread = read(self._field, self.draft["form"])
        known = {error.field for error in unread}
        started = asyncio.get_running_loop().time()
        faults = await asyncio.to_thread(self._check, values)
        self._took = asyncio.get_running_loop().time() - started
        # What cannot be read is missing from the values: its own fault says more than "is required".
        return values, (*unread, *(error for error in faults if error.field not in known))

    def _show(self, errors: Sequence[FieldError], *, shown: set[str] | None) -> list[Block]:
        """Show the faults, only those in `shown` if it is given; returns the faulty fields in order."""
        drawn: dict[str, Block] = {}
        for block in self.query(Block):
            # The inner one of two with one path: the fields of a choice lie in the choice.
            drawn[dotted(block.path)] = block
        found = nearest(drawn, errors)
        kept = {name: words for name, words in found.items() if shown is None or name in shown}
        whole = kept.get("", "") if "" not in drawn else ""
        self._show_whole(whole)
        faulty = {drawn[name] for name in kept if name in drawn}
        for block in self._faulty - faulty:
            if block.is_attached:
                block.show_fault("")
        for name, words in kept.items():
            if name in drawn:
                drawn[name].show_fault(words)
        self._faulty = faulty
        return [block for block in drawn.values() if block in faulty]

    def _show_whole(self, words: str) -> None:
        # None is left while the form is being taken off the screen.
        for whole in self.query("#fault-of-form").results(Plain):
            whole.display = bool(words)
            whole.show(sanitize(f"✗ {words}", limit=400) if words else NOTHING)
