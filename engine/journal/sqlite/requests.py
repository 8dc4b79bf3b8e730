"""Decisions on requests, where the first valid one wins, and claims. Each is one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.journal.records import Decided
from engine.journal.rules.request_rules import (
    decision_event,
    decision_input,
    refuse_claim,
    refuse_decision,
    unknown_request,
)
from engine.journal.rules.step_rows import CLAIMS, pending_counter
from engine.journal.sqlite.append import count, insert_events, post
from engine.journal.sqlite.queries import query
from engine.journal.sqlite.work import claim_uncapped

if TYPE_CHECKING:
    import sqlite3

    from engine.journal.records import Decision

_SELECT = "SELECT * FROM requests WHERE request_id = ? AND kind = ?"
_CLOSE = (
    "UPDATE requests SET status = ?, decided_at = ?, decided_by = ?, decision = ?, comment = ? "
    "WHERE request_id = ?"
)


def decide(connection: sqlite3.Connection, decision: Decision) -> Decided:
    """Record the decision, cancel the request's timer, and post the input to the run.

    Raises NotFound, AlreadyDecided, Refused (`request_withdrawn`, `approval_changed`).
    """
    row = connection.execute(_SELECT, (decision.request_id, decision.kind)).fetchone()
    if row is None:
        raise unknown_request(decision.kind, decision.request_id)
    refuse_decision(row, decision)
    run_id, step_id = row["run_id"], row["step_id"]
    run_seq = connection.execute("SELECT run_seq FROM runs WHERE run_id = ?", (run_id,)).fetchone()[0]
    for digest, data in decision.blobs.items():
        connection.execute(query("put_blob"), (digest, data))
    insert_events(connection, run_id, run_seq, [decision_event(decision, step_id)])
    connection.execute(
        "UPDATE runs SET run_seq = ?, updated_at = ? WHERE run_id = ?", (run_seq + 1, decision.now, run_id)
    )
    connection.execute(
        _CLOSE,
        (
            decision.status,
            decision.now,
            decision.actor,
            decision.status,
            decision.comment or None,
            decision.request_id,
        ),
    )
    count(connection, pending_counter(row), -1)
    connection.execute(query("drop_claim"), (decision.request_id,))
    connection.execute(query("cancel_timer"), (run_id, f"timeout:{step_id}"))
    post(connection, run_id, decision_input(decision, step_id))
    if decision.worker_id is None:
        return Decided(run_id, step_id)
    return Decided(run_id, step_id, claim_uncapped(connection, decision.worker_id, decision.now, run_id))


def claim(connection: sqlite3.Connection, request_id: str, kind: str, by: str, now: int, until: int) -> None:
    """Note who looks at a request. Raises NotFound, AlreadyDecided, Refused."""
    row = connection.execute(_SELECT, (request_id, kind)).fetchone()
    if row is None:
        raise unknown_request(kind, request_id)
    refuse_claim(row, connection.execute(query("select_claim"), (request_id,)).fetchone(), by, now)
    connection.execute(query("put_claim"), (request_id, by, until))
    count(connection, CLAIMS, 1)


def release(connection: sqlite3.Connection, request_id: str, by: str) -> bool:
    """Forget one's own claim; whether there was one."""
    ended = connection.execute(query("drop_own_claim"), (request_id, by)).rowcount > 0
    if ended:
        count(connection, CLAIMS, 1)
    return ended
