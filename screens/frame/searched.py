"""Long texts and trees in which words can be looked for, from one place that has them to the next."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Generic, TypeVar

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from screens.frame.console import console, show_notice
from screens.frame.inputs import SearchLine
from screens.keys.bindings import bindings
from screens.widgets.json.json_view import JsonView
from screens.widgets.text_lines import TextLines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from textual.app import ComposeResult

P = TypeVar("P", TextLines, JsonView)


class _Searched(Vertical, Generic[P]):
    """What is looked through, and above it, while it is used, the line for the words.

    `found` is called when a place was found, before it is shown.
    """

    BINDINGS = bindings("find.")

    NOTHING_FOUND = ""

    def __init__(self, part: P, placeholder: str, *, found: Callable[[], None], id: str | None) -> None:
        super().__init__(id=id)
        self._part: P = part
        self._line = SearchLine(placeholder=placeholder, id=f"{part.id}-search")
        self._tell_found = found
        self._wanted = ""

    @abstractmethod
    async def find(self, words: str, by: int) -> bool:
        """Go to the next place with these words, or the one before; False when there is none."""

    def compose(self) -> ComposeResult:
        """Words to look for, and where."""
        yield self._line
        yield self._part

    def target(self) -> SearchLine | P:
        """The line to type into while it is in use, else what is looked through."""
        return self._line if self._line.has_focus else self._part

    def leave_search(self) -> bool:
        """Look for nothing any more; False when nothing was looked for."""
        if not self._line.shown:
            return False
        self._wanted = ""
        self._line.shown = False
        self._part.forget_found()
        self._part.focus()
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nothing is looked for, the key that leaves is the screen's."""
        if action == "leave_search":
            return self._line.shown
        return super().check_action(action, parameters)

    def action_filter(self) -> None:
        """Type what to look for."""
        self._line.offer()

    async def action_next_match(self) -> None:
        """The next place with the words."""
        await self._match(1)

    async def action_previous_match(self) -> None:
        """The one before."""
        await self._match(-1)

    def action_leave_search(self) -> None:
        """Look for nothing any more."""
        self.leave_search()

    @on(Input.Submitted)
    async def _typed_all(self, message: Input.Submitted) -> None:
        message.stop()
        self._wanted = message.value.strip()
        self._part.forget_found()
        self._part.focus()
        if self._wanted:
            await self._match(1)
        else:
            self._line.shown = False

    async def _match(self, by: int) -> None:
        if not self._wanted:
            keymap = console(self).state.keymap
            show_notice(self, keymap.fill("Nothing to look for: press {find.words} and type"))
        elif await self.find(self._wanted, by):
            self._tell_found()
        else:
            show_notice(self, self.NOTHING_FOUND)


class SearchedLines(_Searched[TextLines]):
    """A long text; `lines_id` is its id."""

    NOTHING_FOUND = "No line that is shown has these words"

    def __init__(
        self,
        placeholder: str,
        *,
        lines_id: str,
        found: Callable[[], None] = lambda: None,
        id: str | None = None,
    ) -> None:
        super().__init__(TextLines(id=lines_id), placeholder, found=found, id=id)

    async def find(self, words: str, by: int) -> bool:
        """See above."""
        return self._part.find(words, by)

    @property
    def lines(self) -> TextLines:
        """The text."""
        return self._part


class SearchedTree(_Searched[JsonView]):
    """A tree of values, of which `tree_id` is the id; what is folded is looked through as well.

    Where `gives_way` is true, the keys are the screen's, as long as nothing is looked for here.
    """

    NOTHING_FOUND = "No name and no value has these words"

    def __init__(
        self,
        *,
        tree_id: str,
        gives_way: Callable[[], bool] = lambda: False,
        id: str | None = None,
    ) -> None:
        super().__init__(JsonView(id=tree_id), "words in names and values", found=lambda: None, id=id)
        self._gives_way = gives_way

    async def find(self, words: str, by: int) -> bool:
        """See above."""
        return await self._part.find(words, by)

    @property
    def view(self) -> JsonView:
        """The tree."""
        return self._part

    def show(self, values: Mapping[str, object]) -> None:
        """Other values; what was open stays open. Without any it takes one line."""
        self.view.show(values)
        self.set_class(not values, "-empty")
        self.view.set_class(not values, "-empty")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What the screen has another use for is not done here."""
        if action in {"filter", "next_match", "previous_match"}:
            return self._line.shown or not self._gives_way()
        return super().check_action(action, parameters)
