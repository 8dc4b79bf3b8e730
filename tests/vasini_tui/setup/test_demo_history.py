"""What the demonstration has behind it: a pack in each state, one that is slower, caps near their bounds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.budget.settings import BudgetSettings
from engine.config import EngineConfig, Rules
from engine.contracts.actor import Actor
from engine.contracts.governing.budget import CapScope, CapState
from engine.contracts.governing.slo import DriftMetric, SloState
from engine.runtime.clock import SystemClock
from engine.runtime.embedded.engine import open_engine
from vasini_tui.demo.history import OTHER_TENANT, write_history
from vasini_tui.demo.workspace import CAPS
from vasini_tui.shipped import shipped_packs

if TYPE_CHECKING:
    from pathlib import Path

ANA = Actor(name="ana", via="console")


class FakeNoon:
    """A clock that stands in the middle of a day: caps of a day begin anew at midnight."""

    def now(self) -> int:
        """See `engine.runtime.clock.Clock`."""
        return round(datetime(2026, 3, 14, 12, tzinfo=UTC).timestamp()) * 1_000_000

    def uptime(self) -> int:
        """See `engine.runtime.clock.Clock`."""
        return SystemClock().uptime()


async def test_the_shipped_packs_stand_in_every_state(tmp_path: Path) -> None:
    config = EngineConfig(
        data_dir=tmp_path / "data",
        runs_dir=tmp_path / "runs",
        cache_dir=tmp_path / "cache",
        home_packs=tmp_path / "packs",
        shipped_packs=shipped_packs(),
        rules=Rules(budget=BudgetSettings(caps=CAPS)),
    )
    noon = FakeNoon()
    write_history(config.journal_path, "default", noon.now())
    async with open_engine(config, clock=noon) as engine:
        mine = engine.for_(ANA)
        levels = {level.pack: level for level in await mine.levels.list()}
        expected = {
            "on-call": SloState.VIOLATED,
            "repo-steward": SloState.AT_RISK,
            "senior-python-dev": SloState.FEW_EVENTS,
            "log-triage": SloState.MET,
            "hello": SloState.MET,
            "outside": SloState.NO_DATA,
        }
        assert {pack: levels[pack].state for pack in expected} == expected
        assert levels["repo-steward"].alerts
        assert [one.metric for one in levels["log-triage"].drift] == [DriftMetric.TIME]
        assert levels["on-call"].people.asked > 100
        assert len(await mine.levels.trends()) == 5
        tenants = {level.tenant for level in await engine.levels.list() if level.runs}
        assert tenants == {"default", OTHER_TENANT}
        caps = {cap.scope: cap for cap in (await mine.budget.caps()).caps}
        assert caps[CapScope.PACK].state is CapState.SOFT
        assert caps[CapScope.PACK].left
        assert caps[CapScope.TENANT].state is CapState.OK
