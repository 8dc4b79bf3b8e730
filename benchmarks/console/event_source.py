"""A second process that writes real events into a journal at a given rate, and tells when each was there.

    python -m benchmarks.console.event_source JOURNAL RUN RATE SECONDS

Writes fifty groups a second, each one durable commit, as a worker does. Prints one JSON list of
[seconds on the monotonic clock, number of the newest event of the run].
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from engine.journal.sqlite.file.connection import open_writer
from engine.journal.sqlite.store import SqliteStore
from engine.journal.sqlite.transaction import Transaction
from engine.machine.events.step_facts import StepCompleted
from engine.machine.events.table import read_event

GROUPS_PER_SECOND = 50


def main(journal: Path, run_id: str, rate: int, seconds: float) -> list[tuple[float, int]]:
    """Write, as evenly as the disk allows; the moments of the commits."""
    connection = open_writer(journal)
    (number,) = connection.execute("SELECT run_seq FROM runs WHERE run_id = ?", (run_id,)).fetchone()
    first, commits = number, []
    begin = time.perf_counter()
    while (passed := time.perf_counter() - begin) < seconds:
        due = first + int(rate * passed) - number
        if due > 0:
            now = time.time_ns() // 1_000
            payload = {"output": {"lines": 120, "note": "one of many"}}
            events = [read_event(StepCompleted.kind, now, "worker", "read", payload) for _ in range(due)]
            with Transaction(connection) as transaction:
                SqliteStore(transaction).insert_events(run_id, number, events)
                number += due
                transaction.execute("UPDATE runs SET run_seq = ? WHERE run_id = ?", (number, run_id))
            commits.append((time.perf_counter(), number))
        time.sleep(1 / GROUPS_PER_SECOND)
    connection.close()
    return commits


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
