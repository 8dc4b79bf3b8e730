"""One decision for several approvals of one step: what differs, the decision, the count, the word.

F2 sends nothing before everything is filled in and the list has been on the screen for the time of grace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input, Select, TextArea

from engine.safe_text import SafeText, sanitize
from screens.approvals.card import HIDDEN_WARNING, NEEDS_WORD, hides
from screens.approvals.dialogs import APPROVAL_WORD, DecisionDialog
from screens.approvals.differences import common_params, differences, step_name
from screens.frame.grace import DecisionGate
from screens.frame.inputs import Choice, SafeInput, SafeTextArea
from screens.frame.key_hint import KeyHint
from screens.frame.screen import TooSmall
from screens.widgets.json_text import json_text
from screens.widgets.plain import NEW_LINE, Part, Plain, TextPane
from screens.widgets.status_labels import RISK_LABELS, STYLES

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from engine.contracts.request import ApprovalView
    from screens.frame.console_state import ConsoleState

_APPROVE, _REJECT = 0, 1
_KEYS = (
    "{text.down} {text.up} read   {screen.next} next field   {dialog.confirm} decide   {dialog.close} close"
)
_VALUE = 2_000


@dataclass(frozen=True, slots=True)
class BulkDecision:
    """What was chosen for all of them; `comment` is empty for an approval."""

    approve: bool
    comment: str = ""


class BulkDecisionDialog(DecisionDialog[BulkDecision]):
    """Asks for the decision, the count, the word when one is risky, the comment of a rejection."""

    def __init__(self, state: ConsoleState, *views: ApprovalView) -> None:
        super().__init__(*views)
        self._gate = DecisionGate(state.clock, state.grace)
        self._token = tuple(view.digest for view in views)
        self._needs_word = any(view.risk in NEEDS_WORD for view in views)

    def compose(self) -> ComposeResult:
        """What all have in common, what differs, the questions."""
        with Vertical(classes="dialog -large"):
            yield Plain(sanitize(f"Decide {len(self.views)} approvals at once"), classes="dialog-title")
            with TextPane(id="list"):
                if any(map(hides, self.views)):
                    warning = Plain()
                    warning.show((sanitize(HIDDEN_WARNING), "bold $bad"))
                    yield warning
                for block in (self._rows(), *self._differences(), self._same()):
                    text = Plain(classes="bulk-block")
                    text.show(*block)
                    yield text
            yield from self._questions()
            yield Plain(classes="dialog-hint")
            yield KeyHint(_KEYS)
        yield TooSmall()

    def on_mount(self) -> None:
        """The list has the keys: it is to be read first."""
        self.query_one("#list").focus()
        self._show_questions()
        self._let_appear()

    def on_resize(self, _event: events.Resize) -> None:
        """Drawn anew."""
        self._let_appear()

    def action_confirm(self) -> None:
        """Decide, when nothing is missing."""
        if not self._gate.is_open(self._token):
            self.hint(sanitize("Not sent: this had only just appeared. Read it, then press again."))
            return
        missing = self._missing()
        if missing:
            self.hint(missing)
        elif self._decision() == _APPROVE:
            self.confirm_with(BulkDecision(approve=True))
        else:
            self.confirm_with(BulkDecision(approve=False, comment=self._comment()))

    @on(Input.Submitted)
    def _enter(self) -> None:
        self.hint_keys("Enter never decides: {dialog.confirm} decides, {dialog.close} closes")

    @on(Select.Changed)
    def _chosen(self) -> None:
        self._show_questions()

    def _questions(self) -> ComposeResult:
        yield Choice(("approve all of them", "reject all of them"), None, id="decision")
        yield SafeInput(placeholder=f"how many are decided: type {len(self.views)}", id="count")
        yield SafeInput(placeholder=f"one is risky: type the word {APPROVAL_WORD}", id="word")
        yield SafeTextArea(id="comment")

    def _show_questions(self) -> None:
        decision = self._decision()
        # A field that is only hidden could still get the focus.
        for name, asked in (
            ("#word", decision == _APPROVE and self._needs_word),
            ("#comment", decision == _REJECT),
        ):
            field = self.query_one(name)
            field.display, field.disabled = asked, not asked

    def _missing(self) -> SafeText | None:
        decision, count = self._decision(), len(self.views)
        if decision is None:
            return sanitize("Choose: approve or reject")
        if self.query_one("#count", SafeInput).value.strip() != str(count):
            return sanitize(f"Type how many are decided: {count}")
        word = self.query_one("#word", SafeInput).value.strip().lower()
        if decision == _APPROVE and self._needs_word and word != APPROVAL_WORD:
            return sanitize(f"Type the word {APPROVAL_WORD}")
        if decision == _REJECT and not self._comment():
            return sanitize("A rejection needs a comment")
        return None

    def _decision(self) -> int | None:
        value = self.query_one("#decision", Choice).value
        return value if isinstance(value, int) else None

    def _comment(self) -> str:
        return self.query_one("#comment", TextArea).text.strip()

    def _let_appear(self) -> None:
        self._gate.appearing(self._token)
        self.call_after_refresh(self._gate.drawn, self._token)

    def _same(self) -> list[Part]:
        first = self.views[0]
        action = first.action
        done = f"{action.kind} {action.target or ''}" if action else "no step is gated: the flow only goes on"
        where = f"{first.pack}/{first.flow} {first.pack_version} · step {step_name(first.step_id)}"
        same = common_params(self.views)
        parts: list[Part] = [
            (sanitize(done, limit=200), "bold"),
            (sanitize(f"  {where}", limit=240), "$quiet"),
        ]
        if same is not None:
            parts += [NEW_LINE, (sanitize("the same in all:"), "$quiet"), NEW_LINE, json_text(same)]
        return parts

    def _rows(self) -> list[Part]:
        parts: list[Part] = []
        for number, view in enumerate(self.views, 1):
            risk = RISK_LABELS[view.risk]
            parts += [
                NEW_LINE if parts else sanitize(""),
                sanitize(f"{number:>3} "),
                (sanitize(f"{risk.symbol} {risk.word} "), STYLES[risk.tone]),
                sanitize(view.title, limit=120),
                (sanitize(f" · run {view.run_id}", limit=60), "$quiet"),
            ]
        return parts

    def _differences(self) -> list[list[Part]]:
        found = differences(self.views)
        if not found:
            return [[sanitize(f"Nothing differs: the same action, {len(self.views)} times.")]]
        blocks: list[list[Part]] = [[(sanitize("What differs:"), "bold")]]
        for difference in found:
            parts: list[Part] = [(sanitize(difference.name, limit=120), "bold $waiting")]
            for number, value in enumerate(difference.values, 1):
                parts += [NEW_LINE, sanitize(f"{number:>3} "), sanitize(value, limit=_VALUE)]
            blocks.append(parts)
        return blocks
