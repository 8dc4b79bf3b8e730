"""What a person says next in a conversation: a line of words, and one that names images which go with it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input

from engine.safe_text import sanitize
from screens.forms.draft_keeper import DraftKeeper
from screens.frame.console import act, attempt, show_notice
from screens.frame.inputs import SafeInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from screens.frame.console_state import ConsoleState

_WORDS = "Your message; Enter sends it ({run.talk} writes, {talk.image} adds images)"
_SKILLS = 3
"""So many are named."""
_FILES = "image files that go with your message; in quotes where a name has blanks"


class WritingLines(Vertical):
    """Shown while an agent waits for a message; what is typed is kept under `key` until it was taken."""

    @dataclass
    class Written(Message):
        """Somebody wants to say this, and to show these files."""

        text: str
        images: tuple[str, ...]
        named: str = ""
        """The line of images as it was written."""

    def __init__(self, state: ConsoleState, key: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._words = state.keymap.fill(_WORDS)
        self._typed = {"text": "", "images": ""}
        self._draft = DraftKeeper(self, state, key, lambda: self._typed)

    def compose(self) -> ComposeResult:
        """The images stand above the words, as they are told."""
        yield SafeInput(placeholder=_FILES, id="message-images")
        yield SafeInput(placeholder=self._words, id="message")

    async def on_mount(self) -> None:
        """Nobody is asked yet, and nothing is shown to anybody; what was not sent is there again."""
        self.show(opened=False)
        kept = await attempt(self, self._draft.restore())
        if kept is not None and not any(self._typed.values()):
            # Neither is left while the screen is being taken off, which leaving it at once may do.
            for name, place in (("text", "#message"), ("images", "#message-images")):
                for line in self.query(place).results(SafeInput):
                    line.value = str(kept[0].get(name, ""))

    async def on_unmount(self) -> None:
        """However the conversation is left, the words stay."""
        await self._draft.flush()

    @property
    def opened(self) -> bool:
        """Whether it can be written in."""
        return bool(self.display)

    def show(self, *, opened: bool, skills: Sequence[str] = ()) -> bool:
        """Show the lines, or hide them; whether they came. `skills` are those that a message may name."""
        came = opened and self.words.disabled
        self.display, self.words.disabled = opened, not opened
        self._show_images(shown=opened and bool(self.images.value))
        named = " ".join(f"/{skill}" for skill in skills[:_SKILLS])
        self.words.placeholder = sanitize(self._words + (f"; skills: {named}" if named else ""))
        return came

    @property
    def words(self) -> SafeInput:
        """The line of words."""
        return self.query_one("#message", SafeInput)

    @property
    def images(self) -> SafeInput:
        """The line of files."""
        return self.query_one("#message-images", SafeInput)

    def ask_for_images(self) -> None:
        """Name files in the line of images."""
        self._show_images(shown=True)
        self.images.focus()

    def leave(self) -> None:
        """An empty line of images goes."""
        self._show_images(shown=self.opened and bool(self.images.value))

    def taken(self, said: Written) -> None:
        """It was said; what was typed on meanwhile stays."""
        self.words.value = self.words.value.removeprefix(said.text)
        if self.images.value == said.named:
            self.images.value = ""
        self.leave()

    def _show_images(self, *, shown: bool) -> None:
        self.images.display, self.images.disabled = shown, not shown

    @on(Input.Changed)
    def _edited(self, message: Input.Changed) -> None:
        self._typed["images" if message.input.id == "message-images" else "text"] = message.value
        if any(self._typed.values()):
            self._draft.edited()
        else:
            act(self, self._draft.drop(), group="draft")

    @on(Input.Submitted, "#message-images")
    def _named(self, message: Input.Submitted) -> None:
        message.stop()
        self.words.focus()
        self.leave()

    @on(Input.Submitted, "#message")
    def _said(self, message: Input.Submitted) -> None:
        message.stop()
        if not message.value.strip():
            return
        try:
            files = tuple(shlex.split(self.images.value))
        except ValueError:
            show_notice(self, "Not sent: a quote of the line of images is not closed.", tone="warning")
            self.images.focus()
            return
        self.post_message(self.Written(message.value, files, self.images.value))
