"""Questions before a pack is published or its code is trusted. Enter never confirms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input

from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.inputs import SafeInput
from screens.frame.screen import Dialog, TooSmall
from screens.keys.bindings import bindings
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.contracts.packs.pack import PackView
    from engine.contracts.packs.versions import CodeReview

TRUST_WORD = "trust"


class TrustDialog(Dialog[str]):
    """Returns the digest of the code that was shown, or None."""

    BINDINGS = bindings("dialog.confirm")

    def __init__(self, review: CodeReview) -> None:
        super().__init__()
        self._review = review

    def compose(self) -> ComposeResult:
        """What will run, the word, the keys."""
        lines = self._review.text.count("\n") + 1
        with Vertical(classes="dialog"):
            yield KeyHint(f"Type the word “{TRUST_WORD}”, then {{dialog.confirm}}", classes="dialog-title")
            words = (
                f"{self._review.file} of {self._review.pack} {self._review.label}: {lines} lines of Python, "
                f"digest {self._review.digest[:12]}. It will run on this machine, as you. "
                "A changed file asks again."
            )
            yield Plain(sanitize(words, limit=600), classes="dialog-text")
            yield SafeInput(id="word")
            yield Plain(classes="dialog-hint")
            yield KeyHint("{dialog.confirm} trust   {dialog.close} close")
        yield TooSmall()

    def action_confirm(self) -> None:
        """Trust when the word stands there."""
        typed = self.query_one("#word", SafeInput).value.strip().lower()
        if typed != TRUST_WORD:
            self.hint_keys(f"Type the word {TRUST_WORD}, then {{dialog.confirm}}")
        else:
            self.dismiss(self._review.digest)

    @on(Input.Submitted)
    def _enter(self) -> None:
        self.hint_keys("Enter never decides: {dialog.confirm} trusts, {dialog.close} closes")


class PublishDialog(Dialog[bool]):
    """Asks whether this very content becomes this version, which never changes again."""

    BINDINGS = bindings("dialog.confirm")

    def __init__(self, view: PackView) -> None:
        super().__init__()
        self._view = view

    def compose(self) -> ComposeResult:
        """What is published, the keys."""
        view = self._view
        words = (
            f"{view.pack} {view.version}, digest {(view.digest or '')[:12]}, from {view.source}. "
            "A published version never changes: other content needs another version."
        )
        with Vertical(classes="dialog"):
            yield Plain(sanitize("Publish this version?"), classes="dialog-title")
            yield Plain(sanitize(words, limit=600), classes="dialog-text")
            yield KeyHint("{dialog.confirm} publish   {dialog.close} close")
        yield TooSmall()

    def action_confirm(self) -> None:
        """Publish."""
        self.dismiss(True)
