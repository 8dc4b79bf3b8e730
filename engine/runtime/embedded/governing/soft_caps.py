"""Soft caps that are reached: people are asked how runs go on, and those that wait there go on by it.

What is asked is a run of the pack `budget`, started once for what happened to the cap: the place up to
which was asked is noted after the start, which has an idempotency key. An answer and what it does to the cap
are one transaction. Runs that wait are looked at again and again, so no death in between leaves one behind.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from engine.budget.caps import Limit, window_around
from engine.contracts.actor import Actor, Role
from engine.contracts.governing.budget import CapScope, CapState, CapWindow
from engine.contracts.governing.money import billionths, dollars
from engine.contracts.runs.run import RunFilter
from engine.contracts.status import RUN_TERMINAL, CancelMode, RunStatus
from engine.errors import ErrorCode, InvalidInput, Refused, Unavailable, VasiniError
from engine.journal.rules.spending.acts import act_of
from engine.journal.rules.spending.holding import set_cap
from engine.journal.shown_cap import Shown
from engine.journal.spend_rows import LOWERED, SOFT_REACHED, STOPPED, TOPPED_UP
from engine.runtime.embedded.starting import StartRequest
from engine.runtime.embedded.triggering.switch import read_notes
from engine.runtime.looking import looking
from engine.runtime.views.cap_views import CapViews

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from engine.budget.caps import Cap
    from engine.budget.settings import BudgetSettings
    from engine.contracts.governing.budget import CapView
    from engine.governance.access import Access
    from engine.governance.redactor import Redactor
    from engine.journal.port import Journal
    from engine.journal.spend_rows import ActRow, NewActRow, WaitingRow
    from engine.runtime.clock import Clock
    from engine.runtime.embedded.runs import Runs
    from engine.runtime.embedded.starting import RunStarter

logger = logging.getLogger(__name__)

PACK, FLOW, FORM = "budget", "soft-cap", "soft-cap-"
ASKER = "vasini budget"
"""Who asks: no account has a name with a space."""
LOOK_SECONDS = 1.0
AT_ONCE = 200
MOST_COMMENT = 500
_NOTES = "soft caps"
_OPEN = RunFilter(pack=PACK, status=tuple(status for status in RunStatus if status not in RUN_TERMINAL))
_ACTOR = Actor(name=ASKER, via="engine")
_WAITS = "Runs wait there until somebody has answered."
_GOES_ON = "Runs go on meanwhile."
_KINDS = {"top_up": TOPPED_UP, "lower_model": LOWERED, "stop": STOPPED}


class SoftCaps:
    """Looks again and again what was reached, and who waits, while runs are worked here."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        settings: BudgetSettings,
        runs: Runs,
        starter: Callable[[], RunStarter],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._zone = settings.time_zone
        self._written = tuple(one.cap for one in settings.caps)
        self._runs = runs
        self._starter = starter
        self._woken = ""
        """Whoever waits behind this run is looked at next: many may have to wait for long."""

    def looking(self) -> AbstractAsyncContextManager[None]:
        """Look again and again while the context is open."""
        return looking(self.look, "soft caps", LOOK_SECONDS)

    async def look(self) -> None:
        """Ask about every soft cap that was reached, withdraw what is too late, wake who need not wait."""
        zone = await asyncio.to_thread(ZoneInfo, self._zone)
        await self._ask(zone)
        await self._wake(zone)

    async def _ask(self, zone: ZoneInfo) -> None:
        version, seen = await read_notes(self._journal.triggers, _NOTES)
        acts = await self._journal.spending.acts_after(seen.get("act", 0), AT_ONCE)
        for act in acts:
            if act["kind"] == SOFT_REACHED and _is_current(act["cap_window"], act["since"], self._now, zone):
                await self._start(act, zone)
        if acts:
            await self._journal.triggers.note(_NOTES, json.dumps({"act": acts[-1]["act"]}), version)
        page = await self._runs.list(_OPEN, limit=AT_ONCE)
        for run in page.items:
            asked = await self._act_of_run(run.run_id)
            if asked and not _is_current(asked["cap_window"], asked["since"], self._now, zone):
                with suppress(Refused):  # answered in this very moment
                    await self._runs.cancel(run.run_id, actor=_ACTOR, mode=CancelMode.NOW)

    @property
    def _now(self) -> int:
        return self._clock.now()

    async def _start(self, act: ActRow, zone: ZoneInfo) -> None:
        cap = await self._cap(act["scope"], act["tenant"], act["name"], act["cap_window"], zone)
        hard = cap.hard if cap is not None else act["hard"]  # the act knows it only of a call that begins
        given = {
            "act": str(act["act"]),
            "what": _words(act),
            "spent": dollars(act["amount"] or 0),
            "soft": dollars(act["soft"] or 0),
            "hard": dollars(hard) if hard else "none",
            "meanwhile": _WAITS if cap is not None and cap.pauses else _GOES_ON,
        }
        key = f"soft cap {act['act']}"
        try:
            await self._starter().start(
                StartRequest(PACK, FLOW, given, _ACTOR, act["tenant"], key, None, refused_once=True)
            )
        except Unavailable:
            raise  # the act is not noted, so the next look asks
        except VasiniError as error:
            logger.warning("nobody is asked about the soft cap of %s: %s", _words(act), error.message)

    async def _act_of_run(self, run_id: str) -> ActRow | None:
        summary = await self._runs.summary(run_id)
        given = summary.input
        number = given.get("act") if isinstance(given, dict) else None
        asked = summary.requested_by == ASKER and isinstance(number, str) and number.isdecimal()
        return await act_numbered(self._journal, int(number or 0)) if asked else None

    async def _wake(self, zone: ZoneInfo) -> None:
        waits = await self._journal.spending.waits(self._woken, AT_ONCE)
        self._woken = waits[-1]["run_id"] if len(waits) == AT_ONCE else ""
        for wait in waits:
            run = await self._journal.run_row(wait["run_id"])
            if run is None or run["status"] in RUN_TERMINAL:
                await self._journal.end_wait(wait["run_id"])
            elif run["status"] == RunStatus.PAUSED and not await self._has_to_wait(wait, zone):
                with suppress(Refused):  # cancelled in this very moment
                    await self._runs.resume(wait["run_id"], actor=_ACTOR)  # its next call ends the wait

    async def _has_to_wait(self, wait: WaitingRow, zone: ZoneInfo) -> bool:
        if wait["said"] or not _is_current(wait["cap_window"], wait["since"], self._now, zone):
            return False
        cap = await self._cap(wait["scope"], wait["tenant"], wait["name"], wait["cap_window"], zone)
        if cap is None or not cap.pauses:
            return False
        return cap.scope is CapScope.RUN or cap.state is not CapState.OK  # a run's sum is not in the view

    async def _cap(self, scope: str, tenant: str, name: str, window: str, zone: ZoneInfo) -> CapView | None:
        money = self._journal.spending
        caps: tuple[Cap, ...] = (*self._written, *map(set_cap, await money.caps()))
        views = CapViews(money, caps, self._now, zone)
        return await views.one(CapScope(scope), tenant, name, CapWindow(window))


