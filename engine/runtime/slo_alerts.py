"""Alerts of service levels: that one begins, and that it ends, is recorded once, whoever looks."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.contracts.governing.slo import AlertKind, DriftMetric
from engine.contracts.status import RunStatus
from engine.errors import NotFound
from engine.journal.rules.levels.alerts import AlertLook, NewAlert
from engine.runtime.shared_notes import read_or_begin
from engine.slo.alerting import holding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.contracts.governing.slo import ServiceLevel
    from engine.facade.levels import LevelSummary, ServiceLevels
    from engine.journal.alert_rows import AlertRow
    from engine.journal.changes import ChangeSet
    from engine.journal.port import Journal
    from engine.runtime.clock import Clock

    Standing = Mapping[tuple[str, str], Sequence[AlertRow]]

AGAIN = 60_000_000
"""Microseconds after which all packs are looked at again, by one of all processes; later where that takes
long, so that it needs at most a fiftieth of the time."""
_SHARE = 50
NOTES = "alerts of service levels"
"""The name under which all processes note when packs were looked at last."""
_BAD = frozenset({RunStatus.FAILED, RunStatus.DEAD_LETTER})
_AS = {
    DriftMetric.TIME: ("take", "as long"),
    DriftMetric.FAILURES: ("fail", "as often"),
    DriftMetric.COST: ("cost", "as much"),
    DriftMetric.TOKENS: ("use", "as many tokens"),
}


class AlertWatch:
    """Looks at a pack soon after one of its runs failed here, and at all packs once a minute: so an alert
    begins and ends by itself, and a process that is killed in between leaves it to the next look."""

    def __init__(self, journal: Journal, clock: Clock, levels: ServiceLevels) -> None:
        self._journal = journal
        self._clock = clock
        self._levels = levels
        self._failed: set[str] = set()
        self._looked: tuple[int, int] | None = None

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """Hear of runs that fail while the context is open."""
        undo = self._journal.on_change(self.heard)
        try:
            yield
        finally:
            undo()

    def heard(self, change: ChangeSet) -> None:
        """Runs moved; of those that failed the packs are looked at next."""
        self._failed.update(run_id for run_id, status in change.statuses.items() if status in _BAD)

    async def look(self) -> float:
        """Record what began and ended, of the packs of which it is time. The seconds until that of all."""
        failed, self._failed = self._failed, set()
        places: set[tuple[str, str]] = set()
        for run_id in failed:
            row = await self._journal.run_row(run_id)
            if row is not None and row["parent_run_id"] is None:
                places.add((row["tenant"], row["pack"]))
        for tenant, pack in sorted(places):
            standing = await self._standing()
            level = await self._level(tenant, pack)
            if level is not None:
                await self._record(tenant, pack, level, standing)
        if self._is_due():
            await self._look_at_all()
        looked, rest = self._looked or (self._clock.now(), 0)
        return (looked + rest - self._clock.now()) / 1_000_000

    async def _level(self, tenant: str, pack: str) -> ServiceLevel | None:
        """None for a pack of which nothing counts."""
        try:
            return (await self._levels.get(pack, tenant=tenant)).level
        except NotFound:
            return None

    def _is_due(self) -> bool:
        now = self._clock.now()
        return self._looked is None or abs(now - self._looked[0]) >= self._looked[1]

    async def _look_at_all(self) -> None:
        """The turn is noted before: of several processes one looks. What it cannot do the next turn does."""
        version, seen = await read_or_begin(self._journal.shared_notes, NOTES)
        if seen:
            self._looked = seen["at"], seen["rest"]
        if not self._is_due() or not await self._turn(version, AGAIN):
            return
        begun = self._clock.uptime()
        standing = await self._standing()
        for tenant, pack in _others(await self._levels.summaries(), standing):
            await self._record(tenant, pack, await self._level(tenant, pack), standing, quiet=not version)
        took = self._clock.uptime() - begun
        if took * _SHARE > AGAIN:
            await self._turn(version + 1, took * _SHARE)

    async def _turn(self, version: int, rest: int) -> bool:
        now = self._clock.now()
        done = await self._journal.shared_notes.note(NOTES, json.dumps({"at": now, "rest": rest}), version)
        if done:
            self._looked = now, rest
        return done

    async def _standing(self) -> Standing:
        """Read before the levels: what began meanwhile is then seen as somebody else's."""
        found: dict[tuple[str, str], list[AlertRow]] = {}
        for row in await self._journal.levels.standing_alerts():
            found.setdefault((row["tenant"], row["pack"]), []).append(row)
        return found

    async def _record(
        self, tenant: str, pack: str, level: ServiceLevel | None, standing: Standing, *, quiet: bool = False
    ) -> None:
        before = standing.get((tenant, pack), ())
        holds = _holds(level) if level is not None else ()
        known = {row["kind"] for row in before}
        begun = [
            NewAlert(kind, _title(level, kind), _text(level)) for kind in holds if level and kind not in known
        ]
        ended = {row["alert"] for row in before if row["kind"] not in holds}
        if begun or ended:
            seen = frozenset(row["alert"] for row in before)
            await self._journal.note_alerts(
                AlertLook(tenant, pack, seen, begun, ended, self._clock.now(), quiet)
            )


def _others(levels: Sequence[LevelSummary], standing: Standing) -> list[tuple[str, str]]:
    """Packs of which other alerts hold than stand."""
    holds = {(level.tenant, level.pack): set(level.alerts) for level in levels if level.alerts}
    stands: dict[tuple[str, str], set[str]] = {
        place: {row["kind"] for row in rows} for place, rows in standing.items()
    }
    return sorted(place for place in {*holds, *stands} if holds.get(place, set()) != stands.get(place, set()))


def _holds(level: ServiceLevel) -> tuple[AlertKind, ...]:
    return holding(level.failed, level.may_fail, level.alerts, (drift.metric for drift in level.drift))


def _title(level: ServiceLevel, kind: AlertKind) -> str:
    if kind is AlertKind.EXHAUSTED:
        return f"{level.pack}: {-level.may_fail} too many runs failed in {level.window_days} days"
    for drift in level.drift:
        if kind == f"drift_{drift.metric}":
            what, much = _AS[drift.metric]
            compared = f"{drift.times:.1f} times {much} as before"
            return f"{level.pack}: {drift.severity}, runs {what} {compared}"
    burn = max(
        (one.long_burn for one in level.burns if one.fires and one.severity.value == kind.value), default=0.0
    )
    return f"{level.pack}: {kind} alert, runs fail {burn:.1f} times faster than the goal allows"


def _text(level: ServiceLevel) -> str:
    why = ", ".join(f"{one.runs} {one.code}" for one in level.why[:3])
    left = f"{level.may_fail} more may fail" if level.may_fail >= 0 else f"{-level.may_fail} too many"
    told = f": {why}" if why else ""
    return f"{level.failed} of {level.runs} runs failed in {level.window_days} days, {left}{told}"
