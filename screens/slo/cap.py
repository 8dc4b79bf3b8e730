"""The question what a cap is to be, or by how much it is topped up, with a comment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widgets import Input

from engine.contracts.governing.budget import AsShown, CapOf, CapScope, CapTerms, CapWindow
from engine.contracts.governing.money import dollars, short_dollars, typed_billionths
from engine.errors import VasiniError
from engine.facade.feed import CapsChanged
from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console_state import explain
from screens.frame.inputs import SafeInput
from screens.frame.screen import Dialog, FeedArrived, TooSmall
from screens.keys.bindings import bindings
from screens.slo.spend_rows import CAP_STATES, EACH
from screens.widgets.plain import Plain
from screens.widgets.status_labels import STYLES
from screens.widgets.working import begin

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.contracts.governing.budget import CapView
    from engine.facade.engine import Engine
    from screens.frame.console_state import ConsoleState

TAKE_BACK = "none"
_MONEY = frozenset({"model_usage", "user_input_received"})
"""A model was paid for; a question about a soft cap was answered."""
_FIELDS = (
    ("of", "Of", "tenant, pack, model with its name; run"),
    ("in", "In", "day, month, total"),
    ("soft", "Warn at", "US dollars; empty for no warning"),
    ("hard", "At most", f"US dollars no call may pass; `{TAKE_BACK}` takes the cap back"),
    ("more", "Top up by", "instead: US dollars more, in this window only"),
    ("comment", "Comment", "why; it is kept"),
)


class InvalidEntry(Exception):
    """What is typed cannot be sent: words for the operator, and the field they are about."""

    def __init__(self, words: str, field: str) -> None:
        super().__init__(words)
        self.field = field


class CapDialog(Dialog[str]):
    """Returns what was done, in words. When the cap becomes another one meanwhile, nothing is sent before
    that has been seen. Enter decides nothing. The cap holds within `tenant`; `*` is each one."""

    BINDINGS = bindings("dialog.confirm")

    def __init__(self, state: ConsoleState, engine: Engine, subject: CapOf, tenant: str) -> None:
        super().__init__()
        self._state = state
        self._engine = engine
        self._proposed = subject
        self._tenant = tenant
        self._shown: tuple[CapOf, CapView | None] | None = None
        self._sending = False
        self._changed = False

    def compose(self) -> ComposeResult:
        """How the cap stands, and what it is to be."""
        proposed = self._proposed
        given = {"of": _words(proposed), "in": proposed.window.value}
        with Vertical(classes="dialog"):
            within = "each tenant" if self._tenant == EACH else f"tenant {self._tenant}"
            yield Plain(sanitize(f"Set or top up a cap within {within}", limit=300), classes="dialog-title")
            yield Plain(id="stands")
            for name, title, example in _FIELDS:
                with Horizontal(classes="cap-field"):
                    yield Plain(sanitize(f"{title:<10}"), classes="cap-title")
                    yield SafeInput(
                        given.get(name, ""), placeholder=example, proposal=name in given, id=f"cap-{name}"
                    )
            yield Plain(classes="dialog-hint")
            yield KeyHint("{screen.next} next   {dialog.confirm} set or top up   {dialog.close} close")
        yield TooSmall()

    async def on_mount(self) -> None:
        """Look how it stands."""
        self.query_one("#cap-more").focus()
        await self.follow()

    async def follow(self) -> None:
        """What is meant or how it stands may have changed: look. A change is bound to what this shows."""
        try:
            subject = self._subject()
        except InvalidEntry as missing:
            self._shown = None
            self.query_one("#stands", Plain).show((sanitize(str(missing)), "$quiet"))
            return
        try:
            cap = await self._engine.budget.cap(subject)
        except VasiniError as error:
            self._shown = None
            self.hint(explain(error))
            return
        if subject != self._meant_now():
            return  # another look is under way
        before, self._shown = self._shown, (subject, cap)
        self._show_standing(cap)
        if before is not None and before[0] == subject and _amounts(before[1]) != _amounts(cap):
            self._changed = True
            self.hint("Somebody changed this cap just now: nothing was sent, look at it again")

    async def on_feed_arrived(self, message: FeedArrived) -> None:
        """Somebody may have changed the cap, or a model was paid for."""
        batch = message.batch
        if batch.lagged or batch.of(CapsChanged) or any(one.kind in _MONEY for one in batch.events):
            await self.follow()

    @on(Input.Changed, "#cap-of, #cap-in")
    def _meant(self) -> None:
        begin(self, self.follow, group="follow")

    @on(Input.Submitted)
    def _enter(self) -> None:
        words = "Enter never decides: {dialog.confirm} sets, {dialog.close} closes"
        self.hint_keys(words)

    def action_confirm(self) -> None:
        """Do it."""
        if self._sending:
            return
        if self._changed:
            self._changed = False
            self.hint_keys("The cap has changed: look, then {dialog.confirm} once more")
            return
        try:
            change = self._change()
        except InvalidEntry as missing:
            self.hint(str(missing))
            self.query_one(f"#cap-{missing.field}").focus()
            return
        self._sending = True
        self.run_worker(self._send(*change), exit_on_error=False)

    async def _send(self, subject: CapOf, soft: int | None, hard: int | None, more: int | None) -> None:
        shown = self._shown[1] if self._shown is not None else None
        seen = AsShown(soft=shown.soft if shown else None, hard=shown.hard if shown else None)
        try:
            if more is not None:
                done = await self._top_up(subject, more, seen)
            else:
                pause = soft is not None and shown is not None and shown.pauses
                done = await self._set(subject, CapTerms(soft, hard, pause), seen)
        except VasiniError as error:
            self.hint(explain(error))
            await self.follow()
        else:
            self.dismiss(done)
        finally:
            self._sending = False

    async def _top_up(self, subject: CapOf, more: int, seen: AsShown) -> str:
        of, actor, comment = subject, self._state.actor, self._typed("comment")
        if of.scope is CapScope.RUN:
            of = replace(of, name=await self._engine.runs.find_id(of.name))
        await self._engine.budget.top_up(of, more, actor=actor, comment=comment, seen=seen)
        return f"{_words(subject)} is topped up by {dollars(more)}"

    async def _set(self, subject: CapOf, terms: CapTerms, seen: AsShown) -> str:
        actor, comment = self._state.actor, self._typed("comment")
        await self._engine.budget.set_cap(subject, terms, actor=actor, comment=comment, seen=seen)
        return f"The cap of {_words(subject)} is {await self._set_to(subject, terms.soft or terms.hard)}"

    async def _set_to(self, subject: CapOf, amount: int | None) -> str:
        """What became of it; top-ups of this window come on top of what was typed."""
        if not amount:
            return "taken back"
        cap = await self._engine.budget.cap(subject)
        if cap is None or not cap.topped_up:
            return "set"
        return f"set: {_limits(cap)}, with {dollars(cap.topped_up)} that it was topped up by"

    def _change(self) -> tuple[CapOf, int | None, int | None, int | None]:
        """What is to be done. Raises InvalidEntry."""
        subject, taken_back = self._subject(), self._typed("hard") == TAKE_BACK
        if self._shown is None or self._shown[0] != subject:
            raise InvalidEntry("How this cap stands is not read yet: nothing was sent", "of")
        hard = None if taken_back else self._amount("hard")
        soft, more = self._amount("soft"), self._amount("more")
        shown = self._shown[1]
        if more is not None:
            self._require_topped_up(subject, shown, only=soft is None and self._typed("hard") == "")
        elif taken_back:
            if soft is not None or shown is None or shown.source != "person":
                raise InvalidEntry("Only a cap that a person set is taken back, and as a whole", "hard")
        elif soft is None and hard is None:
            raise InvalidEntry("Say what it is to be, or by how much it is topped up", "hard")
        elif hard is None and shown is not None and shown.hard is not None:
            kept = dollars(shown.hard - shown.topped_up)
            raise InvalidEntry(f"No call may pass {kept} now: say that again, or what is to hold", "hard")
        elif soft is not None and hard is not None and soft > hard:
            raise InvalidEntry("The warning is above what may be spent at most", "soft")
        if not self._typed("comment"):
            raise InvalidEntry("Say why: the comment stands in the record of the cap", "comment")
        return subject, soft, hard, more

    def _require_topped_up(self, subject: CapOf, shown: CapView | None, *, only: bool) -> None:
        if not only:
            raise InvalidEntry("Either top it up, or set what it is: not both at once", "more")
        if subject.scope is CapScope.RUN:
            if subject.name == "*":
                raise InvalidEntry("One run is topped up: write `run` and its id", "of")
        elif shown is None:
            raise InvalidEntry("There is no such cap to top up: set one", "hard")

    def _subject(self) -> CapOf:
        scope, _, name = self._typed("of").partition(" ")
        if scope not in set(CapScope):
            raise InvalidEntry(
                "A cap is of a tenant, pack, model, or of each run: `pack on-call`, `run`", "of"
            )
        name = name.strip() or ("*" if scope == CapScope.RUN else "")
        if not name:
            raise InvalidEntry(f"Which {scope}? Write its name behind it; * is each one", "of")
        window = self._typed("in")
        if window not in set(CapWindow):
            raise InvalidEntry("A cap holds for a day, a month or in total", "in")
        return CapOf(CapScope(scope), name, CapWindow(window))

    def _amount(self, name: str) -> int | None:
        typed = self._typed(name)
        try:
            amount = typed_billionths(typed) if typed else None
        except ValueError:
            amount = 0
        if amount is not None and amount <= 0:
            raise InvalidEntry(f"{typed[:40]} is no amount in dollars, such as 12 or 0.50", name)
        return amount

    def _typed(self, name: str) -> str:
        return self.query_one(f"#cap-{name}", SafeInput).value.strip()

    def _meant_now(self) -> CapOf | None:
        try:
            return self._subject()
        except InvalidEntry:
            return None

    def _show_standing(self, cap: CapView | None) -> None:
        stands = self.query_one("#stands", Plain)
        if cap is None:
            stands.show((sanitize("No such cap holds so far."), "$quiet"))
            return
        label = CAP_STATES[cap.state]
        held = f", {short_dollars(cap.held)} held" if cap.held else ""
        waits = ", where runs wait for a word" if cap.pauses else ""
        topped = f", topped up by {dollars(cap.topped_up)}" if cap.topped_up else ""
        words = f" Spent {short_dollars(cap.spent)}{held}; {_limits(cap)}{waits}{topped} ({cap.source})"
        stands.show((label.text, STYLES[label.tone]), sanitize(words, limit=300))


def _words(subject: CapOf) -> str:
    return "run" if subject.scope is CapScope.RUN else f"{subject.scope} {subject.name}"


def _limits(cap: CapView) -> str:
    amounts = (("warned at", cap.soft), ("at most", cap.hard))
    return ", ".join(f"{title} {dollars(one)}" for title, one in amounts if one)


def _amounts(cap: CapView | None) -> tuple[int | None, int | None]:
    return (cap.soft, cap.hard) if cap is not None else (None, None)
