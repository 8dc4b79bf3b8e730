"""Questions before a decision: the typed word of a risky approval, the comment of a rejection.

Enter never confirms. When somebody else decides meanwhile the dialog says so and confirms no more;
it stays open, so that what is being typed does not fall on the keys of the screen below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input, TextArea

from engine.safe_text import SafeText, sanitize
from screens.actions import bindings
from screens.inputs import SafeInput, SafeTextArea
from screens.key_hint import KeyHint
from screens.plain import Plain
from screens.shell import Dialog, TooSmall, console, too_small
from screens.status_words import RISK_MARKS, STYLES

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.contracts.request import ApprovalView

APPROVAL_WORD = "approve"


class DecisionDialog(Dialog[str]):
    """Returns what was typed, or None. `view` is exactly what the decision will be bound to."""

    BINDINGS = bindings("dialog.confirm")

    def __init__(self, view: ApprovalView) -> None:
        super().__init__()
        self.view = view
        self._void = False

    def void(self, words: str) -> None:
        """The approval is not what it was: confirm nothing, and say why."""
        self._void = True
        hint = self.query_one(".dialog-hint", Plain)
        hint.show((sanitize(f"Nothing was sent: {words}. Esc closes.", limit=400), "bold $bad"))

    def hint(self, words: SafeText) -> None:
        """What is missing."""
        if not self._void:
            self.query_one(".dialog-hint", Plain).show((words, "$waiting"))

    def hint_keys(self, words: str) -> None:
        """What is missing, in words that name keys (`Keymap.fill`)."""
        self.hint(console(self).desk.keymap.fill(words))

    def confirm_with(self, typed: str) -> None:
        """Close with this answer, unless the approval is void or hidden."""
        if not self._void and not too_small(self):
            self.dismiss(typed)

    def about(self) -> ComposeResult:
        """What the decision is about, in two lines."""
        risk, action = RISK_MARKS[self.view.risk], self.view.action
        target = f"{action.kind} {action.target or ''}".strip() if action else "no gated step"
        title = Plain(classes="dialog-text")
        title.show(
            (sanitize(f"{risk.symbol} {risk.word} "), STYLES[risk.tone]),
            sanitize(f"{self.view.title} · {target}", limit=300),
        )
        yield title


class TypedWordDialog(DecisionDialog):
    """High and critical risk: the operator types the word."""

    def compose(self) -> ComposeResult:
        """Title, what it is about, the word, the keys."""
        with Vertical(classes="dialog"):
            yield KeyHint(f"Type the word “{APPROVAL_WORD}”, then {{dialog.confirm}}", classes="dialog-title")
            yield from self.about()
            yield SafeInput(placeholder=APPROVAL_WORD, id="word")
            yield Plain(classes="dialog-hint")
            yield KeyHint("{dialog.confirm} approve   {dialog.close} close")
        yield TooSmall()

    def action_confirm(self) -> None:
        """Approve when the word stands there."""
        typed = self.query_one("#word", SafeInput).value.strip().lower()
        if typed == APPROVAL_WORD:
            self.confirm_with(typed)
        else:
            self.hint_keys(f"Type the word {APPROVAL_WORD}, then {{dialog.confirm}}")

    @on(Input.Submitted)
    def _enter(self) -> None:
        self.hint_keys("Enter never decides: {dialog.confirm} approves, {dialog.close} closes")


class CommentDialog(DecisionDialog):
    """A rejection needs words: the run, or its author, reads them."""

    def compose(self) -> ComposeResult:
        """Title, what it is about, the comment, the keys."""
        with Vertical(classes="dialog"):
            yield Plain(sanitize("Reject: say why"), classes="dialog-title")
            yield from self.about()
            yield SafeTextArea(id="comment")
            yield Plain(classes="dialog-hint")
            yield KeyHint("{dialog.confirm} reject   {dialog.close} close")
        yield TooSmall()

    def action_confirm(self) -> None:
        """Reject when there is a comment."""
        comment = self.query_one("#comment", TextArea).text.strip()
        if comment:
            self.confirm_with(comment)
        else:
            self.hint(sanitize("A rejection needs a comment"))
