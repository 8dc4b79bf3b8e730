"""What a process that works runs looks at by itself: what moves on without a person, whoever works."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from engine.runtime.embedded.asking.outside_questions import OutsideQuestions
from engine.runtime.embedded.governing.soft_caps import SoftCaps
from engine.runtime.embedded.triggering.triggers import Triggers
from engine.runtime.slo_alerts import AlertWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from engine.budget.settings import BudgetSettings
    from engine.facade.levels import ServiceLevels
    from engine.journal.port import Journal
    from engine.runtime.clock import Clock
    from engine.runtime.embedded.runs import Runs
    from engine.runtime.embedded.starting.run_starter import RunStarter
    from engine.runtime.pack_library.catalog_source import CatalogSource
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.rounds import Rounds
    from engine.runtime.worker.registered import RestingNotes


@asynccontextmanager
async def standing_looks(
    rounds: Rounds,
    journal: Journal,
    clock: Clock,
    budget: BudgetSettings,
    *,
    runs: Runs,
    starter: Callable[[], RunStarter],
    packs: PackLibrary,
    source: CatalogSource,
    levels: ServiceLevels,
    resting: RestingNotes,
) -> AsyncIterator[None]:
    """Look at all of it while the context is open."""
    alerts = AlertWatch(journal, clock, levels)
    async with AsyncExitStack() as stack:
        stack.callback(source.on_notices(rounds.changed))  # other triggers may be in force
        stack.enter_context(alerts.hearing())
        for what, look in (
            ("the triggers", Triggers(journal, clock, packs, starter).look),
            ("questions of agents elsewhere", OutsideQuestions(runs).look),
            ("soft caps", SoftCaps(journal, clock, budget, runs, starter).look),
            ("service levels", alerts.look),
            ("models at rest", resting.tell),
        ):
            await stack.enter_async_context(rounds.at(what, look))
        yield