@dataclass(frozen=True, slots=True)
class Said:
    """What is to be recorded with an answer, if the cap is still as it was asked about (`cap`)."""

    acts: tuple[NewActRow, ...] = ()
    cap: Shown | None = None


class SoftCapAnswers:
    """What an answer to such a question does to its cap."""

    def __init__(self, journal: Journal, clock: Clock, redactor: Redactor, settings: BudgetSettings) -> None:
        self._journal = journal
        self._clock = clock
        self._redactor = redactor
        self._zone = settings.time_zone
        self._written = tuple(one.cap for one in settings.caps)

    async def said(
        self, run_id: str, form_id: str, values: Mapping[str, Any], comment: str, actor: Actor, access: Access
    ) -> Said:
        """What is to be recorded with the answer; nothing for any other form.

        Raises InvalidInput, Refused (`role_missing`, `request_expired`, `cap_changed`).
        """
        run = await self._journal.run_row(run_id)
        number = form_id.removeprefix(FORM)
        if run is None or run["requested_by"] != ASKER or not (number.isascii() and number.isdecimal()):
            return Said()
        reached = await act_numbered(self._journal, int(number))
        if reached is None:
            return Said()
        choice = str(values.get("choice"))
        access.require(Role.OPERATOR if choice == "stop" else Role.ADMIN, actor)
        now, zone = self._clock.now(), await asyncio.to_thread(ZoneInfo, self._zone)
        if not _is_current(reached["cap_window"], reached["since"], now, zone):
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
        return Said((act,), shown)

    async def _as_asked(self, reached: ActRow, now: int, zone: ZoneInfo) -> Shown:
        """The cap, which is as high as when people were asked. Raises Refused (`cap_changed`)."""
        scope, window = CapScope(reached["scope"]), CapWindow(reached["cap_window"])
        tenant, name, money = reached["tenant"], reached["name"], self._journal.spending
        caps: tuple[Cap, ...] = (*self._written, *map(set_cap, await money.caps()))
        cap = await CapViews(money, caps, now, zone).one(scope, tenant, name, window)
        if cap is None or cap.soft != reached["soft"]:
            holds = "none" if cap is None or cap.soft is None else dollars(cap.soft)
            asked = dollars(reached["soft"] or 0)
            words = f"{_words(reached)} was {asked} when this was asked, now it is {holds}"
            more = "nothing was done. If more is needed, `vasini budget top-up` adds it"
            where = {"scope": scope, "name": name, "window": window}
            raise Refused(ErrorCode.CAP_CHANGED, f"{words}: {more}", where)
        return Shown(scope, window, tenant, name, cap.soft, cap.hard, self._written, zone, now)


async def act_numbered(journal: Journal, number: int) -> ActRow | None:
    """The reaching of a soft cap with that number."""
    found = await journal.spending.acts_after(number - 1, 1)
    act = found[0] if found else None
    return act if act is not None and act["act"] == number and act["kind"] == SOFT_REACHED else None


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


def _is_current(window: str, since: int, now: int, zone: ZoneInfo) -> bool:
    begins, _ = window_around(CapWindow(window), now, zone)
    return begins == since


def _words(act: ActRow) -> str:
    of = "" if act["cap_window"] == CapWindow.TOTAL else f" of this {act['cap_window']}"
    return f"The soft cap of {act['scope']} {act['name']}{of}"
