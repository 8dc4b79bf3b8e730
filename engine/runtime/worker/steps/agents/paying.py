"""Money and tokens for calls of models: one begins when what it may use is held, waits while others may leave
room, or is refused."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

from engine.budget.caps import Subject, caps_of_pack
from engine.contracts.governing.budget import words_of_cap
from engine.contracts.governing.money import dollars
from engine.contracts.status import StepErrorCode
from engine.errors import Unavailable
from engine.journal.rules.spending.holding import OverHardCap, PaidCall
from engine.journal.rules.spending.soft_caps import HeldBack, UseLowerTier
from engine.journal.rules.spending.tokens import OverTokenCeiling
from engine.machine.events.model_facts import ModelUsage
from engine.machine.model.inputs import CallHeldBack
from engine.machine.transition_builder import failure
from engine.runtime.clock import new_id
from engine.runtime.processes import boot_id
from engine.runtime.worker.steps.agents.token_ceiling import (
    all_used,
    input_tokens,
    used_up,
    waits_for_tokens,
)
from engine.threads import finish

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from engine.budget.caps import Limit
    from engine.budget.price import Price
    from engine.budget.settings import BudgetSettings
    from engine.journal.changes import ChangeSet
    from engine.journal.port import Journal
    from engine.journal.rules.spending.holding import CallAdmission
    from engine.journal.spend_rows import HoldRow
    from engine.machine.model.state import Execution, RunState
    from engine.models.conversation import ModelRequest
    from engine.runtime.clock import Clock
    from engine.runtime.worker.steps.agents.meter import Meter
    from engine.runtime.worker.steps.calls.tool_call import CallSite

LOOK_SECONDS = 1.0
"""How often a call that waits asks again when nobody told of a change."""
ADDED, ADDED_BY_TOOLS = 64, 1024
"""Tokens that a server adds at the most to what it is told: its words around messages, and around tools."""
SPARE = 60_000_000
"""Microseconds after the time limit of a call in which its answer may still be written."""


_UNPRICED = "give it a price (budget.prices), or set budget.unpriced: allow"
_UNBOUNDED = "an agent of another program asks models by itself: set budget.unpriced: allow to let it"


class BudgetExhausted(Exception):
    """A hard cap or a ceiling of tokens would be passed, or the cost of a call below a cap is not known;
    `error` is the step's."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.error = error


class AtSoftCap(Exception):
    """The call may not begin at a soft cap; `held` says whether its run waits or ends there."""

    def __init__(self, held: HeldBack) -> None:
        super().__init__(f"the soft cap of {held.limit.scope} {held.limit.name}")
        self.held = held


