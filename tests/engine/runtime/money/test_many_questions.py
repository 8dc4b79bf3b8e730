"""Questions at soft caps of very many tenants: none that is late is hidden behind those that stand,
and without any nobody looks."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from engine.budget.caps import Limit
from engine.budget.settings import BudgetSettings
from engine.contracts.governing.budget import CapScope, CapWindow
from engine.contracts.runs.listed import Page
from engine.errors import ErrorCode, Unavailable
from engine.journal.memory.journal import MemoryJournal
from engine.journal.rules.spending.acts import act_of
from engine.journal.spend_rows import SOFT_REACHED
from engine.runtime.embedded.asking.outside_questions import LOOK_SECONDS, OutsideQuestions
from engine.runtime.embedded.governing.soft_caps import AGAIN_SECONDS, ASKER, AT_ONCE, SoftCaps
from engine.runtime.processes import this_process
from tests.engine.runtime.fake_clock import FakeClock

if TYPE_CHECKING:
    from engine.journal.rules.store import Store
    from engine.runtime.embedded.runs import Runs

DAY = 86_400_000_000


@dataclass
class FakeRun:
    run_id: str
    input: dict[str, str]
    requested_by: str = ASKER


@dataclass
class FakeRuns:
    """Open questions, the newest first; `read` counts how often each was looked into."""

    open: list[FakeRun]
    read: Counter[str] = field(default_factory=Counter)
    cancelled: list[str] = field(default_factory=list)
    damaged: str = ""

    async def list(self, _filters: Any, *, limit: int, after: str | None = None) -> Page[Any]:
        first = next((n for n, run in enumerate(self.open, 1) if run.run_id == after), 0)
        items = self.open[first : first + limit]
        more = len(self.open) > first + limit
        return Page(items=tuple(items), next=items[-1].run_id if more else None)

    async def summary(self, run_id: str) -> FakeRun:
        self.read[run_id] += 1
        if run_id == self.damaged:
            raise Unavailable(ErrorCode.JOURNAL_CORRUPT, f"the input of {run_id} cannot be read")
        return next(run for run in self.open if run.run_id == run_id)

    async def cancel(self, run_id: str, **_how: Any) -> None:
        self.cancelled.append(run_id)
        self.open = [run for run in self.open if run.run_id != run_id]


def nobody() -> Any:
    raise AssertionError("all are asked already")


async def test_a_question_whose_day_is_over_is_withdrawn_though_thousands_stand_before_it() -> None:
    journal, clock = MemoryJournal(), FakeClock()
    now = clock.now()
    today = now - now % DAY
    tenants = [f"t{number:04}" for number in range(3 * AT_ONCE)]

    def write(store: Store) -> None:
        for tenant in tenants:
            since = today - DAY if tenant == "t0000" else today
            limit = Limit(CapScope.TENANT, CapWindow.DAY, tenant, tenant, 1, None, "", since)
            store.add_act(act_of(limit, SOFT_REACHED, now, amount=1))

    await journal.write(write)
    await journal.shared_notes.note("soft caps", f'{{"act": {len(tenants)}}}', 0)
    asked = [FakeRun(f"run_{act:04}", {"act": str(act)}) for act in range(1, len(tenants) + 1)]
    runs = FakeRuns(asked[::-1])
    caps = SoftCaps(journal, clock, BudgetSettings(time_zone="UTC"), cast("Runs", runs), nobody)
    for _ in range(4):
        await caps.look()
    assert runs.cancelled == ["run_0001"]
    for _ in range(4):
        await caps.look()
    assert set(runs.read.values()) == {1}


async def test_without_more_to_look_at_the_next_look_is_when_the_day_ends() -> None:
    journal, clock = MemoryJournal(), FakeClock()
    settings = BudgetSettings(time_zone="UTC")
    few = SoftCaps(journal, clock, settings, cast("Runs", FakeRuns([])), nobody)
    left = await few.look()
    ends = clock.now() + left * 1_000_000
    assert abs(ends - round(ends / DAY) * DAY) < 60_000_000
    open_ones = [FakeRun(f"run_{number:04}", {"act": "no number"}) for number in range(AT_ONCE + 1)]
    many = SoftCaps(journal, clock, settings, cast("Runs", FakeRuns(open_ones)), nobody)
    assert await many.look() == AGAIN_SECONDS


async def test_who_asks_from_elsewhere_is_looked_for_only_while_there_is_a_question() -> None:
    runs = FakeRuns([])
    questions = OutsideQuestions(cast("Runs", runs))
    assert await questions.look() is None
    process = await asyncio.to_thread(this_process)
    runs.open = [FakeRun("run_1", {"process": process})]
    assert await questions.look() == LOOK_SECONDS
    runs.open = [FakeRun("run_2", {"process": "0" + process})]
    await questions.look()
    assert runs.cancelled == ["run_2"]
    assert await questions.look() is None


async def test_a_question_that_is_damaged_keeps_no_other_from_being_looked_at() -> None:
    process = await asyncio.to_thread(this_process)
    runs = FakeRuns([FakeRun("run_1", {}), FakeRun("run_2", {"process": "0" + process})], damaged="run_1")
    await OutsideQuestions(cast("Runs", runs)).look()
    assert runs.cancelled == ["run_2"]

    caps = SoftCaps(MemoryJournal(), FakeClock(), BudgetSettings(), cast("Runs", runs), nobody)
    await caps.look()
    assert runs.read["run_1"] == 2
