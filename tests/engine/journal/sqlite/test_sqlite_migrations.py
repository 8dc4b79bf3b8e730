"""Journals of earlier versions with runs in them are brought forward, and go on."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from engine.contracts.runs.listed import RequestFilter, RunFilter, RunSort
from engine.contracts.status import RequestKind, RequestStatus, RunStatus
from engine.journal.sqlite.file.connection import migrate
from engine.journal.sqlite.journal import SqliteJournal
from engine.journal.sqlite.words import make_index
from engine.machine.events.run_facts import RunCompleted
from tests.engine.journal.run_script import ALL, NOW, a_run, approve, assert_counters_agree, event, take

if TYPE_CHECKING:
    from pathlib import Path

RUN = (
    "INSERT INTO runs (run_id, tenant, pack, pack_version, pack_digest, flow, flow_version, requested_by,"
    " status, created_at, updated_at, run_seq, ready)"
    " VALUES (?, ?, 'docs', '1', 'd', 'check', '1', ?, ?, ?, ?, 1, 1)"
)
EVENT = (
    "INSERT INTO events (run_id, run_seq, ts, kind, actor, payload)"
    " VALUES (?, 1, ?, 'run_queued', 'ann', '{}')"
)
REQUEST = (
    "INSERT INTO requests (request_id, kind, status, run_id, step_id, risk, digest, opened_seq, requested_at,"
    " decided_at, decided_by, decision) VALUES (?, 'approval', ?, ?, ?, 'high', 'x', 1, ?, ?, ?, ?)"
)


def first_version(path: Path) -> None:
    """A journal as the first version wrote it."""
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path, to=1)
    for number in range(1, 7):
        run_id, tenant = f"run_{number:04}", "other" if number == 6 else "default"
        status = "PENDING_HUMAN" if number % 2 else "QUEUED"
        connection.execute(RUN, (run_id, tenant, "ann", status, NOW + number, NOW))
        connection.execute(EVENT, (run_id, NOW + number))
    decided = ("APPROVED", "run_0001", "each/12/ask~3", NOW, NOW + 9, "bob", "APPROVED")
    connection.execute(REQUEST, ("appr_0001", *decided))
    connection.execute(REQUEST, ("appr_0003", "PENDING", "run_0003", "ask", NOW, None, None, None))
    connection.execute(REQUEST, ("appr_0005", "PENDING", "run_0005", "ask", NOW, None, None, None))
    connection.execute(REQUEST, ("appr_0006", "PENDING", "run_0006", "ask", NOW, None, None, None))
    counters = [("status:QUEUED", 3), ("status:PENDING_HUMAN", 3), ("approval:PENDING", 3), ("slot:a/b", 0)]
    connection.executemany("INSERT INTO counters (name, n) VALUES (?, ?)", counters)
    connection.close()


async def test_lists_counts_and_requests_of_the_first_version_are_all_there(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    first_version(path)
    journal = await SqliteJournal.open(path)
    try:
        rows = await journal.lists.page(RunFilter(tenant="default"), RunSort.STATUS, ALL)
        assert [row["run_id"][-1] for row in rows] == ["5", "3", "1", "4", "2"]
        assert await journal.lists.by_status("default") == {"QUEUED": 2, "PENDING_HUMAN": 3}
        assert await journal.lists.count(RunFilter(status=(RunStatus.QUEUED,))) == 3
        wanted = RequestFilter(status=RequestStatus.PENDING, tenant="default")
        pending = await journal.request_rows(RequestKind.APPROVAL, wanted, ALL)
        assert [row["request_id"] for row in pending] == ["appr_0003", "appr_0005"]
        assert [row["request_id"] for row in await journal.earlier_rows("appr_0003", 5)] == ["appr_0001"]
        assert await journal.counters() == {
            "approval:PENDING/default": 2,
            "approval:PENDING/other": 1,
            "slot:a/b": 0,
        }
        await assert_counters_agree(journal)
    finally:
        await journal.close()


async def test_runs_of_the_first_version_go_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    first_version(path)
    journal = await SqliteJournal.open(path)
    try:
        await journal.decide(approve("appr_0003", digest="x"))
        held = await take(journal, "run_0002")
        await held.append(event(RunCompleted.kind, output=1), status=RunStatus.COMPLETED)
        assert (await held.row())["handed_off_from"] is None
        await journal.create_run(a_run(9, handed_off_from="run_0002"))
        assert await journal.successors("run_0002") == [("run_0009", NOW)]
        found = await journal.lists.page(RunFilter(status=(RunStatus.COMPLETED,)), RunSort.NEWEST, ALL)
        assert [row["run_id"] for row in found] == ["run_0002"]
        await assert_counters_agree(journal)
    finally:
        await journal.close()


async def test_runs_that_were_rejected_or_started_by_others_are_told_apart_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path, to=13)
    for number, (status, parent, error) in enumerate(
        (
            ("QUEUED", None, None),
            ("FAILED", "run_0001", '{"code":"approval_rejected","message":"no"}'),
            ("FAILED", "run_0001", '{"code":"timeout","message":"late"}'),
            ("FAILED", None, "no JSON"),
        ),
        1,
    ):
        connection.execute(RUN, (f"run_{number:04}", "default", "ann", status, NOW + number, NOW))
        connection.execute(
            "UPDATE runs SET parent_run_id = ?, error = ?, finished_at = ? WHERE run_id = ?",
            (parent, error, NOW + number if error else None, f"run_{number:04}"),
        )
        bucket = "INSERT OR IGNORE INTO run_buckets (tenant, pack, flow, status, n)"
        connection.execute(f"{bucket} VALUES ('default', 'docs', 'check', ?, 0)", (status,))
    of_status = "SELECT b.bucket FROM run_buckets b WHERE b.status = runs.status"
    connection.execute(f"UPDATE runs SET bucket = ({of_status})")
    connection.close()
    journal = await SqliteJournal.open(path)
    try:
        for filters, expected in (
            (RunFilter(nested=False), ["run_0004", "run_0001"]),
            (RunFilter(nested=True, rejected=True), ["run_0002"]),
            (RunFilter(error="timeout"), ["run_0003"]),
            (RunFilter(status=(RunStatus.FAILED,), rejected=False), ["run_0004", "run_0003"]),
        ):
            rows = await journal.lists.page(filters, RunSort.NEWEST, ALL)
            assert [row["run_id"] for row in rows] == expected
            assert await journal.lists.count(filters) == len(expected)
        assert await journal.lists.failed_after(NOW, None) == 2
    finally:
        await journal.close()


async def test_words_that_an_index_has_and_those_that_none_has_are_both_found_afterwards(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    connection = sqlite3.connect(path, isolation_level=None)
    migrate(connection, path, to=29)
    make_index(connection)
    bucket = "INSERT INTO run_buckets (tenant, pack, flow, status, n)"
    connection.execute(f"{bucket} VALUES ('default', 'docs', 'check', 'QUEUED', 2)")
    for number, indexed in ((1, 1), (2, 0)):
        run_id = f"run_{number:04}"
        connection.execute(RUN, (run_id, "default", "ann", "QUEUED", NOW + number, NOW))
        connection.execute(EVENT, (run_id, NOW + number))
        words = (number, run_id, " disk full", indexed)
        connection.execute("INSERT INTO run_texts (doc, run_id, words, indexed) VALUES (?, ?, ?, ?)", words)
    connection.execute("UPDATE runs SET bucket = (SELECT bucket FROM run_buckets)")
    connection.execute("INSERT INTO run_words (rowid, words) VALUES (1, ' disk full')")
    connection.close()
    journal = await SqliteJournal.open(path)
    try:
        wanted = RunFilter(words="disk")
        found = [row["run_id"] for row in await journal.lists.page(wanted, RunSort.OLDEST, ALL)]
        assert found == ["run_0001", "run_0002"]
        held = await take(journal, "run_0002")
        await held.append(event(RunCompleted.kind, output=1), status=RunStatus.COMPLETED, words=" other")
        assert [row["run_id"] for row in await journal.lists.page(wanted, RunSort.OLDEST, ALL)] == [
            "run_0001"
        ]
        assert await journal.lists.count(RunFilter(words="other")) == 1
    finally:
        await journal.close()
