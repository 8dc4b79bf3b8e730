"""`engine.budget` on a journal: what was spent, and the caps that people set and top up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.budget.caps import EACH, Cap, Limit, window_around
from engine.budget.price_table import shipped_table
from engine.contracts.actor import Role
from engine.contracts.governing.budget import Caps, CapScope, CapWindow, SpendBy, Spending, SpendSum
from engine.contracts.governing.outlook import SpendOutlook
from engine.errors import InvalidInput, NotFound
from engine.governance.access import AccessScoped
from engine.journal.rules.spending.acts import act_of
from engine.journal.shown_cap import ShownCap
from engine.journal.spend_rows import CAP_REMOVED, CAP_SET, TOPPED_UP
from engine.runtime.embedded.comments import require_comment
from engine.runtime.embedded.governing.caps_in_force import MOST, CapsInForce, require_top_up
from engine.runtime.embedded.governing.outlook import Outlooks, learned
from engine.runtime.embedded.governing.spent import ALWAYS, costliest_first, slot_of, sum_of, sums_by
from engine.runtime.embedded.run_ancestry import refuse_a_run
from engine.runtime.views.cap_views import act_view, token_ceilings

if TYPE_CHECKING:
    from datetime import datetime

    from engine.config import Rules
    from engine.contracts.actor import Actor
    from engine.contracts.governing.budget import AsShown, CapOf, CapTerms, CapView
    from engine.governance.redactor import Redactor
    from engine.journal.port import Journal
    from engine.journal.rows import RunRow
    from engine.journal.spend_rows import CapRow, NewActRow
    from engine.runtime.clock import Clock
    from engine.runtime.pack_library.library import PackLibrary

_LONGEST = 200
"""Characters of the name of a cap, as in the settings."""
_LONGEST_COMMENT = 500


class Budget(AccessScoped):
    """Implements `engine.facade.budget.Budget`."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        redactor: Redactor,
        packs: PackLibrary,
        rules: Rules,
    ) -> None:
        self._rules = rules
        self._journal = journal
        self._clock = clock
        self._redactor = redactor
        self._time_zone = rules.budget.time_zone
        self._caps = CapsInForce(journal.spending, clock, rules.budget)
        self._packs = packs
        self._models = frozenset(rules.models.all)

    async def spending(
        self,
        by: SpendBy = SpendBy.MODEL,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Spending:
        """See facade."""
        first, last = slot_of(since, 0), slot_of(until, ALWAYS)
        sums = self._journal.spending
        read = sums.by_slot if by is SpendBy.DAY else sums.by_names
        rows = await read(self.access.tenant, first, last)
        total, named = await asyncio.to_thread(sums_by, rows, by, self._time_zone)
        ordered = sorted(named, key=lambda row: row.name) if by is SpendBy.DAY else costliest_first(named)
        return Spending(
            by=by, since=since, until=until, time_zone=self._time_zone, total=total, rows=tuple(ordered)
        )

    async def of_run(self, run_id: str) -> SpendSum:
        """See facade."""
        await self._run(run_id)
        return sum_of(await self._journal.spending.of_tree(run_id))

    async def outlook(self, run_id: str, step_id: str) -> SpendOutlook:
        """See facade."""
        row = await self._run(run_id)
        tree = (await self._of_tree(run_id)).name
        used = await self._journal.spending.of_tree(run_id)
        outlooks = self._outlooks()
        rests = await outlooks.rests(row, step_id)
        likely, most = learned(rests) if await outlooks.may_ask_models(row) else (0, 0)
        return SpendOutlook(
            spent=sum_of(used),
            runs=len(rests),
            to_finish=likely,
            to_finish_most=most,
            tightest=await outlooks.tightest(row, tree, used),
        )

    async def _run(self, run_id: str) -> RunRow:
        """Raises NotFound."""
        return self.access.visible_run(run_id, await self._journal.run_row(run_id))

    async def caps(self, *, acts: int = 20) -> Caps:
        """See facade."""
        in_force = await self._caps.views()
        views = await in_force.all(self.access.tenant)
        money = self._journal.spending
        found = await money.newest_acts(self.access.tenant, acts) if acts else ()
        holds = [one for one in in_force.holds if self.access.sees(one["tenant"])]
        held = [one["amount"] for one in holds if one["amount"]]
        table = await asyncio.to_thread(shipped_table)
        return Caps(
            time_zone=self._time_zone,
            held=sum(held),
            held_calls=len(held),
            price_table=table.date,
            caps=tuple(views),
            acts=tuple(map(act_view, found)),
            run_tokens=token_ceilings(self._rules.policies),
        )

    async def cap(self, of: CapOf) -> CapView | None:
        """See facade."""
        if of.scope is CapScope.RUN and of.name != EACH:
            return await self._cap_of_run(of.name)
        return await self._cap_within(self._tenant(of), of)

    async def _cap_of_run(self, run_id: str) -> CapView | None:
        row, tree = await self._run(run_id), await self._of_tree(run_id)
        return await self._outlooks().of_run(row, tree.name, await self._journal.spending.of_tree(run_id))

    def _outlooks(self) -> Outlooks:
        return Outlooks(self._journal, self._packs, self._caps)

    async def set_cap(
        self,
        of: CapOf,
        terms: CapTerms,
        *,
        actor: Actor,
        comment: str = "",
        seen: AsShown | None = None,
    ) -> None:
        """See facade."""
        self.access.require(Role.ADMIN, actor)
        await refuse_a_run(self._journal)
        _require_fit(of, terms)
        if terms.pause and terms.soft is None:
            raise InvalidInput("runs wait at a soft cap: give one")
        limit = Limit(of.scope, of.window, self._tenant(of), of.name, terms.soft, terms.hard, "person")
        row: CapRow = {
            "scope": of.scope.value,
            "tenant": limit.tenant,
            "name": of.name,
            "cap_window": of.window.value,
            "soft": terms.soft,
            "hard": terms.hard,
            "pause": int(bool(terms.pause)),
        }
        remove = terms.soft is None and terms.hard is None
        known = await self._journal.spending.caps()
        if terms.pause is None and terms.soft is not None:
            row["pause"] = next((one["pause"] for one in known if _same_cap(one, row)), 0)
        if not remove:
            await self._require_there(of)
        if remove and not any(_same_cap(one, row) for one in known):
            raise InvalidInput(f"nobody has set a cap of {of.scope} {of.name} for the window {of.window}")
        act = self._act(limit, CAP_REMOVED if remove else CAP_SET, actor, comment)
        await self._journal.change_cap(row, act, await self._shown(limit, seen), remove=remove)

    async def top_up(
        self,
        of: CapOf,
        amount: int,
        *,
        actor: Actor,
        comment: str,
        seen: AsShown | None = None,
    ) -> CapView | None:
        """See facade."""
        self.access.require(Role.ADMIN, actor)
        await refuse_a_run(self._journal)
        require_top_up(amount)
        if not comment.strip():
            raise InvalidInput("a top-up says why: give a comment")
        if of.scope is CapScope.RUN:
            limit = await self._of_tree(of.name)
            of_pack = await self._outlooks().of_pack(await self._run(of.name))
            act = self._act(limit, TOPPED_UP, actor, comment, amount)
            await self._journal.record_act(act, await self._shown(limit, seen, of_pack))
            return await self._cap_of_run(of.name)
        tenant = self._one_tenant(of)
        before = await self._cap_within(tenant, of)
        if before is None:
            raise InvalidInput(
                f"no cap of {of.scope} {of.name} holds for the window {of.window}; set one first"
            )
        since, _ = window_around(of.window, self._clock.now(), await self._caps.zone())
        limit = Limit(of.scope, of.window, tenant, of.name, before.soft, before.hard, before.source, since)
        act = self._act(limit, TOPPED_UP, actor, comment, amount)
        await self._journal.record_act(act, await self._shown(limit, seen))
        return await self._cap_within(tenant, of)

    async def _cap_within(self, tenant: str, of: CapOf) -> CapView | None:
        return await (await self._caps.views()).one(of.scope, tenant, of.name, of.window)

    async def _shown(
        self, limit: Limit, seen: AsShown | None, of_pack: tuple[Cap, ...] = ()
    ) -> ShownCap | None:
        if seen is None:
            return None
        zone = await self._caps.zone()
        place = (limit.scope, limit.window, limit.tenant, limit.name)
        caps = (*self._caps.of_settings, *of_pack)
        return ShownCap(*place, seen.soft, seen.hard, caps, zone, self._clock.now())

    async def _require_there(self, of: CapOf) -> None:
        """Raises InvalidInput for a pack or model that is not there, and that never spent anything."""
        if of.scope is CapScope.PACK:
            there = frozenset(entry.pack.pack_id for entry in (await self._packs.catalog()).used())
        elif of.scope is CapScope.MODEL:
            there = self._models
        else:
            return
        if of.name == EACH or of.name in there:
            return
        rows = await self._journal.spending.by_names(self.access.tenant, 0, ALWAYS)
        if not any(row["pack" if of.scope is CapScope.PACK else "model"] == of.name for row in rows):
            known = ", ".join(sorted(there)) or "none"
            words = f"there is no {of.scope} {of.name!r}, whose cap would hold nothing; there are {known}"
            raise InvalidInput(words)

    async def _of_tree(self, run_id: str) -> Limit:
        """What caps of the run are counted by: the outermost one of its tree. Raises NotFound."""
        row = await self._run(run_id)
        while row["parent_run_id"] is not None:
            above = await self._journal.run_row(row["parent_run_id"])
            if above is None:
                break
            row = above
        return Limit(CapScope.RUN, CapWindow.TOTAL, row["tenant"], row["run_id"], None, None, "")

    def _tenant(self, of: CapOf) -> str:
        """The tenant that a cap is within: that of this view, or each one."""
        if of.scope is CapScope.TENANT:
            if self.access.tenant not in {None, of.name}:
                raise NotFound(f"there is no tenant {of.name} in this view", {"tenant": of.name})
            return of.name
        return self.access.tenant or EACH

    def _one_tenant(self, of: CapOf) -> str:
        tenant = self._tenant(of)
        if tenant == EACH:
            raise InvalidInput("a top-up is for one tenant: choose it")
        return tenant

    def _act(
        self, limit: Limit, kind: str, actor: Actor, comment: str, amount: int | None = None
    ) -> NewActRow:
        require_comment(comment, _LONGEST_COMMENT)
        told = str(self._redactor.redact(comment))
        return act_of(
            limit, kind, self._clock.now(), actor=actor.name, via=actor.via, comment=told, amount=amount
        )


def _require_fit(of: CapOf, terms: CapTerms) -> None:
    """Raises InvalidInput for a cap that cannot hold."""
    soft, hard = terms.soft, terms.hard
    if any(one is not None and not 0 < one <= MOST for one in (soft, hard)):
        raise InvalidInput("a cap is an amount above 0, and at most a billion dollars")
    if soft is not None and hard is not None and soft > hard:
        raise InvalidInput("the soft cap is above the hard one")
    if len(of.name) > _LONGEST:
        raise InvalidInput(f"a cap's name has at most {_LONGEST} characters")
    if not of.name.strip():
        raise InvalidInput("a cap names its tenant, pack or model; `*` is each one")
    if of.scope is CapScope.RUN and (of.name != EACH or of.window is not CapWindow.TOTAL):
        raise InvalidInput("a cap of runs holds for each run as a whole: its name is `*`, its window total")


def _same_cap(one: CapRow, other: CapRow) -> bool:
    keys = ("scope", "tenant", "name", "cap_window")
    return all(dict(one)[key] == dict(other)[key] for key in keys)
