"""The decision card: what exactly will happen, why the run asks, and what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RequestStatus, Risk
from engine.safe_text import has_hidden, sanitize
from screens.json_text import hides_something, json_text
from screens.moments import age, full_time
from screens.plain import NEW_LINE, NOTHING, Part, Plain, TextPane
from screens.status_words import REQUEST_MARKS, RISK_MARKS, STYLES

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from engine.contracts.request import ApprovalView
    from screens.desk import Desk

MESSAGE_CHARACTERS = 20_000
FACT_CHARACTERS = 240
"""So that a long name cannot push the action out of sight."""
NAME_CHARACTERS = 80
NEEDS_WORD = frozenset({Risk.HIGH, Risk.CRITICAL})


class DecisionCard(TextPane):
    """One approval in full; scrolls when it is longer than the screen."""

    HELP = (
        "The decision card: exactly what will happen, why the run asks, what was decided. "
        "{approvals.approve} approves what it shows, {approvals.reject} rejects. Enter and Esc never decide."
    )

    def __init__(self, desk: Desk, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._desk = desk

    def compose(self) -> ComposeResult:
        """Warning and outcome first, where no text of a run can push them away; then what was asked."""
        yield Plain(classes="card-hidden")
        yield Plain(classes="card-outcome")
        yield Plain(classes="card-title")
        yield Plain(classes="card-facts")
        yield Plain(sanitize("What exactly will happen"), classes="card-heading")
        yield Plain(classes="card-action")
        yield Plain(sanitize("The run says (untrusted text, read with care)"), classes="card-heading")
        yield Plain(classes="card-message")

    def show(self, view: ApprovalView | None) -> None:
        """Put this approval on the card, from its first line."""
        for part in self.query(Plain):
            part.display = view is not None
        if view is None:
            return
        self._part("card-outcome").display = view.status is not RequestStatus.PENDING
        self._part("card-outcome").show(*_outcome(view))
        self._part("card-title").show((sanitize(view.title, limit=300), "bold"))
        self._part("card-action").show(*_action(view))
        says = view.message if not view.intent else f"{view.intent}\n\n{view.message}"
        self._part("card-message").show(sanitize(says, multiline=True, limit=MESSAGE_CHARACTERS))
        hidden = _hides(view)
        self._part("card-hidden").display = hidden
        self._part("card-hidden").show((sanitize(_HIDDEN_WARNING), "bold $bad") if hidden else NOTHING)
        self.show_age(view)
        self.scroll_home(animate=False)
        self.call_after_refresh(self._tell_length)

    def show_age(self, view: ApprovalView) -> None:
        """Facts, with the age as it is now."""
        risk = RISK_MARKS[view.risk]
        where = f" · {view.pack}/{view.flow} {view.pack_version} · step {view.step_id}"
        when = f"{age(view.requested_at, self._desk.now())} ago"
        expires = f" · expires {full_time(view.expires_at)}" if view.expires_at else ""
        asked = f"asked by {view.requested_by} {when} · run {view.run_id}{expires}"
        self._part("card-facts").show(
            (sanitize(f"risk {risk.symbol} {risk.word}"), STYLES[risk.tone]),
            (sanitize(where, limit=FACT_CHARACTERS), "$quiet"),
            NEW_LINE,
            (sanitize(asked, limit=FACT_CHARACTERS), "$quiet"),
        )

    def on_resize(self, _event: events.Resize) -> None:
        """Another height, another part in view."""
        self.call_after_refresh(self._tell_length)

    def _tell_length(self) -> None:
        self.border_subtitle = "more below: Enter, then j" if self.max_scroll_y > 0 else ""

    def _part(self, name: str) -> Plain:
        return self.query_one(f".{name}", Plain)


def decided_words(decision: str, by: str, at: str) -> str:
    """The sentence about a decision that stands."""
    return f"already decided by {by[:NAME_CHARACTERS]} at {at}: {decision.upper()}"


def _outcome(view: ApprovalView) -> tuple[Part, ...]:
    if view.status is RequestStatus.PENDING:
        return (NOTHING,)
    mark = REQUEST_MARKS[view.status]
    if view.decided_by is None or view.decided_at is None:
        words = f"no decision is needed any more: {mark.word}"
    else:
        words = decided_words(view.status.value, view.decided_by, full_time(view.decided_at))
    comment = f"\n“{view.comment}”" if view.comment else ""
    return (
        (sanitize(f"{mark.symbol} {words}"), STYLES[mark.tone]),
        sanitize(comment, multiline=True, limit=2_000),
    )


def _action(view: ApprovalView) -> tuple[Part, ...]:
    action = view.action
    if action is None:
        return (sanitize("No step is gated: the flow only goes on."),)
    kind = f"{action.kind} {action.target or ''}"
    step = f"  as step {action.step_id}  ·  digest {view.digest[:12]}"
    return (
        (sanitize(kind, limit=FACT_CHARACTERS), "bold"),
        (sanitize(step, limit=FACT_CHARACTERS), "$quiet"),
        NEW_LINE,
        json_text(action.params),
    )


def _hides(view: ApprovalView) -> bool:
    action = view.action
    texts = [view.title, view.message, view.intent, view.requested_by]
    if action is not None:
        texts += [action.target or "", action.kind, action.step_id]
    return any(map(has_hidden, texts)) or (action is not None and hides_something(action.params))


_HIDDEN_WARNING = (
    "‼ This text contained hidden or control characters. They are shown as visible signs: look twice."
)
