from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import StepStatus
from engine.journal.errors import SeqConflict
from engine.journal.known_states import MOST_VALUES, KnownState, KnownStates, values_in
from engine.journal.sqlite.journal import SqliteJournal
from engine.machine.model.state import Branches, Execution, RunState, Scope
from tests.engine.journal.run_script import (
    LATER,
    NOW,
    a_run,
    approve,
    step_started,
    take,
    wait_for_approval,
)

if TYPE_CHECKING:
    from pathlib import Path

    from engine.journal.port import Journal


def execution(path: str, **fields: Any) -> Execution:
    return Execution(path=path, step=path, type="tool", status=StepStatus.COMPLETED, **fields)


def branches(number: int) -> Branches:
    return Branches(total=number, children={index: Scope(path=f"a/{index}") for index in range(number)})


def left(run_seq: int, values: int = 0) -> KnownState:
    """A state that holds `values` beside what every state does."""
    return KnownState(RunState(run_seq=run_seq, payload=[0] * values), 0, 0)


EMPTY = values_in(left(1).state, MOST_VALUES)
"""Values of a state whose payload is empty."""


def weighs(values: int) -> KnownState:
    return left(1, values - EMPTY)


def test_the_oldest_give_way_when_all_together_hold_too_many_values() -> None:
    states = KnownStates()
    states.keep("a", weighs(MOST_VALUES - 2 * EMPTY))
    states.keep("b", weighs(EMPTY))
    states.keep("c", weighs(EMPTY))
    assert states.find("a") is not None
    states.keep("d", weighs(EMPTY))
    assert [name for name in "abcd" if states.find(name)] == ["b", "c", "d"]


def test_a_run_that_rests_again_is_kept_once_and_as_the_newest() -> None:
    states = KnownStates()
    long, short = weighs(MOST_VALUES - 2 * EMPTY), weighs(2 * EMPTY)
    states.keep("a", weighs(EMPTY))
    states.keep("b", long)
    states.keep("a", short)
    assert (states.find("a"), states.find("b")) == (short, long)
    states.keep("c", weighs(EMPTY))
    assert [name for name in "abc" if states.find(name)] == ["a", "c"]


def test_what_holds_more_than_all_may_is_not_kept_and_drives_no_other_out() -> None:
    states = KnownStates()
    states.keep("a", weighs(EMPTY))
    states.keep("b", weighs(MOST_VALUES + 1))
    assert states.find("a") is not None
    assert states.find("b") is None


def test_what_somebody_goes_on_with_makes_room() -> None:
    states = KnownStates()
    states.keep("a", weighs(MOST_VALUES))
    states.forget("a")
    states.forget("never there")
    states.keep("b", weighs(MOST_VALUES))
    assert [name for name in "ab" if states.find(name)] == ["b"]


@pytest.mark.parametrize(
    "state",
    [
        RunState(payload={"list": [[] for _ in range(1_000)]}),
        RunState(handoff={"notes": [{"n": 1}] * 1_000}),
        RunState(root=Scope(path="", executions={"a": execution("a", output=[0] * 1_000)})),
        RunState(root=Scope(path="", executions={"a": execution("a", branches=branches(1_000))})),
    ],
    ids=["payload", "handoff", "output", "branches"],
)
def test_whatever_a_state_holds_is_counted(state: RunState) -> None:
    assert values_in(RunState(), MOST_VALUES) < 100
    assert values_in(state, MOST_VALUES) > 1_000


async def queued(journal: Journal) -> str:
    run_id, _ = await journal.create_run(a_run())
    return run_id


async def waiting_run(journal: Journal) -> KnownState:
    """Run 1 waits for its approval, and this process knows what it stands at."""
    known = left(4)
    await wait_for_approval(journal, known=known)
    return known


async def test_a_run_that_this_process_left_is_claimed_with_its_state_and_what_happened_since(
    journal: Journal,
) -> None:
    known = await waiting_run(journal)
    await journal.decide(approve("appr_0001"))
    (claim,) = await journal.claim("worker-1", NOW, 1)
    assert claim.run.known is known
    assert [(stored.run_seq, stored.event.kind) for stored in claim.run.events] == [(5, "approval_decided")]


async def test_a_decision_that_takes_the_run_brings_its_state(journal: Journal) -> None:
    known = await waiting_run(journal)
    decided = await journal.decide(approve("appr_0001", worker_id="worker-1", uptime=NOW))
    assert decided.claim is not None
    assert decided.claim.run.known is known
    assert [stored.run_seq for stored in decided.claim.run.events] == [5]


async def test_a_state_is_brought_once(journal: Journal) -> None:
    await waiting_run(journal)
    await journal.decide(approve("appr_0001"))
    held = await take(journal, "run_0001", start=False)
    await journal.release(held.run_id, held.epoch, ready=True)
    (claim,) = await journal.claim("worker-1", NOW, 1)
    assert claim.run.known is None
    assert [stored.run_seq for stored in claim.run.events] == [1, 2, 3, 4, 5]


async def test_a_state_that_was_not_written_is_not_known(journal: Journal) -> None:
    held = await take(journal, await queued(journal))
    stale = replace(held.commit(step_started("ask"), release=True, known=left(3)), expected_seq=1)
    with pytest.raises(SeqConflict):
        await journal.append(stale)
    await journal.release(held.run_id, held.epoch, ready=True)
    (claim,) = await journal.claim("worker-1", NOW, 1)
    assert claim.run.known is None


async def test_what_another_process_did_meanwhile_is_read(
    sqlite_journal: SqliteJournal, tmp_path: Path
) -> None:
    known = await waiting_run(sqlite_journal)
    other = await SqliteJournal.open(tmp_path / "journal.db", poll_seconds=60)
    try:
        await other.decide(approve("appr_0001"))
        held = await take(other, "run_0001", start=False)
        await held.append(step_started("act", ts=LATER), release=True)
    finally:
        await other.close()
    (claim,) = await sqlite_journal.claim("worker-1", NOW, 1)
    assert claim.run.known is known
    assert [stored.event.kind for stored in claim.run.events] == ["approval_decided", "step_started"]


async def test_a_state_of_events_that_were_taken_back_with_an_earlier_copy_is_not_used(
    sqlite_journal: SqliteJournal, tmp_path: Path
) -> None:
    """A copy is put back by SQLite's own means while the program runs: the file stays the same one."""
    await wait_for_approval(sqlite_journal)
    file = tmp_path / "journal.db"
    await asyncio.to_thread(copy, file, tmp_path / "copy.db")
    await sqlite_journal.decide(approve("appr_0001"))
    held = await take(sqlite_journal, "run_0001", start=False)
    await held.append(step_started("act", ts=LATER), release=True, known=left(6))
    await asyncio.to_thread(copy, tmp_path / "copy.db", file)
    await sqlite_journal.decide(approve("appr_0001"))
    (claim,) = await sqlite_journal.claim("worker-1", NOW, 1)
    assert claim.run.known is None
    assert [stored.run_seq for stored in claim.run.events] == [1, 2, 3, 4, 5]


def copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as read, closing(sqlite3.connect(target)) as written:
        read.backup(written)
