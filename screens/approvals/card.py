"""The decision card: what exactly will happen, why the run asks, who is on it, what was decided before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from engine.contracts.status import RequestStatus, Risk
from engine.safe_text import SafeText, has_hidden, sanitize
from screens.approvals.action_lines import action_lines, said_lines
from screens.approvals.read_pane import ReadPane
from screens.approvals.rows import claimed_by, format_claim
from screens.approvals.styled_lines import StyledLines
from screens.widgets.ages import age, expiry, full_time, short_time
from screens.widgets.json.json_text import hides_something
from screens.widgets.numbers import counted
from screens.widgets.plain import NEW_LINE, NOTHING, Part, Plain
from screens.widgets.status_labels import REQUEST_LABELS, RISK_LABELS, STYLES, format_recovered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from textual import events
    from textual.app import ComposeResult

    from engine.contracts.runs.request import ApprovalView
    from screens.frame.console_state import ConsoleState

HIDDEN_WARNING = (
    "‼ This text contained hidden or control characters. They are shown as visible signs: look twice."
)
FACT_CHARACTERS = 240
"""So that a long name cannot push the action out of sight; action and message have it in full."""
_TITLE_CHARACTERS = 300
NAME_CHARACTERS = 80
NEEDS_WORD = frozenset({Risk.HIGH, Risk.CRITICAL})


class DecisionCard(ReadPane):
    """One approval in full; scrolls when it is longer than the screen."""

    HELP = (
        "The decision card: exactly what will happen, why the run asks, what was decided. "
        "{approvals.approve} approves what it shows, {approvals.reject} rejects. Enter and Esc never decide."
    )

    def __init__(self, state: ConsoleState, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._state = state
        self._shown = ("", "")
        self._spent = ""

    def compose(self) -> ComposeResult:
        """Warning and outcome first, where no text of a run can push them away; then what was asked."""
        for part in self._parts():
            part.display = False  # headings of nothing are no card
            yield part

    def _parts(self) -> Iterator[Plain | StyledLines]:
        yield Plain(classes="card-hidden")
        yield Plain(classes="card-outcome")
        yield Plain(classes="card-claim")
        yield Plain(classes="card-title")
        yield Plain(classes="card-facts")
        yield Plain(classes="card-before")
        yield Plain(sanitize("What exactly will happen"), classes="card-heading")
        yield StyledLines(classes="card-action")
        yield Plain(sanitize("The run says (untrusted text, read with care)"), classes="card-heading")
        yield StyledLines(classes="card-message")
        yield Plain(sanitize("Decided before on this step"), classes="card-heading")
        yield Plain(classes="card-earlier")

    def show(self, view: ApprovalView | None) -> None:
        """Put this approval on the card, from its first line."""
        for part in self.children:
            part.display = view is not None
        if view is None:
            self._shown = ("", "")
            return
        self._part("card-outcome").display = view.status is not RequestStatus.PENDING
        self._part("card-outcome").show(*_outcome(view))
        self._part("card-title").show((sanitize(view.title, limit=_TITLE_CHARACTERS), "bold"))
        self.last_part().show(action_lines(view))
        self.query_one(".card-message", StyledLines).show(said_lines(view, _TITLE_CHARACTERS))
        hidden = hides(view)
        self._part("card-hidden").display = hidden
        self._part("card-hidden").show((sanitize(HIDDEN_WARNING), "bold $bad") if hidden else NOTHING)
        if (view.approval_id, view.digest) != self._shown:
            self._spent = ""
        self.show_age(view)
        if (view.approval_id, view.digest) != self._shown:
            self._shown = (view.approval_id, view.digest)
            self.begin_again()
            self.show_earlier(view, None)

    def show_earlier(self, view: ApprovalView, earlier: Sequence[ApprovalView] | None) -> None:
        """What was decided before on the same step, newest first; None while that is being read."""
        self._part("card-before").show((_before(earlier), "$quiet"))
        self._part("card-earlier").show(*_earlier(view, earlier or (), self._state.now()))

    def show_spent(self, view: ApprovalView, spent: str) -> None:
        """What the run has cost and may cost, in words; nothing is said of one that asks no model."""
        self._spent = spent
        self.show_age(view)

    def show_age(self, view: ApprovalView) -> None:
        """Facts and claim, as they are now."""
        now, me = self._state.now(), self._state.actor.name
        claim = format_claim(view, now, me)
        self._part("card-claim").display = bool(claim)
        if claimed_by(view, now) == me:
            self._part("card-claim").show((sanitize(f"● {claim}"), "$busy"))
        else:
            self._part("card-claim").show((sanitize(f"‼ {claim}: ask before you decide"), "bold $waiting"))
        risk = RISK_LABELS[view.risk]
        where = f" · {view.pack}/{view.flow} {view.pack_version} · step {view.step_id}"
        when = f"{age(view.requested_at, now)} ago"
        about = f" · {view.subject}" if view.subject else ""
        asked = f"asked by {view.requested_by} {when} · run {view.run_id}{about}"
        self._part("card-facts").show(
            (sanitize(f"risk {risk.symbol} {risk.word}"), STYLES[risk.tone]),
            (sanitize(where, limit=FACT_CHARACTERS), "$quiet"),
            NEW_LINE,
            (sanitize(asked, limit=FACT_CHARACTERS), "$quiet"),
            NEW_LINE,
            (sanitize(_circumstances(view, self._spent), limit=FACT_CHARACTERS), "$quiet"),
        )

    def last_part(self) -> StyledLines:
        """The action: it is what a decision binds."""
        return self.query_one(".card-action", StyledLines)

    def watch_virtual_size(self) -> None:
        """There is more or less of it, be it behind a dialog."""
        self._tell_what_is_below()

    def on_resize(self, _event: events.Resize) -> None:
        """More or less is in view."""
        self._tell_what_is_below()

    def watch_has_focus(self, has_focus: bool) -> None:
        """With the focus no key has to lead here first."""
        super().watch_has_focus(has_focus)
        self._tell_what_is_below()

    def _note_end_seen(self) -> None:
        super()._note_end_seen()
        self._tell_what_is_below()

    def _tell_what_is_below(self) -> None:
        keys = self._state.keymap.fill("{text.down}" if self.has_focus else "{list.open}, then {text.down}")
        more = sanitize(f"more below: {keys}")
        if not self.end_seen and (left := self.lines_left()):
            more = sanitize(f"{counted(left, 'more line')} of the action: {keys}")
        # Content, not a string: a string is read as markup, and a key can be a bracket.
        there_is_more = self.scroll_offset.y < self.max_scroll_y
        self.border_subtitle = Content(more) if there_is_more else ""

    def _part(self, name: str) -> Plain:
        return self.query_one(f".{name}", Plain)


def format_decided(decision: str, by: str, at: str) -> str:
    """The sentence about a decision that stands."""
    return f"already decided by {by[:NAME_CHARACTERS]} at {at}: {decision.upper()}"


def _outcome(view: ApprovalView) -> tuple[Part, ...]:
    if view.status is RequestStatus.PENDING:
        return (NOTHING,)
    label = REQUEST_LABELS[view.status]
    if view.decided_by is None or view.decided_at is None:
        words = f"no decision is needed any more: {label.word}"
    else:
        words = format_decided(view.status.value, view.decided_by, full_time(view.decided_at))
        words += " WITH CHANGES" if view.changes is not None else ""
    comment = f"\n“{view.comment}”" if view.comment else ""
    return (
        (sanitize(f"{label.symbol} {words}"), STYLES[label.tone]),
        sanitize(comment, multiline=True, limit=2_000),
    )


def _before(earlier: Sequence[ApprovalView] | None) -> SafeText:
    if earlier is None:
        return sanitize("before on this step: …")
    if not earlier:
        return sanitize("before on this step: nothing was decided")
    labels = [REQUEST_LABELS[view.status] for view in earlier]
    counted = ", ".join(
        f"{label.symbol} {labels.count(label)} {label.word}" for label in dict.fromkeys(labels)
    )
    return sanitize(f"before on this step, the last {len(earlier)}: {counted}")


def _earlier(view: ApprovalView, earlier: Sequence[ApprovalView], now: datetime) -> tuple[Part, ...]:
    parts: list[Part] = []
    for past in earlier:
        label = REQUEST_LABELS[past.status]
        when = short_time(past.decided_at, now) if past.decided_at else ""
        same = "the same arguments" if past.action == view.action else "other arguments"
        comment = f" · “{past.comment}”" if past.comment else ""
        parts += [
            NEW_LINE if parts else NOTHING,
            (sanitize(f"{label.symbol} {label.word}"), STYLES[label.tone]),
            sanitize(
                f" by {(past.decided_by or 'nobody')[:NAME_CHARACTERS]} {when} · {same}",
                limit=FACT_CHARACTERS,
            ),
            (sanitize(comment, limit=FACT_CHARACTERS), "$quiet"),
        ]
    return tuple(parts) or (sanitize("Nothing was."),)


def _circumstances(view: ApprovalView, spent: str) -> str:
    """For whom, how far the run goes by itself, how long it waits, what happened to it, what it cost."""
    words = [f"tenant {view.tenant}"]
    if view.autonomy_level:
        words.append(f"autonomy {view.autonomy_level}")
    if view.expires_at:
        words.append(expiry(view.expires_at, view.expires_with))
    if view.recoveries:
        words.append(format_recovered(view.recoveries))
    if spent:
        words.append(spent)
    return " · ".join(words)


def hides(view: ApprovalView) -> bool:
    """Whether anything the run said on the card contained hidden characters."""
    action = view.action
    texts = [view.title, view.message, view.intent, view.requested_by]
    if action is not None:
        texts += [action.target or "", action.kind, action.step]
    preview = view.preview.model_dump() if view.preview is not None else None
    values = [view.form, view.context, preview, action.params if action else None]
    return any(map(has_hidden, texts)) or any(map(hides_something, values))
