"""Soft caps that are reached: people are asked how runs go on, and those that wait there go on by it.

What is asked is a run of the pack `budget`, started once for what happened to the cap: the place up to
which was asked is noted after the start, which has an idempotency key. An answer and what it does to the cap
are one transaction. Each of these steps is a change that every process looks at, so no death in between
leaves a run behind.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.budget.caps import window_around
from engine.contracts.actor import Actor
from engine.contracts.governing.budget import CapScope, CapState, CapWindow, words_of_cap
from engine.contracts.governing.money import dollars
from engine.contracts.packs.started_for_people import MONEY_PACK
from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RUN_TERMINAL, CancelMode, RunStatus
from engine.errors import Refused, Unavailable, VasiniError
from engine.journal.spend_rows import SOFT_REACHED, cap_key_of
from engine.runtime.embedded.governing.caps_in_force import CapsInForce
from engine.runtime.embedded.governing.late_questions import LateQuestions
from engine.runtime.shared_notes import read_or_begin

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.budget.settings import BudgetSettings
    from engine.journal.port import Journal
    from engine.journal.spend_rows import ActRow, WaitingRow
    from engine.runtime.clock import Clock
    from engine.runtime.embedded.runs import Runs
    from engine.runtime.embedded.starting.run_starter import RunStarter

logger = logging.getLogger(__name__)

PACK, FLOW, FORM = MONEY_PACK, "soft-cap", "soft-cap-"
ASKER = "vasini budget"
"""Who asks: no account has a name with a space."""
AGAIN_SECONDS = 1.0
"""When not all could be looked at."""
AT_ONCE = 200
MOST_KNOWN = 20_000
"""Questions of which it is remembered what they are about: that never changes."""
MOST_COMMENT = 500
_NOTES = "soft caps"
_OPEN = RunFilter(pack=PACK, status=tuple(status for status in RunStatus if status not in RUN_TERMINAL))
_ACTOR = Actor(name=ASKER, via="engine")
_WAITS = "Runs wait there until somebody has answered."
_GOES_ON = "Runs go on meanwhile."


class SoftCaps:
    """Looks what was reached, and who waits, while runs are worked here: when something changed, when a
    window ends, and on and on while there is more than one look takes."""

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
        self._caps = CapsInForce(journal.spending, clock, settings)
        self._runs = runs
        self._starter = starter
        self._woken = ""
        """Whoever waits behind this run is looked at next: many may have to wait for long."""
        self._behind: str | None = None
        """Questions behind this place are looked at next: ten thousand tenants may be asked at once."""
        self._about: dict[str, ActRow | None] = {}

    async def look(self) -> float:
        """Ask about every soft cap that was reached, withdraw what is too late, wake who need not wait.

        The seconds until it has to look again though nothing changes.
        """
        all_asked = await self._ask()
        await self._wake()
        if not all_asked or self._behind or self._woken:
            return AGAIN_SECONDS
        now, zone = self._clock.now(), await self._caps.zone()
        ends = (window_around(window, now, zone)[1] for window in CapWindow)
        return (min(end for end in ends if end is not None) - now) / 1_000_000

    async def _ask(self) -> bool:
        """What is withdrawn is noted first, so that it is asked again should its window come back. False when
        there may be more."""
        version, seen = await read_or_begin(self._journal.shared_notes, _NOTES)
        late = LateQuestions.read(seen.get("late", {}))
        acts = await self._journal.spending.acts_after(seen.get("act", 0), AT_ONCE)
        for act in acts:
            if act["kind"] != SOFT_REACHED:
                continue
            if await self._caps.is_current(act):
                await self._start(act)
            else:
                late.overtaken(act)
        standing, over = await self._standing()
        for act in over.values():
            late.overtaken(act)
        for number, times in list(late.due(self._clock.now(), await self._caps.zone(), standing)):
            reached = await act_numbered(self._journal, number)
            if reached is not None and await self._is_open(reached):
                await self._start(reached, again=times)
                late.asked(number, times)
        noted = {"act": acts[-1]["act"] if acts else seen.get("act", 0), "late": late.noted()}
        if noted != {"act": 0, "late": {}, **seen} and not await self._journal.shared_notes.note(
            _NOTES, json.dumps(noted), version
        ):
            return False  # another process looks, too
        for run_id in over:
            with suppress(Refused):  # answered in this very moment
                await self._runs.cancel(run_id, actor=_ACTOR, mode=CancelMode.NOW)
        return len(acts) < AT_ONCE

    async def _standing(self) -> tuple[set[int], dict[str, ActRow]]:
        """Acts that people are being asked about, and the runs that ask about a window that is over: of the
        newest ones, and of some more at each look."""
        standing: set[int] = set()
        over: dict[str, ActRow] = {}
        newest = await self._runs.list(_OPEN, limit=AT_ONCE)
        page = await self._runs.list(_OPEN, limit=AT_ONCE, after=self._behind) if self._behind else newest
        self._behind = page.next
        for run in {one.run_id: one for one in (*newest.items, *page.items)}.values():
            asked = await self._known_act(run.run_id)
            if asked is not None and await self._caps.is_current(asked):
                standing.add(asked["act"])
            elif asked is not None:
                over[run.run_id] = asked
        return standing, over

    async def _is_open(self, act: ActRow) -> bool:
        """Whether the cap is reached as things stand, and nobody has said how runs go on."""
        if await self._journal.spending.soft_cap_answer(cap_key_of(act)) is not None:
            return False
        cap = await self._caps.view_of(act)
        return cap is not None and cap.state is not CapState.OK

    async def _start(self, act: ActRow, again: int = 0) -> None:
        cap = await self._caps.view_of(act)
        hard = cap.hard if cap is not None else act["hard"]  # the act knows it only of a call that begins
        given = {
            "act": str(act["act"]),
            "what": cap_words(act),
            "spent": dollars(act["amount"] or 0),
            "soft": dollars(act["soft"] or 0),
            "hard": dollars(hard) if hard else "none",
            "meanwhile": _WAITS if cap is not None and cap.pauses else _GOES_ON,
        }
        from engine.runtime.embedded.starting.run_starter import StartRequest  # noqa: PLC0415 - whoever answers starts nothing

        key = f"soft cap {act['act']}" + (f" again {again}" if again else "")
        try:
            await self._starter().start(
                StartRequest(PACK, FLOW, given, _ACTOR, act["tenant"], key, None, refused_once=True)
            )
        except Unavailable:
            raise  # the act is not noted, so the next look asks
        except VasiniError as error:
            logger.warning("nobody is asked about the soft cap of %s: %s", cap_words(act), error.message)

    async def _known_act(self, run_id: str) -> ActRow | None:
        if run_id not in self._about:
            if len(self._about) >= MOST_KNOWN:
                self._about.clear()
            self._about[run_id] = await self._act_of_run(run_id)
        return self._about[run_id]

    async def _act_of_run(self, run_id: str) -> ActRow | None:
        try:
            summary = await self._runs.summary(run_id)
        except Unavailable as error:
            if error.may_pass:
                raise
            return None
        given = summary.input
        number = given.get("act") if isinstance(given, dict) else None
        asked = summary.requested_by == ASKER and isinstance(number, str) and number.isdecimal()
        return await act_numbered(self._journal, int(number or 0)) if asked else None

    async def _wake(self) -> None:
        waits = await self._journal.spending.waits(self._woken, AT_ONCE)
        self._woken = waits[-1]["run_id"] if len(waits) == AT_ONCE else ""
        for wait in waits:
            run = await self._journal.run_row(wait["run_id"])
            if run is None or run["status"] in RUN_TERMINAL:
                await self._journal.end_wait(wait["run_id"])
            elif run["status"] == RunStatus.PAUSED and not await self._has_to_wait(wait):
                with suppress(Refused):  # cancelled in this very moment
                    await self._runs.resume(wait["run_id"], actor=_ACTOR)  # its next call ends the wait

    async def _has_to_wait(self, wait: WaitingRow) -> bool:
        if wait["answered"] or not await self._caps.is_current(wait):
            return False
        cap = await self._caps.view_of(wait)
        if cap is None or cap.soft is None or not cap.pauses:
            return False
        if cap.scope is not CapScope.RUN:
            return cap.state is not CapState.OK
        spent = await self._journal.spending.of_tree(cap.name)  # a run's sum is not in the view
        return sum(one["cost"] for one in spent) >= cap.soft


async def act_numbered(journal: Journal, number: int) -> ActRow | None:
    """The reaching of a soft cap with that number."""
    found = await journal.spending.acts_after(number - 1, 1)
    act = found[0] if found else None
    return act if act is not None and act["act"] == number and act["kind"] == SOFT_REACHED else None


def cap_words(act: ActRow) -> str:
    """Which soft cap it is, for people."""
    return f"The soft cap of {words_of_cap(act['scope'], act['name'], act['cap_window'])}"
