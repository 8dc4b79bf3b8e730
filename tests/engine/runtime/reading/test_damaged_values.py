"""A kept value that is damaged: nobody decides on what cannot be shown, and nothing is done with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, Unavailable
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    approval,
    pending_approval,
    start,
    tool,
)
from tests.engine.runtime.fake_clock import slow_clock

if TYPE_CHECKING:
    from tests.engine.runtime.embedded_home import Home

LARGE = "x" * 40_000


def damage(home: Home, data: bytes) -> None:
    with closing(sqlite3.connect(home.config().journal_path)) as database, database:
        changed = database.execute("UPDATE blobs SET data = ?", (data,)).rowcount
    assert changed


@pytest.mark.parametrize("data", [b"\x00\xff", b'{"action": {"target": "fake.echo", "params": {"x": "y"}}}'])
async def test_an_approval_that_cannot_be_shown_is_not_approved(home: Home, data: bytes) -> None:
    home.flow("go", approval("ok", gates="act"), tool("act", params={"x": LARGE}))
    async with home.working() as engine:
        shown = await pending_approval(engine, await start(engine, "go"))
    damage(home, data)
    async with home.open() as engine:
        assert (await engine.requests.approvals()).unreadable == (shown.approval_id,)
        with pytest.raises(Unavailable) as refused:
            await engine.requests.approve(shown.approval_id, actor=BOB)
        assert refused.value.code is ErrorCode.JOURNAL_CORRUPT
        assert (await engine.runs.summary(shown.run_id)).status is RunStatus.PENDING_HUMAN
        await engine.requests.reject(shown.approval_id, actor=BOB, comment="it cannot be read")


async def test_a_run_whose_kept_value_is_another_one_says_so_and_does_nothing(home: Home) -> None:
    home.flow(
        "go",
        tool("first", params={"x": LARGE}),
        approval("ok"),
        tool("next", params={"x": "{{ steps.first.output.x }}"}),
    )
    async with home.working() as engine:
        shown = await pending_approval(engine, await start(engine, "go"))
    damage(home, b'{"x": "y"}')
    async with home.working(clock=slow_clock(), lease_seconds=0.05) as engine:
        await engine.requests.approve(shown.approval_id, actor=ANN, digest=shown.digest)
        ended = await engine.runs.wait(shown.run_id)
    assert ended.status is RunStatus.DEAD_LETTER
    assert ended.error is not None
    assert "is not what was stored" in ended.error.message
    assert [step for step, _ in home.tools.calls] == ["first"]
