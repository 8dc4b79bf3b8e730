"""What is to be expected of the money of one run: learned from completed ones, below the caps that hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.budget.admission import Balance
from engine.budget.caps import Subject, caps_of_pack, limits_of
from engine.budget.standing import standing
from engine.contracts.flows.agent_step import ModelStep
from engine.contracts.flows.flow import SubflowStep
from engine.contracts.flows.outside_agent import PromptStep
from engine.contracts.governing.budget import CapScope, CapWindow
from engine.contracts.runs.listed import RunFilter, RunSort
from engine.contracts.status import RunStatus
from engine.errors import PackInvalid
from engine.journal.rules.spending.holding import held_for
from engine.journal.spend_rows import SLOT
from engine.runtime.views.cap_views import by_cap, with_top_ups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.budget.caps import Cap, Limit
    from engine.contracts.governing.budget import CapView
    from engine.journal.port import Journal
    from engine.journal.rows import RunRow
    from engine.journal.spend_rows import RestRow, SpendRow
    from engine.runtime.embedded.governing.caps_in_force import CapsInForce
    from engine.runtime.pack_library.library import PackLibrary

LOOKED_AT = 20
"""Completed runs of the flow, the newest ones."""
FEWEST = 5
"""With fewer of them that went through the step nothing is said."""
_ALWAYS = 2**40


def learned(rests: Sequence[RestRow]) -> tuple[int | None, int | None]:
    """What runs cost after a step on average, rounded up, and at the most; None where it cannot be said."""
    if len(rests) < FEWEST or any(one["unpriced"] for one in rests):
        return None, None
    costs = [one["cost"] for one in rests]
    return -(-sum(costs) // len(costs)), max(costs)


def _sums(rows: Sequence[SpendRow]) -> tuple[int, int]:
    return sum(one["cost"] for one in rows), sum(one["unpriced"] for one in rows)


class Outlooks:
    """Reads what the journal says of the money of runs to come."""

    def __init__(self, journal: Journal, packs: PackLibrary, caps: CapsInForce) -> None:
        self._journal = journal
        self._packs = packs
        self._caps = caps

    async def rests(self, run: RunRow, step_id: str) -> Sequence[RestRow]:
        """Of the newest completed runs of the same flow for the same tenant."""
        filters = RunFilter(
            tenant=run["tenant"], pack=run["pack"], flow=run["flow"], status=(RunStatus.COMPLETED,)
        )
        page = await self._journal.lists.page(filters, RunSort.NEWEST, LOOKED_AT)
        return await self._journal.spending.rest_of([one["run_id"] for one in page], step_id)

    async def may_ask_models(self, run: RunRow) -> bool:
        """Whether a step of its flow asks a model, or starts a run that may."""
        try:
            flow = await self._packs.flow(run["pack"], run["pack_digest"], run["flow"])
        except PackInvalid:  # its content is gone: nobody knows
            return True
        return any(isinstance(step, ModelStep | PromptStep | SubflowStep) for step in flow.graph.every_step)

    async def tightest(self, run: RunRow, tree: str, rows: Sequence[SpendRow]) -> CapView | None:
        """The hard cap with the least left, of those that hold for the run and the models it has asked.

        `rows` are what its tree has used.
        """
        found = [one for one in await self._views(run, tree, rows) if one.hard is not None]
        return min(found, key=lambda one: one.left or 0, default=None)

    async def of_run(self, run: RunRow, tree: str, rows: Sequence[SpendRow]) -> CapView | None:
        """The run's own cap; None where none holds."""
        found = await self._views(run, tree, rows)
        return next((one for one in found if one.scope is CapScope.RUN), None)

    async def _views(self, run: RunRow, tree: str, rows: Sequence[SpendRow]) -> list[CapView]:
        """Those that hold for the run and the models it has asked."""
        money, in_force = self._journal.spending, await self._caps.views()
        caps, now = (*await self.of_pack(run), *in_force.caps), in_force.now
        models = {one["model"] for one in rows} or {""}
        limits: dict[tuple[CapScope, CapWindow, str], Limit] = {}
        for model in sorted(models):
            for limit in limits_of(
                caps, Subject(run["tenant"], run["pack"], model, tree), now, in_force.zone
            ):
                limits[limit.scope, limit.window, limit.name] = limit
        top_ups = by_cap(await money.top_ups())
        found: list[CapView] = []
        for limit in limits.values():
            if limit.scope is CapScope.MODEL and not limit.name:
                continue
            held = held_for(limit, in_force.holds)
            spent, unpriced = await self._spent(limit, rows)
            balance = Balance(with_top_ups(limit, top_ups), spent, sum(one["amount"] for one in held))
            found.append(standing(balance, now, calls=len(held), unpriced=unpriced))
        return found

    async def _spent(self, limit: Limit, of_tree: Sequence[SpendRow]) -> tuple[int, int]:
        """Billionths, and calls of unknown cost."""
        if limit.scope is CapScope.RUN:
            return _sums(of_tree)
        rows = await self._journal.spending.by_names(limit.tenant, limit.since // SLOT, _ALWAYS)
        names = {CapScope.TENANT: "tenant", CapScope.PACK: "pack", CapScope.MODEL: "model"}
        column = names[limit.scope]
        return _sums([one for one in rows if dict(one)[column] == limit.name])

    async def of_pack(self, run: RunRow) -> tuple[Cap, ...]:
        """What the pack itself says a run may cost."""
        try:
            pack = await self._packs.pinned(run["pack"], run["pack_digest"])
        except PackInvalid:  # its content is gone: nothing of it is worked any more
            return ()
        return caps_of_pack(pack.tools_layer.cost_limit if pack.tools_layer is not None else None)
