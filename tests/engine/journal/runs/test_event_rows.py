"""Which rows an event changes is said in one place: a new kind needs nothing else in the journal."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar

import pytest

from engine.frozen import frozen
from engine.journal.memory.replay import Replay
from engine.journal.rules.rows.event_rows import EVENT_ROWS, StepChanges, StoredAt
from engine.machine.events.event import Event, Fact, doc
from engine.machine.events.table import FACTS
from tests.engine.journal.run_script import NOW, hold, step_started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.journal.port import Journal
    from engine.machine.model.state import RunState


@frozen
class StepSigned(Fact):
    """Somebody put their name under a step."""

    kind: ClassVar[str] = "step_signed"
    name: str = field(metadata=doc("whose name"))

    def apply(self, state: RunState, event: Event) -> RunState:
        return state


def signed_rows(at: StoredAt) -> list[StepChanges]:
    return [StepChanges(at.path, {"child_run_id": at.event.payload["name"], "output_seq": at.run_seq})]


@pytest.fixture
def signed() -> Iterator[None]:
    undo = FACTS.add(StepSigned)
    EVENT_ROWS[StepSigned.kind] = signed_rows
    yield
    del EVENT_ROWS[StepSigned.kind]
    undo()


@pytest.mark.usefixtures("signed")
async def test_a_new_kind_changes_the_rows_it_says(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(step_started("a"), Event(StepSigned("ann"), NOW, "ann", "a"))
    (row,) = await journal.page_steps(held.run_id, 0, 1_000)
    assert (row["child_run_id"], row["output_seq"], row["output_event"]) == ("ann", 4, '{"name":"ann"}')
    (run, events) = await held.row(), await journal.events_after(held.run_id, 0)
    now = await journal.run_row(held.run_id)
    assert now is not None
    replay = Replay(now)
    replay.take(events)
    (then,) = await replay.journal().page_steps(held.run_id, 0, 1_000)
    assert then == row
    assert run["run_seq"] == len(events) == 4
