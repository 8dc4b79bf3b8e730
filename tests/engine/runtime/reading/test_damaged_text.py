"""One wrong byte in the journal, so that a text is none: it holds up nobody but the run whose it is."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from pydantic_core import to_json

from engine.contracts.status import RequestStatus, RunStatus
from engine.errors import ErrorCode, Unavailable, VasiniError
from tests.engine.runtime.embedded_home import (
    BOB,
    Home,
    approval,
    form,
    pending_approval,
    pending_form,
    rest,
    start,
    tool,
)
from tests.engine.runtime.reading.test_damaged_rows import damage

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine

NO_TEXT = "CAST(x'ff' AS TEXT)"

OF_A_RUN = [
    *(("events", column) for column in ("kind", "actor", "step_id", "payload")),
    *(
        ("runs", column)
        for column in ("subject", "requested_by", "flow", "pack_version", "pack_digest", "slot_key", "status")
    ),
    ("runs", "run_id"),
    *(("requests", column) for column in ("request_id", "kind", "status", "step_id", "comment", "tenant")),
    *(("steps", column) for column in ("path", "name", "status")),
    ("mailbox", "input"),
]
OF_ALL = [("levels", "codes"), ("levels", "roles"), ("good_packs", "digest"), ("run_buckets", "tenant")]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.flow("gated", approval("ok", "Go?"), tool("write", params={"n": 1}), form("word"))
    return home


async def look_at_all(engine: Engine) -> None:
    """Lists of every kind can be written as documents; what they leave out they name."""
    to_json(await engine.runs.list())
    to_json(await engine.requests.forms())
    to_json(await engine.requests.approvals())
    to_json(await engine.requests.approvals(status=None))
    to_json(await engine.packs.list())


async def look_at(engine: Engine, run_id: str, approval_id: str) -> None:
    """Whatever is asked about the damaged run, or of it, is answered or refused in words."""
    runs = engine.runs
    for look in (runs.summary, runs.steps, runs.events, runs.timeline, runs.snapshot):
        with suppress(VasiniError):
            to_json(await look(run_id))
    for verb in (runs.pause, runs.cancel):
        with suppress(VasiniError):
            await verb(run_id, actor=BOB)
    with suppress(VasiniError):
        await engine.requests.approve(approval_id, actor=BOB)


@pytest.mark.parametrize(("table", "column"), [*OF_A_RUN, *OF_ALL])
async def test_a_text_that_is_none_stops_no_worker_and_hides_no_list(
    home: Home, table: str, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with home.working() as engine:
        asks, goes_on, other = [await start(engine, "gated") for _ in range(3)]
        asked = [await pending_approval(engine, run_id) for run_id in (asks, goes_on, other)]
    async with home.open() as engine:
        for one in asked[1:]:
            await engine.requests.approve(one.approval_id, actor=BOB)
    where = "" if (table, column) in OF_ALL else f" WHERE run_id IN ('{asks}', '{goes_on}')"
    await damage(home, f"UPDATE {table} SET {column} = coalesce({column}, '') || {NO_TEXT}{where}")
    async with home.working() as engine:
        await look_at_all(engine)
        word = await pending_form(engine, other)
        await engine.requests.answer(word.request_id, {"word": "yes"}, actor=BOB)
        await rest(engine, other, expect=RunStatus.COMPLETED)
        await look_at_all(engine)
        for one in asked[:2]:
            await look_at(engine, one.run_id, one.approval_id)
    assert not [record.getMessage() for record in caplog.records if record.exc_info]


async def test_of_requests_decided_together_only_the_damaged_one_is_refused(home: Home) -> None:
    async with home.working() as engine:
        runs = [await start(engine, "gated") for _ in range(3)]
        asked = [await pending_approval(engine, run_id) for run_id in runs]
        await damage(home, f"UPDATE requests SET step_id = {NO_TEXT} WHERE run_id = ?", runs[0])
        given = [engine.requests.approve(one.approval_id, actor=BOB, digest=one.digest) for one in asked]
        damaged, *decided = await asyncio.gather(*given, return_exceptions=True)
        assert isinstance(damaged, Unavailable)
        assert (damaged.code, damaged.details["run_id"]) == (ErrorCode.JOURNAL_CORRUPT, runs[0])
        assert [getattr(one, "decision", one) for one in decided] == [RequestStatus.APPROVED] * 2
        for run_id in runs[1:]:
            await pending_form(engine, run_id)
        assert home.tools.given("write") == [{"n": 1}] * 2
