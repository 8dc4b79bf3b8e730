"""Service levels of the fake engine: scripted ones."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.contracts.governing.slo import (
    AlertKind,
    AlertView,
    BurnView,
    ServiceLevel,
    ServiceLevelDetail,
    Severity,
    SloState,
    Trend,
)
from engine.errors import InvalidInput, NotFound
from engine.facade.levels import LevelSummary
from engine.governance.access import AccessScoped
from engine.slo.alerting import holding
from tests.fakes.views import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.actor import Actor
    from tests.fakes.engine import FakeEngine

_PAIRS = (
    (Severity.PAGE, 3_600, 300, 14.4),
    (Severity.PAGE, 21_600, 1_800, 6.0),
    (Severity.TICKET, 86_400, 7_200, 3.0),
    (Severity.TICKET, 259_200, 21_600, 1.0),
)


def some_burns(*burns: float, fires: bool = False) -> tuple[BurnView, ...]:
    """The four rules with these burns of their long windows."""
    return tuple(
        BurnView(
            severity=severity,
            long_seconds=long,
            short_seconds=short,
            factor=factor,
            long_burn=burn,
            short_burn=burn,
            runs=100,
            failed=3,
            fires=fires and burn > factor,
        )
        for (severity, long, short, factor), burn in zip(_PAIRS, burns or (0.0,) * 4, strict=True)
    )


def a_level(pack: str = "hello", state: SloState = SloState.MET, **more: Any) -> ServiceLevel:
    known: dict[str, Any] = {
        "tenant": "default",
        "window_days": 30,
        "since": NOW - timedelta(days=30),
        "runs": 100,
        "failed": 1,
        "success_rate": 0.99,
        "goal": 0.98,
        "goal_from": "risk low",
        "may_fail": 1,
        "allowed": 2,
        "p50_ms": 900,
        "p95_ms": 2_200,
        "p95_goal_ms": 5_000,
        "burns": some_burns(),
    }
    return ServiceLevel(pack=pack, state=state, **(known | more))


def summary_of(level: ServiceLevel) -> LevelSummary:
    """The same level in short."""
    return LevelSummary(
        level.tenant,
        level.pack,
        level.state,
        level.window_days,
        level.runs,
        level.failed,
        level.success_rate,
        level.goal,
        level.may_fail,
        level.allowed,
        level.p50_ms,
        level.p95_ms,
        level.p95_goal_ms,
        level.worked_ms,
        level.people.waited_ms,
        level.hallucination.flagged,
        level.hallucination.doubtful,
        level.hallucination.stated,
        tuple(burn.long_burn for burn in level.burns),
        level.runs_out,
        holding(level.failed, level.may_fail, level.alerts, (drift.metric for drift in level.drift)),
    )


def an_alert(number: int = 1, **more: Any) -> AlertView:
    known: dict[str, Any] = {
        "tenant": "default",
        "pack": "hello",
        "kind": AlertKind.PAGE,
        "title": "hello: page alert, runs fail 20.0 times faster than the goal allows",
        "text": "3 of 9 runs failed in 30 days, 3 too many",
        "began": NOW,
    }
    return AlertView(number=number, **(known | more))


@dataclass
class FakeLevels(AccessScoped):
    """Levels as they are stored, in that order; `budgets` by pack."""

    engine: FakeEngine
    stored: tuple[ServiceLevel, ...] = ()
    stored_trends: tuple[Trend, ...] = ()
    alerts: tuple[AlertView, ...] = ()
    budgets: dict[str, tuple[float | None, ...]] = field(default_factory=dict)

    async def list(self, *, window_days: int | None = None) -> tuple[ServiceLevel, ...]:
        self.engine.note("levels", window_days)
        return self._seen(window_days)

    async def summaries(self, *, window_days: int | None = None) -> Sequence[LevelSummary]:
        self.engine.note("levels", window_days)
        return tuple(map(summary_of, self._seen(window_days)))

    async def get(
        self, pack: str, *, tenant: str | None = None, window_days: int | None = None
    ) -> ServiceLevelDetail:
        self.engine.note("level", (pack, tenant, window_days))
        tenant = self.access.narrowed(tenant)
        for level in self._seen(window_days):
            if level.pack == pack and tenant in {None, level.tenant}:
                alerts = tuple(one for one in self.alerts if (one.tenant, one.pack) == (level.tenant, pack))
                return ServiceLevelDetail(level=level, budget=self.budgets.get(pack, ()), alerts=alerts)
        raise NotFound(f"no run of a pack {pack} ended{self.access.where}", {"pack": pack})

    async def trends(self, *, hours: int = 24) -> tuple[Trend, ...]:
        self.engine.note("trends", hours)
        return self.stored_trends

    async def exclude(self, run_id: str, reason: str, *, actor: Actor) -> bool:
        self.engine.note("exclude", (run_id, reason, actor.name))
        run = await self.engine.runs.get(run_id)
        if not reason.strip():
            raise InvalidInput("a run is excluded for a reason: say why", {"run_id": run_id})
        if run.run.excluded is not None:
            return False
        self.engine.stored_runs[run_id] = replace(run.run, excluded=reason)
        return True

    async def flag(self, run_id: str, comment: str, *, actor: Actor) -> bool:
        self.engine.note("flag", (run_id, comment, actor.name))
        run = await self.engine.runs.get(run_id)
        if not comment.strip():
            raise InvalidInput("say what is not so", {"run_id": run_id})
        if run.run.flagged is not None:
            return False
        self.engine.stored_runs[run_id] = replace(run.run, flagged=comment)
        return True

    async def unflag(self, run_id: str, comment: str, *, actor: Actor) -> bool:
        self.engine.note("unflag", (run_id, comment, actor.name))
        run = await self.engine.runs.get(run_id)
        if run.run.flagged is None and run.run.doubtful is None:
            return False
        self.engine.stored_runs[run_id] = replace(run.run, flagged=None, doubtful=None)
        return True

    def _seen(self, window_days: int | None) -> tuple[ServiceLevel, ...]:
        if window_days is not None and not 1 <= window_days <= 90:
            raise InvalidInput(f"a window has 1 to 90 days, not {window_days}", {"window_days": window_days})
        seen = (level for level in self.stored if self.access.sees(level.tenant))
        return tuple(
            level if window_days is None else level.model_copy(update={"window_days": window_days})
            for level in seen
        )
