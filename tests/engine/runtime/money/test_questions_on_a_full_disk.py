"""A question whose money cannot be held for want of a disk is put when there is room: nothing failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.errors import ErrorCode, Unavailable
from engine.journal.memory.journal import MemoryJournal
from tests.engine.models.loopback import serving
from tests.engine.runtime.agents_at_work import agent, models_at
from tests.engine.runtime.embedded_home import Home, finished
from tests.engine.runtime.money.test_caps import BOUND, answer, budget
from tests.engine.runtime.money.test_spending import ANSWER
from tests.engine.runtime.outside_programs import agent as outside_agent
from tests.engine.runtime.outside_programs import agents

if TYPE_CHECKING:
    from engine.journal.rules.spending.holding import CallAdmission, PaidCall


class FakeFullJournal(MemoryJournal):
    """Has no room for the first call that begins."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__()
        self.refuses: ErrorCode | None = code

    async def begin_call(self, call: PaidCall) -> CallAdmission:
        if self.refuses is not None:
            code, self.refuses = self.refuses, None
            raise Unavailable(code, "not now")
        return await super().begin_call(call)


@pytest.mark.parametrize("code", [ErrorCode.DISK_FULL, ErrorCode.JOURNAL_LOCKED])
async def test_a_model_is_asked_once_there_is_room_by_the_same_attempt(home: Home, code: ErrorCode) -> None:
    home.flow("ask", agent(tools=(), max_tokens=BOUND))
    journal = FakeFullJournal(code)
    async with (
        serving(answer) as server,
        home.working(models=models_at(server.url), budget=budget(), journal=journal) as engine,
    ):
        run = await finished(engine, "ask")
        assert (journal.refuses, run.cost) == (None, ANSWER)
        assert {step.attempt for step in (await engine.runs.get(run.run_id)).steps} == {1}
        assert list(await journal.spending.holds()) == []


async def test_an_agent_of_another_program_has_its_prompt_once_there_is_room(home: Home) -> None:
    home.flow("ask", outside_agent())
    journal = FakeFullJournal(ErrorCode.DISK_FULL)
    async with home.working(agents=agents(home, "tells_usage"), journal=journal) as engine:
        await finished(engine, "ask")
        assert journal.refuses is None
