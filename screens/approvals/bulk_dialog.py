"""One decision for several approvals of one step: what differs, the decision, the count, the word.

F2 sends nothing before everything is filled in and the list has been on the screen for the time of grace.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical
from textual.widgets import Input, Select, TextArea

from engine.safe_text import SafeText, sanitize
from screens.approvals.action_lines import NOTHING_BOUND, format_size, line, value_lines
from screens.approvals.card import HIDDEN_WARNING, NEEDS_WORD, hides
from screens.approvals.dialogs import APPROVAL_WORD, DecisionDialog
from screens.approvals.differences import NOT_GIVEN, common_beside, common_params, differences, step_name
from screens.approvals.read_pane import ReadPane
from screens.approvals.styled_lines import Ink, Line, StyledLines
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import console
from screens.frame.grace import DecisionGate
from screens.frame.inputs import Choice, SafeInput, SafeTextArea
from screens.frame.screen import TooSmall
from screens.widgets.numbers import counted
from screens.widgets.plain import NEW_LINE, Part, Plain
from screens.widgets.status_labels import RISK_LABELS, STYLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.app import ComposeResult

    from engine.contracts.runs.plan import PlanEdits
    from engine.contracts.runs.request import ApprovalView
    from screens.frame.console_state import ConsoleState

_APPROVE, _REJECT = 0, 1
_SHORT = 200
_KEYS = (
    "{text.down} {text.up} read   {screen.next} next field   {dialog.confirm} decide   {dialog.close} close"
)


@dataclass(frozen=True, slots=True)
class OperatorDecision:
    """What is decided; `comment` is empty for an approval, `edits` are of a plan that was changed."""

    approve: bool
    comment: str = ""
    edits: PlanEdits | None = None


class BulkDecisionDialog(DecisionDialog[OperatorDecision]):
    """Asks for the decision, the count, the word when one is risky, the comment of a rejection.

    What stands in the `comment` is handed to `keep` while it is typed.
    """

    def __init__(
        self, state: ConsoleState, *views: ApprovalView, comment: str, keep: Callable[[str], None]
    ) -> None:
        super().__init__(*views)
        self._kept = comment
        self._keep = keep
        self._gate = DecisionGate(state.clock, state.grace)
        self._token = tuple(view.digest for view in views)
        self._risky = any(view.risk in NEEDS_WORD for view in views)

    def compose(self) -> ComposeResult:
        """What all have in common, what differs, the questions."""
        with Vertical(classes="dialog -large"):
            yield Plain(
                sanitize(f"Decide {counted(len(self.views), 'approval')} at once"), classes="dialog-title"
            )
            yield self.claim_line()
            with ReadPane(id="list"):
                if any(map(hides, self.views)):
                    warning = Plain()
                    warning.show((sanitize(HIDDEN_WARNING), "bold $bad"))
                    yield warning
                rows = Plain(classes="bulk-block")
                rows.show(*self._rows())
                yield rows
                for lines in (*self._differences(), self._same()):
                    block = StyledLines(classes="bulk-block")
                    block.show(lines)
                    yield block
            yield from self._questions()
            yield Plain(classes="dialog-hint")
            yield KeyHint(_KEYS)
        yield TooSmall()

    def on_mount(self) -> None:
        """The list has the keys: it is to be read first."""
        self._list.focus()
        self._show_questions()
        self._let_appear()

    def on_resize(self, _event: events.Resize) -> None:
        """Drawn anew."""
        self._let_appear()

    def action_confirm(self) -> None:
        """Decide, when nothing is missing."""
        if self._list.goes_on:
            self.hint("Not sent: the list goes on. Read it to its end first.")
            return
        if not self._list.end_seen or not self._gate.is_open(self._token):
            self.hint("Not sent: this had only just appeared. Read it, then press again.")
            return
        missing = self._missing()
        if missing:
            self.hint(missing)
        elif self._decision() == _APPROVE:
            self.confirm_with(OperatorDecision(approve=True))
        else:
            self.confirm_with(OperatorDecision(approve=False, comment=self._comment()))

    @on(ReadPane.EndSeen)
    def _end_seen(self) -> None:
        self.hint("")
        self._let_appear()

    @property
    def _list(self) -> ReadPane:
        return self.query_one("#list", ReadPane)

    @property
    def _needs_word(self) -> bool:
        """For a risky one, and where no terminal has told that it shows the list."""
        return self._risky or not self._gate.answered

    @on(Input.Submitted)
    def _enter(self) -> None:
        self.hint_keys("Enter never decides: {dialog.confirm} decides, {dialog.close} closes")

    @on(Select.Changed)
    def _chosen(self) -> None:
        self._show_questions()

    @on(TextArea.Changed)
    def _comment_typed(self, message: TextArea.Changed) -> None:
        self._keep(message.text_area.text)

    def _questions(self) -> ComposeResult:
        yield Choice(("approve all of them", "reject all of them"), None, id="decision")
        yield SafeInput(placeholder=f"how many are decided: type {len(self.views)}", id="count")
        yield SafeInput(placeholder=f"one is risky: type the word {APPROVAL_WORD}", id="word")
        yield SafeTextArea(self._kept, id="comment")

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
        self.call_after_refresh(console(self).when_shown, self._shown)

    def _shown(self, answered: bool) -> None:
        self._gate.drawn(self._token, answered)
        self._show_questions()

    def _same(self) -> list[Line]:
        first = self.views[0]
        action = first.action
        done = f"{action.kind} {action.target or ''}".strip() if action else NOTHING_BOUND
        where = f"{first.pack}/{first.flow} {first.pack_version} · step {step_name(first.step_id)}"
        same = common_params(self.views)
        lines = [line(f"{done}  {where}", Ink.NAME)]
        if same is not None:
            lines += [line("the same in all:", Ink.QUIET), *value_lines(same, 0)]
        for name, value in common_beside(self.views).items():
            lines += [line(f"{name}, the same in all:", Ink.QUIET), *value_lines(value, 0)]
        return lines

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

    def _differences(self) -> list[list[Line]]:
        found = differences(self.views)
        if not found:
            return [[line(f"Nothing differs: the same action, {counted(len(self.views), 'time')}.")]]
        blocks = [[line("What differs:", Ink.NAME)]]
        for difference in found:
            lines = [line(difference.name, Ink.NAME)]
            for number, value in enumerate(difference.values, 1):
                lines += _numbered(number, value)
            blocks.append(lines)
        return blocks


def _numbered(number: int, value: object) -> list[Line]:
    """A value of one approval: on its line when it is short, else its size, its digest and all of it."""
    if value is NOT_GIVEN:
        return [line(f"{number:>3} (not given)", Ink.QUIET)]
    inside = value_lines(value, 2)
    if len(inside) == 1 and len(inside[0][0]) < _SHORT:
        return [line(f"{number:>3} {inside[0][0].lstrip()}")]
    return [line(f"{number:>3} {format_size(value)}, digest {_digest(value)}", Ink.QUIET), *inside]


def _digest(value: object) -> str:
    """The beginning of a digest of the whole value, for the eye."""
    return sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:12]
