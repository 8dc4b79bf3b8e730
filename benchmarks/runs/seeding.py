"""A journal with very many ended runs, written straight into its tables.

The runs are spread over flows, statuses, requesters, tenants and ninety days; each has the event that
began it, so that it can be opened, and no steps. No worker finds anything to do in them.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from engine.contracts.status import RunStatus
from engine.journal.rules.run_filter import TIME_BUCKET
from engine.journal.sqlite.file.connection import open_writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLOWS = (
    *(("repo-steward", flow) for flow in ("release-notes", "secret-scan")),
    *(("log-triage", flow) for flow in ("incident", "digest")),
    *(("hello", flow) for flow in ("hello", "tour")),
)
REQUESTERS = tuple(f"{name}-{number}" for name in ("ana", "bo", "cy", "dee", "eve") for number in range(4))
SHARES = {
    RunStatus.COMPLETED: 880,
    RunStatus.FAILED: 70,
    RunStatus.CANCELLED: 30,
    RunStatus.DEAD_LETTER: 15,
    RunStatus.PAUSED: 5,
}
TENANTS = ("default", "other")
_TENANT_SHARES = (9, 1)
SPREAD_SECONDS = 90 * 86_400
_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
_RUN = (
    "INSERT INTO runs (run_id, tenant, pack, pack_version, pack_digest, flow, flow_version, requested_by,"
    " status, created_at, started_at, finished_at, updated_at, run_seq, ready, steps_executed, bucket)"
    " VALUES (?, ?, ?, '1.0.0', ?, ?, 'v1', ?, ?, ?, ?, ?, ?, 1, 0, 3, 0)"
)
_EVENT = (
    "INSERT INTO events (run_id, run_seq, ts, kind, actor, payload)"
    " SELECT run_id, 1, created_at, 'run_queued', requested_by, '{\"input\":{}}' FROM runs ORDER BY run_id"
)
_BUCKETS = (
    "INSERT INTO run_buckets (tenant, pack, flow, status, n)"
    " SELECT tenant, pack, flow, status, count(*) FROM runs GROUP BY tenant, pack, flow, status"
)
_NAMES = "INSERT INTO run_requesters (tenant, requested_by) SELECT DISTINCT tenant, requested_by FROM runs"
_TIME_BUCKETS = (
    "INSERT INTO run_time_buckets (bucket, time_bucket, n)"
    f" SELECT bucket, created_at / {TIME_BUCKET}, count(*) FROM runs"
    f" GROUP BY bucket, created_at / {TIME_BUCKET}"
)
_INTO_BUCKETS = (
    "UPDATE runs SET bucket = (SELECT c.bucket FROM run_buckets c WHERE c.tenant = runs.tenant"
    " AND c.pack = runs.pack AND c.flow = runs.flow AND c.status = runs.status)"
)


def seed_runs(database: Path, runs: int, *, newest: float | None = None, seed: int = 1) -> None:
    """Make the journal `database` with `runs` runs, the newest created at `newest` (seconds, now)."""
    database.parent.mkdir(parents=True, exist_ok=True)
    connection = open_writer(database)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        # indexes are made at the end: one pass each, not a walk for every run
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_schema"
            " WHERE type = 'index' AND tbl_name = 'runs' AND sql IS NOT NULL"
        ).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        end = round((time.time() if newest is None else newest) * 1_000_000)
        connection.executemany(_RUN, _rows(runs, end, random.Random(seed)))
        for statement in (
            _EVENT,
            _NAMES,
            _BUCKETS,
            _INTO_BUCKETS,
            _TIME_BUCKETS,
            *(sql for _, sql in indexes),
        ):
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


def _rows(runs: int, end: int, chance: random.Random) -> Iterator[tuple[Any, ...]]:
    gap = SPREAD_SECONDS * 1_000_000 // max(runs, 1)
    statuses = chance.choices([*SHARES], [*SHARES.values()], k=4_096)
    for number in range(runs):
        created = end - (runs - number) * gap + chance.randrange(max(gap, 1))
        pack, flow = chance.choice(FLOWS)
        status = statuses[chance.randrange(4_096)]
        ended = created + chance.randrange(60_000_000)
        yield (
            _run_id(created, chance),
            chance.choices(TENANTS, _TENANT_SHARES)[0],
            pack,
            "d" * 64,
            flow,
            chance.choice(REQUESTERS),
            status.value,
            created,
            created,
            None if status is RunStatus.PAUSED else ended,
            ended,
        )


def _run_id(created: int, chance: random.Random) -> str:
    number = (created // 1_000 << 80) | chance.getrandbits(80)
    return "run_" + "".join(_BASE32[number >> shift & 31] for shift in range(125, -1, -5))
