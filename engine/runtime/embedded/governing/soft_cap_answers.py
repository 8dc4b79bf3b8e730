"""What an answer to the question at a soft cap does to its cap."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.budget.caps import Limit
from engine.contracts.actor import Role
from engine.contracts.governing.budget import CapScope, CapWindow
from engine.contracts.governing.money import billionths, dollars
from engine.contracts.status import RequestStatus
from engine.errors import ErrorCode, InvalidInput, Refused
from engine.journal.rules.spending.acts import act_of
from engine.journal.shown_cap import ShownCap
from engine.journal.spend_rows import LOWERED, STOPPED, TOPPED_UP
from engine.runtime.embedded.governing.caps_in_force import CapsInForce, require_top_up
from engine.runtime.embedded.governing.soft_caps import (
    ASKER,
    FORM,
    MOST_COMMENT,
    PACK,
    act_numbered,
    cap_words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.config import Rules
    from engine.contracts.actor import Actor
    from engine.contracts.governing.budget import CapView
    from engine.governance.access import Access
    from engine.governance.redactor import Redactor
    from engine.journal.port import Journal
    from engine.journal.rows import RequestViewRow
    from engine.journal.spend_rows import ActRow, NewActRow
    from engine.runtime.clock import Clock

_KINDS = {"top_up": TOPPED_UP, "lower_model": LOWERED, "stop": STOPPED}


@dataclass(frozen=True, slots=True)
class AnswerActs:
    """What is written with an answer to a form; the journal refuses it when `cap` has changed."""

    acts: tuple[NewActRow, ...] = ()
    cap: ShownCap | None = None


class SoftCapAnswers:
    """Turns answers to the question at a soft cap into acts on the cap."""

    def __init__(self, journal: Journal, clock: Clock, redactor: Redactor, rules: Rules) -> None:
        self._journal = journal
        self._clock = clock
        self._redactor = redactor
        self._rules = rules

    @cached_property
    def _caps(self) -> CapsInForce:
        return CapsInForce(self._journal.spending, self._clock, self._rules.budget)

    async def acts_for(
        self, run_id: str, form_id: str, values: Mapping[str, Any], comment: str, actor: Actor, access: Access
    ) -> AnswerActs:
        """The acts of an answer to the form; none for a form that is about no cap.

        Raises InvalidInput, Refused (`role_missing`, `request_expired`, `cap_changed`).
        """
        run = await self._journal.run_row(run_id)
        number = form_id.removeprefix(FORM)
        if run is None or run["requested_by"] != ASKER or not (number.isascii() and number.isdecimal()):
            return AnswerActs()
        reached = await act_numbered(self._journal, int(number))
        if reached is None:
            return AnswerActs()
        choice = str(values.get("choice"))
        access.require(Role.OPERATOR if choice == "stop" else Role.ADMIN, actor)
        if not await self._caps.is_current(reached):
            words = f"this {reached['cap_window']} is over: its soft cap counts anew"
            raise Refused(ErrorCode.REQUEST_EXPIRED, words, {"run_id": run_id})
        why = str(values.get("comment") or comment).strip()
        amount = _amount(choice, values.get("amount"), why)
        shown = await self._as_asked(reached) if choice == "top_up" else None
        limit = Limit(
            CapScope(reached["scope"]),
            CapWindow(reached["cap_window"]),
            reached["tenant"],
            reached["name"],
            reached["soft"],
            reached["hard"],
            "",
            reached["since"],
        )
        told = str(self._redactor.redact(why[:MOST_COMMENT]))
        kind = _KINDS[choice]
        act = act_of(
            limit, kind, self._clock.now(), actor=actor.name, via=actor.via, amount=amount, comment=told
        )
        return AnswerActs((act,), shown)

    async def note(self, request: RequestViewRow, form_id: str) -> str | None:
        """How the cap changed since the open question was asked; None for no change, or another form."""
        number = form_id.removeprefix(FORM)
        if request["pack"] != PACK or request["status"] != RequestStatus.PENDING or not number.isdecimal():
            return None
        reached = await act_numbered(self._journal, int(number))
        if reached is None or reached["tenant"] != request["tenant"]:
            return None
        if not await self._caps.is_current(reached):
            return f"This {reached['cap_window']} is not the one in force: its soft cap counts anew."
        cap = await self._caps.view_of(reached)
        if cap is not None and cap.soft == reached["soft"]:
            return None
        changed = f"Since this was asked somebody changed the soft cap: it is {_soft_cap(cap)} now."
        return f"{changed} top_up is refused here, lower_model and stop hold."

    async def _as_asked(self, reached: ActRow) -> ShownCap:
        """The cap, which is as high as when people were asked. Raises Refused (`cap_changed`)."""
        scope, window = CapScope(reached["scope"]), CapWindow(reached["cap_window"])
        tenant, name, views = reached["tenant"], reached["name"], await self._caps.views()
        cap = await views.one(scope, tenant, name, window)
        if cap is None or cap.soft != reached["soft"]:
            asked = dollars(reached["soft"] or 0)
            words = f"{cap_words(reached)} was {asked} when this was asked, now it is {_soft_cap(cap)}"
            more = "nothing was done. If more is needed, `vasini budget top-up` adds it"
            where = {"scope": scope, "name": name, "window": window}
            raise Refused(ErrorCode.CAP_CHANGED, f"{words}: {more}", where)
        of_settings = self._caps.of_settings
        return ShownCap(scope, window, tenant, name, cap.soft, cap.hard, of_settings, views.zone, views.now)


def _soft_cap(cap: CapView | None) -> str:
    return "none" if cap is None or cap.soft is None else dollars(cap.soft)


def _amount(choice: str, given: object, comment: str) -> int | None:
    if choice != "top_up":
        if given:
            raise InvalidInput("an amount belongs to top_up")
        return None
    if not given:
        raise InvalidInput("a top-up is an amount above 0: say how much to add")
    if not comment:
        raise InvalidInput("a top-up says why: give a comment")
    amount = billionths(Decimal(str(given)))
    require_top_up(amount)
    return amount
