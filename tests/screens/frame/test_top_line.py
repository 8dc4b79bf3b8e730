"""The line on top is about all runs, whatever the screen below it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RunStatus
from tests.fakes.views import a_run, an_approval
from tests.screens.conversations.conversations import an_engine, opened

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


@pytest.mark.parametrize(
    "keys", [(), ("escape",), ("escape", "3"), ("escape", "4"), ("escape", "5")], ids="".join
)
async def test_an_approval_of_another_run_is_counted_on_every_screen(
    console: OpenConsole, keys: tuple[str, ...]
) -> None:
    engine = an_engine()
    async with console(engine, size=(100, 40)) as stage:
        await opened(stage)
        await stage.press(*keys)
        assert "0 approvals" in stage.text()
        engine.add(a_run("run-2", RunStatus.PENDING_HUMAN), an_approval(run_id="run-2"))
        engine.news("pending_human", "run-2")
        await stage.shows("1 approval ")


async def test_news_of_other_runs_read_no_conversation_again(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine, size=(100, 40)) as stage:
        await opened(stage)
        await stage.settle()
        before = len(engine.asked("conversation"))
        engine.add(a_run("run-2", RunStatus.PENDING_HUMAN), an_approval(run_id="run-2"))
        engine.news("pending_human", "run-2")
        await stage.shows("1 approval ")
        assert len(engine.asked("conversation")) == before
