"""What an answer to the question at a soft cap does to its cap."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from engine.budget.caps import Limit
from engine.contracts.actor import Role
from engine.contracts.governing.budget import CapScope, CapWindow
from engine.contracts.governing.money import billionths, dollars
from engine.contracts.status import RequestStatus
from engine.errors import ErrorCode, InvalidInput, Refused
from engine.journal.rules.spending.acts import act_of
from engine.journal.rules.spending.holding import set_cap
from engine.journal.shown_cap import ShownCap
from engine.journal.spend_rows import LOWERED, STOPPED, TOPPED_UP
from engine.runtime.embedded.governing.late_questions import is_current
from engine.runtime.embedded.governing.soft_caps import (
    ASKER,
    FORM,
    MOST_COMMENT,
    PACK,
    act_numbered,
    cap_words,
)
from engine.runtime.views.cap_views import CapViews

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.budget.caps import Cap
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
class RecordedAnswer:
    """What is to be recorded with an answer, if the cap is still as it was asked about (`cap`)."""

    acts: tuple[NewActRow, ...] = ()
    cap: ShownCap | None = None


class SoftCapAnswers:
    """What an answer to such a question does to its cap."""

    def __init__(self, journal: Journal, clock: Clock, redactor: Redactor, rules: Rules) -> None:
        self._journal = journal
        self._clock = clock
        self._redactor = redactor
        self._rules = rules

    def _written(self) -> tuple[Cap, ...]:
        """Caps of the settings."""
        return tuple(one.cap for one in self._rules.budget.caps)

    async def said(
        self, run_id: str, form_id: str, values: Mapping[str, Any], comment: str, actor: Actor, access: Access
    ) -> RecordedAnswer:
        """What is to be recorded with the answer; nothing for any other form.

        Raises InvalidInput, Refused (`role_missing`, `request_expired`, `cap_changed`).
        """
        run = await self._journal.run_row(run_id)
        number = form_id.removeprefix(FORM)
        if run is None or run["requested_by"] != ASKER or not (number.isascii() and number.isdecimal()):
            return RecordedAnswer()
        reached = await act_numbered(self._journal, int(number))
        if reached is None:
            return RecordedAnswer()
        choice = str(values.get("choice"))
        access.require(Role.OPERATOR if choice == "stop" else Role.ADMIN, actor)
        now, zone = self._clock.now(), await asyncio.to_thread(ZoneInfo, self._rules.budget.time_zone)
        if not is_current(reached["cap_window"], reached["since"], now, zone):
            words = f"this {reached['cap_window']} is over: its soft cap counts anew"
            raise Refused(ErrorCode.REQUEST_EXPIRED, words, {"run_id": run_id})
        why = str(values.get("comment") or comment).strip()
        amount = _amount(choice, values.get("amount"), why)
        shown = await self._as_asked(reached, now, zone) if choice == "top_up" else None
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
        act = act_of(limit, kind, now, actor=actor.name, via=actor.via, amount=amount, comment=told)
        return RecordedAnswer((act,), shown)

    async def note(self, request: RequestViewRow, form_id: str) -> str | None:
        """What became of the cap since an open question about it was asked; None of any other form."""
        number = form_id.removeprefix(FORM)
        if request["pack"] != PACK or request["status"] != RequestStatus.PENDING or not number.isdecimal():
            return None
        reached = await act_numbered(self._journal, int(number))
        if reached is None or reached["tenant"] != request["tenant"]:
            return None
        now, zone = self._clock.now(), await asyncio.to_thread(ZoneInfo, self._rules.budget.time_zone)
        if not is_current(reached["cap_window"], reached["since"], now, zone):
            return f"This {reached['cap_window']} is not the one in force: its soft cap counts anew."
        cap = await self._cap(reached, now, zone)
        if cap is not None and cap.soft == reached["soft"]:
            return None
        holds = "none" if cap is None or cap.soft is None else dollars(cap.soft)
        return (
            f"Since this was asked somebody changed the soft cap: it is {holds} now. top_up is refused here, "
            "lower_model and stop hold."
        )

    async def _cap(self, reached: ActRow, now: int, zone: ZoneInfo) -> CapView | None:
        money = self._journal.spending
        caps: tuple[Cap, ...] = (*self._written(), *map(set_cap, await money.caps()))
        scope, window = CapScope(reached["scope"]), CapWindow(reached["cap_window"])
        return await CapViews(money, caps, now, zone).one(scope, reached["tenant"], reached["name"], window)

    async def _as_asked(self, reached: ActRow, now: int, zone: ZoneInfo) -> ShownCap:
        """The cap, which is as high as when people were asked. Raises Refused (`cap_changed`)."""
        scope, window = CapScope(reached["scope"]), CapWindow(reached["cap_window"])
        tenant, name, cap = reached["tenant"], reached["name"], await self._cap(reached, now, zone)
        if cap is None or cap.soft != reached["soft"]:
            holds = "none" if cap is None or cap.soft is None else dollars(cap.soft)
            asked = dollars(reached["soft"] or 0)
            words = f"{cap_words(reached)} was {asked} when this was asked, now it is {holds}"
            more = "nothing was done. If more is needed, `vasini budget top-up` adds it"
            where = {"scope": scope, "name": name, "window": window}
            raise Refused(ErrorCode.CAP_CHANGED, f"{words}: {more}", where)
        return ShownCap(scope, window, tenant, name, cap.soft, cap.hard, self._written(), zone, now)


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
    if not 0 < amount <= 10**18:
        raise InvalidInput("a top-up is an amount above 0, and at most a billion dollars")
    return amount
