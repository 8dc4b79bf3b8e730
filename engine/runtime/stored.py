"""A run that is about to be created, as if it had been read from the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.journal.commits import StoredEvent, StoredRun

if TYPE_CHECKING:
    from engine.journal.commits import NewRun

_FIELDS = (
    "run_id",
    "tenant",
    "pack",
    "pack_version",
    "pack_digest",
    "flow",
    "flow_version",
    "requested_by",
    "parent_run_id",
    "parent_path",
    "depth",
)


def stored_run(run: NewRun) -> StoredRun:
    """The row and history that `create_run` will write."""
    row = {name: getattr(run, name) for name in _FIELDS}
    events = [StoredEvent(0, run.run_id, number, event) for number, event in enumerate(run.events, 1)]
    return StoredRun(row=row, snapshot=None, events=events)
