"""`engine.levels` on a journal and the packs in force."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from engine.contracts.actor import Role
from engine.contracts.governing.money import BILLIONTHS
from engine.contracts.governing.slo import (
    BurnView,
    DriftMetric,
    DriftView,
    FailureCount,
    HallucinationView,
    HumanTargets,
    PeopleView,
    RoleView,
    ServiceLevel,
    ServiceLevelDetail,
    Trend,
)
from engine.contracts.status import Risk
from engine.contracts.times import from_micros
from engine.errors import InvalidInput, NotFound
from engine.governance.access import DEFAULT_TENANT, AccessScoped
from engine.runtime.embedded.comments import require_comment
from engine.runtime.embedded.governing.summaries import PackObjectives, Summaries, milliseconds, worst_first
from engine.runtime.embedded.run_ancestry import refuse_a_run
from engine.runtime.views.alert_views import whole_alert_view
from engine.slo.buckets import DAY, HOUR, SECOND
from engine.slo.objectives import Objective, objective
from engine.slo.report import budget_over_time, report
from engine.slo.sketch import quantile, total

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.actor import Actor
    from engine.contracts.governing.slo import SloTargets
    from engine.facade.levels import LevelSummary
    from engine.journal.port import Journal
    from engine.journal.rules.levels.levels import Levels
    from engine.packs.loaded_pack import LoadedPack
    from engine.runtime.clock import Clock
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.value_store import ValueStore
    from engine.slo.buckets import Bucket, RoleCounts
    from engine.slo.burn import Burn
    from engine.slo.drift import Drift
    from engine.slo.report import Report

LONGEST_DAYS = 90
MOST_REASON = 500
MOST_HOURS = 72
"""Older counts tell no hours."""
MOST_ALERTS = 10
"""That are told of a pack."""
POINTS = 120
"""Parts of the window for which the course of a budget is told."""


@dataclass(frozen=True, slots=True)
class PackObjective:
    """What a pack promises, and who says so."""

    objective: Objective
    source: str
    human: HumanTargets = field(default_factory=HumanTargets)


@dataclass(frozen=True, slots=True)
class _Goals:
    """What packs promise, by name; `gone` holds for those that are not there any more."""

    by_pack: Mapping[str, PackObjective]
    gone: PackObjective = PackObjective(objective(Risk.MEDIUM), "default")

    def of(self, pack: str) -> PackObjective:
        return self.by_pack.get(pack, self.gone)

    def over(self, days: int) -> _Goals:
        """The same over so many days."""
        return _Goals(
            {pack: _over(goal, days) for pack, goal in self.by_pack.items()}, _over(self.gone, days)
        )

    @property
    def longest_days(self) -> int:
        return max(goal.objective.window_days for goal in (self.gone, *self.by_pack.values()))


class ServiceLevels(AccessScoped):
    """Implements `engine.facade.levels.ServiceLevels`."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        values: ValueStore,
        packs: PackLibrary,
        said: Mapping[str, SloTargets],
    ) -> None:
        self._journal = journal
        self._levels = journal.levels
        self._values = values
        self._clock = clock
        self._packs = packs
        self._said = said
        self._summaries = Summaries(journal.levels, clock)

    async def list(self, *, window_days: int | None = None) -> tuple[ServiceLevel, ...]:
        """See facade."""
        now, tenant = self._clock.now(), self.access.tenant
        goals, since = await self._promised(now, window_days)
        found: list[ServiceLevel] = []
        async for counted in self._levels.pages(since, tenant):
            found += await asyncio.to_thread(_levels, counted, goals, now)
        unknown = goals.by_pack.keys() - {level.pack for level in found}
        found += _levels({(tenant or DEFAULT_TENANT, pack): [] for pack in unknown}, goals, now)
        return tuple(await asyncio.to_thread(sorted, found, key=worst_first))

    async def summaries(self, *, window_days: int | None = None) -> Sequence[LevelSummary]:
        """See facade."""
        promised = await self._goals(window_days)
        by_pack = {pack: goal.objective for pack, goal in promised.by_pack.items()}
        goals = PackObjectives(by_pack, promised.gone.objective)
        return await self._summaries.read(self.access.tenant, window_days, goals)

    async def get(
        self, pack: str, *, tenant: str | None = None, window_days: int | None = None
    ) -> ServiceLevelDetail:
        """See facade."""
        now = self._clock.now()
        goals, counted = await self._read(now, window_days, self.access.narrowed(tenant), pack)
        own = {place: buckets for place, buckets in counted.items() if place[1] == pack}
        if not own:
            raise NotFound(f"no run of a pack {pack} ended{self.access.where}", {"pack": pack})
        found = await asyncio.to_thread(_detail, own, goals.of(pack), now)
        rows = await self._levels.newest_alerts(found.level.tenant, pack, MOST_ALERTS)
        return found.model_copy(update={"alerts": tuple(map(whole_alert_view, rows))})

    async def trends(self, *, hours: int = 24) -> tuple[Trend, ...]:
        """See facade."""
        if not 1 <= hours <= MOST_HOURS:
            raise InvalidInput(f"trends are of 1 to {MOST_HOURS} hours, not {hours}", {"hours": hours})
        first = self._clock.now() // HOUR - hours + 1
        found: dict[str, tuple[list[int], list[int]]] = {}
        for row in await self._levels.by_hour(first * HOUR, self.access.tenant):
            place = row["hour"] - first
            if 0 <= place < hours:  # a clock that was set back
                runs, failed = found.setdefault(row["pack"], ([0] * hours, [0] * hours))
                runs[place] += row["good"] + row["bad"]
                failed[place] += row["bad"]
        return tuple(
            Trend(pack=pack, runs=tuple(runs), failed=tuple(failed))
            for pack, (runs, failed) in sorted(found.items())
        )

    async def flag(self, run_id: str, comment: str, *, actor: Actor) -> bool:
        """See facade."""
        if not comment.strip():
            raise InvalidInput("say what is not so", {"run_id": run_id})
        return await self._flag(run_id, comment.strip(), actor, on=True)

    async def unflag(self, run_id: str, comment: str, *, actor: Actor) -> bool:
        """See facade."""
        return await self._flag(run_id, comment.strip(), actor, on=False)

    async def _flag(self, run_id: str, comment: str, actor: Actor, *, on: bool) -> bool:
        self.access.require(Role.OPERATOR, actor)
        self.access.visible_run(run_id, await self._journal.run_row(run_id))
        require_comment(comment, MOST_REASON)
        await refuse_a_run(self._journal)
        text = self._values.redact(comment)
        return await self._journal.flag(run_id, text, actor.name, actor.via, self._clock.now(), on=on)

    async def exclude(self, run_id: str, reason: str, *, actor: Actor) -> bool:
        """See facade."""
        self.access.require(Role.OPERATOR, actor)
        self.access.visible_run(run_id, await self._journal.run_row(run_id))
        if not reason.strip():
            raise InvalidInput("a run is excluded for a reason: say why", {"run_id": run_id})
        if len(reason) > MOST_REASON:
            raise InvalidInput(f"the reason is longer than {MOST_REASON} characters", {"run_id": run_id})
        await refuse_a_run(self._journal)
        text = self._values.redact(reason.strip())
        return await self._journal.exclude(run_id, text, actor.name, actor.via, self._clock.now())

    async def _read(
        self, now: int, window_days: int | None, tenant: str | None, only: str | None = None
    ) -> tuple[_Goals, Levels]:
        """What is promised and what was counted, of `only` one pack; those nobody ran stand with nothing."""
        goals, since = await self._promised(now, window_days)
        counted = await self._levels.since(since, tenant, only)
        known = {pack for _, pack in counted}
        for pack in goals.by_pack.keys() - known:
            counted[tenant or DEFAULT_TENANT, pack] = []
        return goals, counted

    async def _promised(self, now: int, window_days: int | None) -> tuple[_Goals, int]:
        """By pack, and the moment from which on counts are needed for it."""
        goals = await self._goals(window_days)
        return goals, now - (goals.longest_days + 1) * DAY

    async def _goals(self, window_days: int | None) -> _Goals:
        """Raises InvalidInput (window)."""
        days = _checked(window_days)
        catalog = await self._packs.catalog()
        goals = _Goals({entry.pack.pack_id: self._goal(entry.pack) for entry in catalog.used()})
        return goals if days is None else goals.over(days)

    def _goal(self, pack: LoadedPack) -> PackObjective:
        manifest, said = pack.manifest, self._said.get(pack.pack_id)
        risk = manifest.risk_level if manifest is not None else Risk.MEDIUM
        own = manifest.slo if manifest is not None else None
        source = "settings" if said is not None else "pack" if own is not None else f"risk {risk}"
        human = next((one.human for one in (said, own) if one is not None and one.human is not None), None)
        return PackObjective(objective(risk, said, own), source, human or HumanTargets())


