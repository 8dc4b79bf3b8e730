"""A run as it was after one of its events, read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.journal.commits import Commit
from engine.journal.encoding import decode
from engine.journal.replay import Replay
from engine.journal.run_projection import run_change
from engine.machine.events import Kind
from engine.machine.evolve import fold
from engine.machine.state import RunState
from engine.runtime.projection import run_head
from engine.values import is_blob

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.journal.commits import StoredEvent
    from engine.journal.memory_journal import MemoryJournal
    from engine.runtime.toolbox import Toolbox

EVENTS_AT_ONCE = 500
"""The loop is given back between pages, however long the history."""


async def past_of(box: Toolbox, row: Mapping[str, Any], run_seq: int) -> MemoryJournal:
    """A journal that holds one run, as it was after the event `run_seq`. Raises InvalidInput."""
    if not 1 <= run_seq <= row["run_seq"]:
        words = f"run {row['run_id']} has no event {run_seq}: its events are 1 to {row['run_seq']}"
        raise InvalidInput(words, {"run_id": row["run_id"], "run_seq": run_seq})
    replay, state, then = Replay(row), RunState(), _unborn(row)
    while then["run_seq"] < run_seq:
        after = then["run_seq"]
        page = await box.journal.page_events(row["run_id"], after, min(EVENTS_AT_ONCE, run_seq - after))
        state = fold((stored.event for stored in page), state)
        replay.take(page)
        then = _moved(then, page, state)
    replay.set_row(then)
    return replay.journal


def _unborn(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row before anything happened; who holds the run is not part of its history."""
    nothing = dict.fromkeys(("started_at", "finished_at", "output_seq", "lease_worker"), None)
    return {**row, **nothing, "run_seq": 0, "ready": 0}


def _moved(row: dict[str, Any], page: Sequence[StoredEvent], state: RunState) -> dict[str, Any]:
    """The row after some more events."""
    head = run_head(state)
    commit = Commit(
        run_id=row["run_id"],
        expected_seq=row["run_seq"],
        epoch=0,
        events=[stored.event for stored in page],
        head=head,
        now=page[-1].event.ts,
        release=True,
    )
    moved = {**row, **run_change(commit, row, ready=False), "status": head.status.value}
    first = page[0].event
    if first.kind is Kind.RUN_REFUSED:  # it ended where it began
        moved["finished_at"] = first.ts
    return moved


async def files_written(box: Toolbox, steps: Sequence[Mapping[str, Any]]) -> set[str]:
    """Stored names of the output files that the steps of these rows have brought."""
    names: set[str] = set()
    for step in steps:
        if step["type"] != "tool" or not step["output_event"]:
            continue
        output = decode(step["output_event"]).get("output")
        if is_blob(output):
            output = await box.blobs.full(output)
        files = output.get("output_files") if isinstance(output, dict) else None
        for entry in files if isinstance(files, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("stored_name"), str):
                names.add(entry["stored_name"])
    return names