class LowerTierWanted(Exception):
    """A model of the next lower tier is to be asked, as a person said at the soft cap `limit`."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(f"a lower tier, at the soft cap of {limit.scope} {limit.name}")
        self.limit = limit


class Paying:
    """Holds money and tokens for calls of models. `settings` has the caps that nobody set by hand."""

    def __init__(self, journal: Journal, clock: Clock, settings: BudgetSettings) -> None:
        self._journal = journal
        self._clock = clock
        self._settings = settings
        self._caps = tuple(one.cap for one in settings.caps)
        self._read: tuple[ZoneInfo, str] | None = None
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def begin(
        self,
        site: CallSite,
        execution: Execution,
        meter: Meter,
        request: ModelRequest,
        seconds: float,
        *,
        ceiling: int | None = None,
        may_lower: bool = False,
        told: Callable[[str], Awaitable[None]],
    ) -> ModelRequest:
        """Hold what the call may use: what is asked from now on, with a bound where a cap or ceiling holds.

        `seconds` is the longest it may take, `ceiling` that of the tokens of its tree, `may_lower` whether a
        model of a lower tier may be asked in place of this one, `told` hears what is waited for. One that
        costs nothing, with no ceiling, needs nothing held. Raises BudgetExhausted, AtSoftCap, LeaseLost, and
        with `may_lower` LowerTierWanted.
        """
        price = meter.quoted.price
        call = replace(
            await self._call(site, execution, meter.quoted.name, price),
            sent=meter.sent,
            added=ADDED_BY_TOOLS if request.tools else ADDED,
            answer=request.max_tokens or self._settings.answer_tokens,
            may_lower=may_lower,
            ceiling=ceiling,
            told=input_tokens(request),
        )
        call = replace(call, deadline=call.uptime + round(seconds * 1_000_000) + SPARE)
        found = await self._asked(call)
        while (turn := _turn(found, call)) is not None:
            await told(_waits(found))
            async with self._turns.setdefault(turn, asyncio.Lock()):  # its others here wait behind it
                found = await self._waited(call, turn)
        if isinstance(found, HeldBack):
            raise AtSoftCap(found)
        if isinstance(found, UseLowerTier):
            raise LowerTierWanted(found.limit)
        if isinstance(found, OverTokenCeiling):
            raise BudgetExhausted(used_up(found))
        if isinstance(found, OverHardCap):
            raise BudgetExhausted(_refusal(found, call))
        meter.hold, meter.held = call.hold_id, found.amount
        return replace(request, max_tokens=call.answer) if found.capped else request

    async def begin_outside(
        self, site: CallSite, execution: Execution, state: RunState, agent: str
    ) -> HeldBack | None:
        """Whether a program that asks models by itself may begin, or what holds it back at a soft cap.

        What it will use nobody knows, so nothing is held for it. Raises BudgetExhausted, LeaseLost.
        """
        full = await all_used(site, state)
        if full is not None:
            raise BudgetExhausted(full)
        call = await self._call(site, execution, agent, None)
        found = await self._journal.begin_call(call)
        if isinstance(found, OverHardCap):
            raise BudgetExhausted(_refusal(found, call, _UNBOUNDED))
        return found if isinstance(found, HeldBack) else None

    async def release(self, meter: Meter) -> None:
        """The call failed before anything came of it: nothing is held for it any more."""
        if meter.hold is not None:
            await self._journal.lower_hold(meter.hold, 0)

    async def lower(self, hold_id: str, cost: int, tokens: tuple[int, int]) -> None:
        """The call was stopped, and used so much: more is not held for it."""
        await self._journal.lower_hold(hold_id, cost, tokens)

    async def left(self, run_id: str) -> Sequence[HoldRow]:
        """What is held for calls of a run that whoever asks holds, before it begins one itself."""
        return await self._journal.spending.holds_of_run(run_id)

    async def _call(self, site: CallSite, execution: Execution, name: str, price: Price | None) -> PaidCall:
        zone, boot = await self._where()
        row, layer = site.row, site.flow.layer
        of_pack = caps_of_pack(layer.cost_limit if layer is not None else None)
        return PaidCall(
            hold_id=new_id("hold"),
            run_id=row["run_id"],
            epoch=site.epoch,
            step_id=execution.path,
            subject=Subject(row["tenant"], row["pack"], name, site.outermost),
            price=price,
            sent=0,
            added=0,
            answer=0,
            caps=(*self._caps, *of_pack),
            zone=zone,
            allow_unpriced=self._settings.unpriced == "allow",
            now=self._clock.now(),
            boot_id=boot,
            uptime=self._clock.uptime(),
            deadline=0,
        )

    async def _where(self) -> tuple[ZoneInfo, str]:
        """The time zone of windows and the boot of the machine, both or none: one without the other would let
        go what others hold."""
        if self._read is None:
            zone = await asyncio.to_thread(ZoneInfo, self._settings.time_zone)
            self._read = zone, await asyncio.to_thread(boot_id)
        return self._read

    async def _asked(self, call: PaidCall) -> CallAdmission:
        """Whether it begins. Of one that is cancelled meanwhile nothing stays held."""
        try:
            return await self._journal.begin_call(call)
        except asyncio.CancelledError:
            with suppress(Unavailable):  # then it is let go when its time is over
                await finish(self._journal.lower_hold(call.hold_id, 0))
            raise

    async def _waited(self, call: PaidCall, turn: str) -> CallAdmission:
        """Ask again whenever another call has ended, until it waits in this turn no more; holds of dead ones
        end by themselves."""
        took = call.deadline - call.uptime
        with self._news() as news:
            while True:
                news.clear()
                uptime = self._clock.uptime()
                call = replace(call, now=self._clock.now(), uptime=uptime, deadline=uptime + took)
                found = await self._asked(call)
                if _turn(found, call) != turn:
                    return found
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await news.wait()

    @contextmanager
    def _news(self) -> Iterator[asyncio.Event]:
        """Set when a call may have ended, of this process or another one."""
        news = asyncio.Event()

        def heard(change: ChangeSet) -> None:
            if change.foreign or any(one.event.kind == ModelUsage.kind for one in change.events):
                news.set()

        undo = self._journal.on_change(heard)
        try:
            yield news
        finally:
            undo()


def _turn(found: CallAdmission, call: PaidCall) -> str | None:
    """In which line it waits: that of its tree for tokens, that of all for money; None: it does not wait."""
    if isinstance(found, OverTokenCeiling):
        return call.subject.tree if found.waits else None
    return "money" if isinstance(found, OverHardCap) and found.waits else None


def _waits(found: CallAdmission) -> str:
    if isinstance(found, OverTokenCeiling):
        return waits_for_tokens(found)
    assert isinstance(found, OverHardCap), found
    balance, limit = found.balance, found.balance.limit
    what = words_of_cap(limit.scope, limit.name, limit.window)
    return (
        f"waits for money: the cap of {what} is {dollars(limit.hard or 0)}, of which "
        f"{dollars(balance.spent)} is spent and {dollars(balance.held)} held for calls that have not ended; "
        f"this call may cost {dollars(found.most or 0)}. What is held for a call whose process died is "
        "counted when its run goes on, or free when the time limit of that call is over; a top-up is heard "
        "at once (vasini budget top-up)"
    )


def held_back(now: int, execution: Execution, held: HeldBack) -> CallHeldBack:
    """What the run hears of a call that does not begin at a soft cap."""
    limit = held.limit
    cap = {
        "scope": limit.scope.value,
        "tenant": limit.tenant,
        "name": limit.name,
        "window": limit.window.value,
        "soft": limit.soft,
    }
    return CallHeldBack(now=now, path=execution.path, attempt=execution.attempt, cap=cap, stop=held.stop)


def _refusal(found: OverHardCap, call: PaidCall, way_out: str = _UNPRICED) -> dict[str, Any]:
    balance, limit = found.balance, found.balance.limit
    what = words_of_cap(limit.scope, limit.name, limit.window)
    details: dict[str, Any] = {
        "scope": limit.scope.value,
        "name": limit.name,
        "window": limit.window.value,
        "hard": limit.hard,
        "spent": balance.spent,
        "held": balance.held,
        "recoverable": False,
    }
    if found.most is None:
        message = f"what {call.subject.model} costs is not known, and {what} has a hard cap; {way_out}"
        return failure(StepErrorCode.BUDGET_EXHAUSTED, message, reason="price_unknown", **details)
    message = (
        f"the cap of {what} would be passed: {dollars(limit.hard or 0)}, of which {dollars(balance.spent)}"
        f" is spent and {dollars(balance.held)} held; this call may cost {dollars(found.most)}; "
        f"top it up (vasini budget top-up) and retry the run"
    )
    details["needed"] = found.most
    return failure(StepErrorCode.BUDGET_EXHAUSTED, message, reason="hard_cap_exceeded", **details)