def _checked(window_days: int | None) -> int | None:
    if window_days is not None and not 1 <= window_days <= LONGEST_DAYS:
        raise InvalidInput(
            f"a window has 1 to {LONGEST_DAYS} days, not {window_days}", {"window_days": window_days}
        )
    return window_days


def _over(goal: PackObjective, days: int) -> PackObjective:
    return replace(goal, objective=replace(goal.objective, window_days=days))


def _levels(counted: Levels, goals: _Goals, now: int) -> list[ServiceLevel]:
    return [
        _level(tenant, pack, goals.of(pack), report(buckets, goals.of(pack).objective, now))
        for (tenant, pack), buckets in counted.items()
    ]


def _detail(counted: Levels, goal: PackObjective, now: int) -> ServiceLevelDetail:
    found = []
    for (tenant, pack), buckets in counted.items():
        reported = report(buckets, goal.objective, now)
        found.append((_level(tenant, pack, goal, reported), reported, buckets))
    level, reported, buckets = min(found, key=lambda one: worst_first(one[0]))
    return ServiceLevelDetail(level=level, budget=tuple(budget_over_time(reported, buckets, now, POINTS)))


def _level(tenant: str, pack: str, goal: PackObjective, found: Report) -> ServiceLevel:
    counts = found.counts
    return ServiceLevel(
        tenant=tenant,
        pack=pack,
        state=found.state,
        window_days=found.objective.window_days,
        since=from_micros(found.start),
        runs=counts.total,
        failed=counts.bad,
        excluded=counts.excluded,
        success_rate=found.success,
        goal=found.objective.success,
        goal_from=goal.source,
        may_fail=found.left,
        allowed=found.allowed,
        p50_ms=milliseconds(quantile(counts.times, 0.5)),
        p95_ms=milliseconds(found.p95),
        p95_goal_ms=found.objective.p95 // 1_000,
        worked_ms=total(counts.times) // 1_000,
        burns=tuple(map(_burn, found.burns)),
        runs_out=None if found.runs_out is None else from_micros(found.runs_out),
        out_since=None if found.out_since is None else from_micros(found.out_since),
        why=_failures_by_code(counts),
        drift=tuple(map(_drift, found.drifts)),
        hallucination=_hallucination(found),
        people=_people(counts, goal.human),
    )


