"""A process goes on from the state that it left a run in, whatever others did to the run meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RunStatus
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    form,
    kinds,
    pending_approval,
    pending_form,
    rest,
    start,
    statuses,
    tool,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    steps = tool("first", params={"x": 1}), approval("one"), tool("second", params={"x": 2})
    home.flow("host", *steps, form("word"), approval("two"), tool("last", params={"x": 3}))
    return home


async def test_a_run_that_another_process_took_further_goes_on_from_there(home: Home) -> None:
    async with home.open() as ours, home.open() as theirs:
        async with ours.work():
            run_id = await start(ours, "host")
            await pending_approval(ours, run_id)
        async with theirs.work():
            asked = await pending_approval(theirs, run_id)
            await theirs.requests.approve(asked.approval_id, actor=BOB, digest=asked.digest)
            word = await pending_form(theirs, run_id)
            await theirs.requests.answer(word.request_id, {"word": "theirs"}, actor=BOB)
            await pending_approval(theirs, run_id)
        async with ours.work():
            asked = await pending_approval(ours, run_id)
            await ours.requests.approve(asked.approval_id, actor=ANN, digest=asked.digest)
            await rest(ours, run_id, expect=RunStatus.COMPLETED)
        assert set((await statuses(ours, run_id)).values()) == {"COMPLETED"}
        assert len(await statuses(ours, run_id)) == 6
        assert (await kinds(ours, run_id)).count("approval_decided") == 2
    given = [home.tools.given(step) for step in ("first", "second", "last")]
    assert given == [[{"x": 1}], [{"x": 2}], [{"x": 3}]]


async def test_a_run_goes_on_by_what_was_said_while_nobody_worked(home: Home) -> None:
    async with home.open() as engine:
        async with engine.work():
            run_id = await start(engine, "host")
            asked = await pending_approval(engine, run_id)
        await engine.runs.pause(run_id, actor=ANN)
        await engine.requests.reject(asked.approval_id, actor=BOB, comment="no")
        await engine.runs.resume(run_id, actor=ANN)
        async with engine.work():
            view = await rest(engine, run_id, expect=RunStatus.FAILED)
    assert view.error is not None
    assert view.error.code == "approval_rejected"
    assert [given["x"] for given in home.tools.given("first")] == [1]
