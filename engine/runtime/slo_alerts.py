"""Alerts of service levels: each is told when it begins, once, and again only after it had ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.governing.slo import DriftMetric, SloState
from engine.contracts.model import from_micros
from engine.contracts.notice import Notice, NoticeKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.contracts.governing.slo import ServiceLevel
    from engine.contracts.runs.run import RunSummary
    from engine.facade.levels import ServiceLevels
    from engine.journal.port import TriggerNotes
    from engine.journal.records import StoredEvent

AGAIN = 60_000_000
"""Microseconds."""
EXHAUSTED = "exhausted"
"""More runs failed than may; beside the severities of burn."""
_DRIFT = "drift"
_AS = {
    DriftMetric.TIME: ("take", "as long"),
    DriftMetric.FAILURES: ("fail", "as often"),
    DriftMetric.COST: ("cost", "as much"),
    DriftMetric.TOKENS: ("use", "as many tokens"),
}


@dataclass(frozen=True, slots=True)
class Alert:
    """What is to be told, if there is something new, and what is then remembered."""

    name: str
    version: int
    holds: tuple[str, ...]
    notice: Notice | None


class SloAlerts:
    """Looks after every run that failed, and once a minute after one that did not; what was told of a pack
    is kept in the journal."""

    def __init__(self, levels: Callable[[], ServiceLevels], notes: TriggerNotes) -> None:
        self._levels = levels
        self._notes = notes
        self._looked: dict[tuple[str, str], int] = {}

    def looks(self, stored: StoredEvent, run: RunSummary) -> bool:
        """Whether it is time to look, after a run that did not fail."""
        place, ts = (run.tenant, run.pack), stored.event.ts
        due = abs(ts - self._looked.get(place, 0)) >= AGAIN
        if due:
            self._looked[place] = ts
        return due

    async def after(self, stored: StoredEvent, run: RunSummary) -> Alert | None:
        """What holds of the pack of a run that has failed, when it is other than what was remembered."""
        level = (await self._levels().get(run.pack, tenant=run.tenant)).level
        name = f"slo:{run.tenant}/{run.pack}"
        version, text = await self._notes.seen(name) or (0, "[]")
        holds, told = _holds(level), frozenset(json.loads(text))
        if frozenset(holds) == told:
            return None
        begun = [what for what in holds if what not in told]
        return Alert(name, version, holds, _notice(stored, run, level, begun) if begun else None)

    async def remember(self, alert: Alert) -> None:
        """It was told."""
        await self._notes.note(alert.name, json.dumps(alert.holds), alert.version)


def _holds(level: ServiceLevel) -> tuple[str, ...]:
    """The most urgent first."""
    exhausted = level.state is SloState.VIOLATED and level.may_fail < 0
    burning = dict.fromkeys(severity.value for severity in level.alerts)
    drifting = tuple(f"{_DRIFT} {drift.metric}" for drift in level.drift)
    return (*burning, *((EXHAUSTED,) if exhausted else ()), *drifting)


def _notice(stored: StoredEvent, run: RunSummary, level: ServiceLevel, begun: list[str]) -> Notice:
    if begun[0] == EXHAUSTED:
        title = f"{run.pack}: {-level.may_fail} more runs failed than may in {level.window_days} days"
    elif begun[0].startswith(_DRIFT):
        drift = next(one for one in level.drift if begun[0].endswith(one.metric))
        what, much = _AS[drift.metric]
        compared = f"{drift.times:.1f} times {much} as before"
        title = f"{run.pack}: {drift.severity}, runs {what} {compared}"
    else:
        burn = max((one.long_burn for one in level.burns if one.fires), default=0.0)
        title = f"{run.pack}: {begun[0]}, runs fail {burn:.1f} times faster than they may"
    why = ", ".join(f"{one.runs} {one.code}" for one in level.why[:3])
    left = f"{level.may_fail} more may fail" if level.may_fail >= 0 else f"{-level.may_fail} too many"
    told = f": {why}" if why else ""
    return Notice(
        id=f"msg_{stored.seq}_slo",
        kind=NoticeKind.SLO,
        ts=from_micros(stored.event.ts),
        title=title,
        text=f"{level.failed} of {level.runs} runs failed in {level.window_days} days, {left}{told}",
        run_id=run.run_id,
        pack=run.pack,
        tenant=run.tenant,
    )