def _people(counts: Bucket, goal: HumanTargets) -> PeopleView:
    p95 = milliseconds(quantile(counts.waits, 0.95))
    slow = goal.p95_ms is not None and p95 is not None and p95 > goal.p95_ms
    expired = counts.expired / counts.asked if counts.asked else 0.0
    late = goal.expired_rate is not None and expired > goal.expired_rate
    promised = goal.p95_ms is not None or goal.expired_rate is not None
    return PeopleView(
        asked=counts.asked,
        expired=counts.expired,
        roles=tuple(_role(role, counts.roles[role]) for role in sorted(counts.roles)),
        waited_ms=total(counts.waits) // 1_000,
        p50_ms=milliseconds(quantile(counts.waits, 0.5)),
        p95_ms=p95,
        p95_goal_ms=goal.p95_ms,
        expired_goal=goal.expired_rate,
        kept=not (slow or late) if promised and counts.asked else None,
    )


def _role(role: str, counts: RoleCounts) -> RoleView:
    p50, p95 = (milliseconds(quantile(counts.waits, share)) for share in (0.5, 0.95))
    return RoleView(role=role, asked=counts.asked, expired=counts.expired, p50_ms=p50, p95_ms=p95)


def _hallucination(found: Report) -> HallucinationView:
    rate, goal = found.hallucination, found.objective.hallucination
    kept = None if rate is None else rate <= goal
    counts = found.counts
    return HallucinationView(
        flagged=counts.flagged,
        doubtful=counts.doubtful,
        stated=counts.stated,
        rate=rate,
        goal=goal,
        kept=kept,
    )


def _burn(burn: Burn) -> BurnView:
    return BurnView(
        severity=burn.pair.severity,
        long_seconds=burn.pair.long // SECOND,
        short_seconds=burn.pair.short // SECOND,
        factor=burn.factor,
        long_burn=burn.long,
        short_burn=burn.short,
        runs=burn.runs,
        failed=burn.bad,
        fires=burn.fires,
    )


def _drift(drift: Drift) -> DriftView:
    unit = {DriftMetric.TIME: SECOND, DriftMetric.COST: BILLIONTHS}.get(drift.metric, 1)
    return DriftView(
        metric=drift.metric,
        baseline=drift.baseline / unit,
        current=drift.current / unit,
        severity=drift.severity,
    )


def _failures_by_code(counts: Bucket) -> tuple[FailureCount, ...]:
    most_first: Sequence[tuple[str, int]] = sorted(counts.codes.items(), key=lambda one: (-one[1], one[0]))
    return tuple(FailureCount(code=code, runs=runs) for code, runs in most_first)
