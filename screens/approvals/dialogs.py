"""Questions before a decision: the typed word of a risky approval, the comment of a rejection.

Enter never confirms. When somebody else decides meanwhile the dialog says so and confirms no more;
it stays open, so that what is being typed does not fall on the keys of the screen below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from textual import on
from textual.containers import Vertical
from textual.widgets import Input, TextArea

from engine.contracts.status import RequestStatus
from engine.safe_text import sanitize
from screens.approvals.card import format_decided
from screens.approvals.rows import claimed_by, format_claim
from screens.forms.draft_keeper import DraftKeeper
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import attempt, console
from screens.frame.inputs import SafeInput, SafeTextArea
from screens.frame.screen import Dialog, TooSmall, too_small
from screens.keys.bindings import bindings
from screens.widgets.ages import full_time
from screens.widgets.plain import Plain
from screens.widgets.status_labels import REQUEST_LABELS, RISK_LABELS, STYLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.widget import Widget

    from engine.contracts.runs.request import ApprovalView
    from screens.frame.console_state import ConsoleState

T = TypeVar("T")

APPROVAL_WORD = "approve"
_COMMENT = "comment"


class DecisionDialog(Dialog[T], Generic[T]):
    """Returns what was typed, or None. `views` are exactly what the decision will be bound to."""

    BINDINGS = bindings("dialog.confirm")

    def __init__(self, *views: ApprovalView) -> None:
        super().__init__()
        self.views = views
        self._void = False

    def follow(self, now: Mapping[str, ApprovalView]) -> None:
        """Compare with the approvals as they are now; what is not pending or not the same voids it."""
        for number, view in enumerate(self.views, 1):
            found = now.get(view.approval_id)
            which = f"{number} {view.title[:60]}: " if len(self.views) > 1 else ""
            if found is None or found.status is not RequestStatus.PENDING:
                self.void(f"{which}{_format_gone(found)}")
            elif found.digest != view.digest:
                self.void(f"{which}what would be decided has changed")
        found_now = [now.get(view.approval_id, view) for view in self.views]
        self._fill_claim(self.query_one(".dialog-claim", Plain), found_now)

    def claim_line(self) -> Plain:
        """Who else is on it; they may decide first."""
        line = Plain(classes="dialog-claim")
        self._fill_claim(line, self.views)
        return line

    def _fill_claim(self, line: Plain, views: Sequence[ApprovalView]) -> None:
        state = console(self).state
        now, me = state.now(), state.actor.name
        others = {format_claim(view, now, me) for view in views if claimed_by(view, now) not in {"", me}}
        words = f"‼ {', '.join(sorted(others))}: ask before you decide"
        line.display = bool(others)
        line.show((sanitize(words, limit=300), "bold $waiting"))

    def void(self, words: str) -> None:
        """The approval is not what it was: confirm nothing, and say why."""
        self._void = True
        hint = self.query_one(".dialog-hint", Plain)
        closes = console(self).state.keymap.fill("{dialog.close} closes.")
        hint.show((sanitize(f"Nothing was sent: {words}. {closes}", limit=400), "bold $bad"))

    def hint(self, words: str) -> None:
        """What is missing; that the approval is void is not covered by it."""
        if not self._void:
            super().hint(words)

    def confirm_with(self, typed: T) -> None:
        """Close with this answer, unless the approval is void or hidden."""
        if not self._void and not too_small(self):
            self.dismiss(typed)

    def about(self) -> ComposeResult:
        """What the decision is about, in two lines."""
        view = self.views[0]
        risk, action = RISK_LABELS[view.risk], view.action
        target = f"{action.kind} {action.target or ''}".strip() if action else "no gated step"
        title = Plain(classes="dialog-text")
        title.show(
            (sanitize(f"{risk.symbol} {risk.word} "), STYLES[risk.tone]),
            sanitize(f"{view.title} · {target}", limit=300),
        )
        yield title
        yield self.claim_line()


class TypedWordDialog(DecisionDialog[str]):
    """High and critical risk: the operator types the word."""

    def compose(self) -> ComposeResult:
        """Title, what it is about, the word, the keys."""
        with Vertical(classes="dialog"):
            yield KeyHint(f"Type the word “{APPROVAL_WORD}”, then {{dialog.confirm}}", classes="dialog-title")
            yield from self.about()
            yield SafeInput(id="word")
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


def comment_draft(
    owner: Widget, state: ConsoleState, approval_id: str, typed: Callable[[], str] = str
) -> DraftKeeper:
    """What is kept of the comment on an approval until it is rejected."""
    return DraftKeeper(owner, state, f"reject {approval_id}", lambda: {_COMMENT: typed()})


class CommentDialog(DecisionDialog[str]):
    """A rejection needs words: the run, or its author, reads them. They are kept until they are sent."""

    def __init__(self, state: ConsoleState, view: ApprovalView) -> None:
        super().__init__(view)
        self._draft = comment_draft(self, state, view.approval_id, lambda: self._words)
        self._words = ""

    def compose(self) -> ComposeResult:
        """Title, what it is about, the comment, the keys."""
        with Vertical(classes="dialog"):
            yield Plain(sanitize("Reject: say why"), classes="dialog-title")
            yield from self.about()
            yield SafeTextArea(id="comment")
            yield Plain(classes="dialog-hint")
            yield KeyHint("{dialog.confirm} reject   {form.editor} editor   {dialog.close} close, keeps it")
        yield TooSmall()

    async def on_mount(self) -> None:
        """The words of last time, if they were not sent."""
        kept = await attempt(self, self._draft.restore())
        if kept is not None and not self._field.text:
            self._field.text = str(kept[0].get(_COMMENT, ""))
            self._field.move_cursor(self._field.document.end)

    async def on_unmount(self) -> None:
        """However the dialog goes, the words stay until they are sent."""
        await self._draft.flush()

    @property
    def _field(self) -> SafeTextArea:
        return self.query_one("#comment", SafeTextArea)

    @on(TextArea.Changed, "#comment")
    def _typed(self, message: TextArea.Changed) -> None:
        self._words = message.text_area.text
        self._draft.edited()

    async def action_confirm(self) -> None:
        """Reject when there is a comment."""
        comment = self._field.text.strip()
        if comment:
            await self._draft.flush()
            self.confirm_with(comment)
        else:
            self.hint("A rejection needs a comment")


def _format_gone(now: ApprovalView | None) -> str:
    """Who decided, or that it ended without a decision."""
    if now is None:
        return "it is gone: no decision is needed any more"
    if now.decided_by is None or now.decided_at is None:
        return f"it is {REQUEST_LABELS[now.status].word}: no decision is needed any more"
    return format_decided(now.status.value, now.decided_by, full_time(now.decided_at))
