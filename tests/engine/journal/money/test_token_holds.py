"""Tokens below the ceiling of a run, in both journals and between two handles on one file: what questions of
its tree may take is held in the transaction in which they begin."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.budget.price import FREE
from engine.contracts.governing.budget import CapScope
from engine.contracts.status import RunStatus
from engine.journal.rules.spending.holding import Granted, OverHardCap
from engine.journal.rules.spending.tokens import OverTokenCeiling
from engine.journal.sqlite.journal import SqliteJournal
from tests.engine.empty_journal import lay_journal
from tests.engine.in_memory import in_memory
from tests.engine.journal.money.test_journal_holding import a_call, hard
from tests.engine.journal.money.test_journal_spending import used
from tests.engine.journal.run_script import HeldRun, a_run, hold, take

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from engine.journal.rules.spending.holding import PaidCall

TREE = "run_0001"


def a_question(held: HeldRun, number: int, ceiling: int | None = 250, **changes: Any) -> PaidCall:
    """It may take a hundred tokens, and costs nothing."""
    call = a_call(held, number, price=FREE, sent=400, ceiling=ceiling, told=90, answer=10)
    return replace(call, subject=replace(call.subject, tree=TREE), **changes)


async def answered(held: HeldRun, number: int, tokens: int) -> None:
    """What it took is written, with the run's own count."""
    event = used(input=tokens - 1, output=1, cost=0, hold=f"hold_{number}")
    before = (await held.row())["tokens_used"]
    head = replace(held.commit().head, status=RunStatus.RUNNING, tokens_used=before + tokens)
    await held.append(event, head=head)


async def family(journal: Journal) -> tuple[HeldRun, HeldRun, HeldRun]:
    """A run and two that it started."""
    for number, parent in ((1, None), (2, TREE), (3, TREE)):
        await journal.create_run(a_run(number, parent_run_id=parent))
    first, second, third = [await take(journal, f"run_{number:04}") for number in (1, 2, 3)]
    return first, second, third


async def test_questions_of_one_tree_do_not_pass_its_ceiling_together(journal: Journal) -> None:
    _, one, other = await family(journal)
    granted = Granted(0, capped=True)
    assert [await journal.begin_call(a_question(run, n)) for n, run in ((1, one), (2, other))] == [
        granted
    ] * 2
    assert await journal.begin_call(a_question(one, 3)) == OverTokenCeiling(250, 0, 200, 100, waits=True)
    assert await journal.begin_call(a_question(one, 3, 100)) == OverTokenCeiling(100, 0, 200, 100, waits=True)
    row = await one.row()
    assert (row["waiting_for"], row["waiting_for_id"]) == ("tokens", None)
    await answered(other, 2, 50)
    assert await journal.begin_call(a_question(one, 3)) == granted
    assert (await one.row())["waiting_for"] is None
    await answered(one, 1, 90)
    await answered(one, 3, 20)
    assert await journal.begin_call(a_question(other, 4)) == OverTokenCeiling(250, 160, 0, 100, waits=False)
    assert (await other.row())["waiting_for"] is None


async def test_what_other_trees_hold_does_not_count_below_a_ceiling(journal: Journal) -> None:
    first, second = await hold(journal, 1), await hold(journal, 5)
    await journal.begin_call(a_question(first, 1, 100))
    apart = a_question(second, 2, 100)
    apart = replace(apart, subject=replace(apart.subject, tree=second.run_id))
    assert isinstance(await journal.begin_call(apart), Granted)


async def test_without_a_ceiling_tokens_are_held_too_and_are_those_that_it_took_in_the_end(
    journal: Journal,
) -> None:
    held = await hold(journal)
    assert await journal.begin_call(a_call(held, 3, told=20)) == Granted(100, capped=False)
    await journal.lower_hold("hold_3", 40, (12, 3))
    (row,) = await journal.spending.holds()
    assert (row["amount"], row["input_tokens"], row["output_tokens"], row["sent_bytes"]) == (40, 12, 3, 90)


async def test_what_is_free_meets_no_cap_and_what_has_no_price_is_told_as_such(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(used(cost=500))
    cap = hard(100)
    assert isinstance(await journal.begin_call(a_question(held, 1, caps=(cap,))), Granted)
    unpriced = a_question(held, 2, price=None, allow_unpriced=True)
    assert isinstance(await journal.begin_call(unpriced), Granted)
    left = await journal.spending.holds_of_run(held.run_id)
    assert [(one["priced"], one["amount"], one["input_tokens"], one["output_tokens"]) for one in left] == [
        (1, 0, 90, 10),
        (0, 0, 90, 10),
    ]


async def test_money_and_tokens_are_held_both_or_neither(journal: Journal) -> None:
    held = await hold(journal)
    dear = a_call(held, 1, hard(50), ceiling=1_000, told=90)
    assert isinstance(await journal.begin_call(dear), OverHardCap)
    assert await journal.spending.holds() == []
    tight = a_call(held, 1, hard(1_000, CapScope.PACK), ceiling=50, told=90)
    assert isinstance(await journal.begin_call(tight), OverTokenCeiling)
    assert await journal.spending.holds() == []


async def test_what_a_dead_worker_held_is_free_after_its_deadline_and_in_the_next_boot(
    journal: Journal,
) -> None:
    held = await hold(journal)
    await journal.begin_call(a_question(held, 1, 100))
    assert isinstance(await journal.begin_call(a_question(held, 2, 100, uptime=1_000)), OverTokenCeiling)
    late = a_question(held, 2, 100, uptime=1_001, deadline=2_000)
    assert isinstance(await journal.begin_call(late), Granted)
    assert isinstance(await journal.begin_call(a_question(held, 3, 100, boot_id="next")), Granted)
    left = await journal.spending.holds_of_run(held.run_id)
    assert [one["ended"] for one in left] == [1, 1, 0], "known until their run counts them"


async def test_what_a_question_that_was_stopped_had_taken_is_held_until_its_run_goes_on(
    journal: Journal,
) -> None:
    held = await hold(journal)
    await journal.begin_call(a_question(held, 1, 200))
    await journal.lower_hold("hold_1", 0, (30, 5))
    assert await journal.begin_call(a_question(held, 2, 134)) == OverTokenCeiling(134, 0, 35, 100, waits=True)
    await journal.lower_hold("hold_1", 0, (35, 0))
    assert isinstance(await journal.begin_call(a_question(held, 2, 135)), Granted)
    await journal.lower_hold("hold_1", 0)
    assert [one["hold_id"] for one in await journal.spending.holds()] == ["hold_2"]


@pytest.fixture
async def handles(tmp_path: Path) -> Any:
    """Two on one file, as two processes have them."""
    path = lay_journal(tmp_path / "journal.db")
    one = await SqliteJournal.open(path, poll_seconds=0.02)
    other = await SqliteJournal.open(path, poll_seconds=0.02)
    try:
        yield one, other
    finally:
        await one.close()
        await other.close()


async def test_two_handles_on_one_file_never_let_in_more_than_the_ceiling(handles: Any) -> None:
    one, other = handles
    held = await hold(one)
    questions = [a_question(held, number, 1_050) for number in range(40)]
    begun = await asyncio.gather(
        *((one, other)[number % 2].begin_call(call) for number, call in enumerate(questions))
    )
    assert sum(isinstance(found, Granted) for found in begun) == 10
    assert all(found.waits for found in begun if isinstance(found, OverTokenCeiling))
    assert len(await other.spending.holds()) == 10


STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "answer", "stop", "die"]), st.integers(0, 1), st.integers(1, 100)),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
async def test_however_questions_of_two_handles_interleave_used_and_held_stay_below_the_ceiling(
    steps: list[tuple[str, int, int]],
) -> None:
    with TemporaryDirectory(dir=in_memory()) as place:
        await _asked_in_turn(lay_journal(Path(place, "journal.db")), steps)


async def _asked_in_turn(path: Path, steps: list[tuple[str, int, int]]) -> None:
    journals = [await SqliteJournal.open(path, poll_seconds=60) for _ in range(2)]
    try:
        await journals[0].create_run(a_run(1))
        await journals[0].create_run(a_run(2, parent_run_id=TREE))
        runs = [await take(journals[side], f"run_{side + 1:04}", worker=f"w{side}") for side in range(2)]
        under_way: list[tuple[int, int]] = []
        used_tokens = 0
        for number, (act, side, tokens) in enumerate(steps):
            if act == "ask":
                found = await journals[side].begin_call(a_question(runs[side], number, 350))
                fits = used_tokens + 100 * len(under_way) + 100 <= 350
                assert isinstance(found, Granted) == fits
                under_way += [(side, number)] * fits
            elif under_way:
                owner, asked = under_way.pop(0)
                taken = {"answer": tokens, "stop": 0, "die": 100}[act]  # a dead one counts with the most
                if taken:
                    await answered(runs[owner], asked, taken)
                else:
                    await journals[owner].lower_hold(f"hold_{asked}", 0)
                used_tokens += taken
            held = await journals[1 - side].spending.holds()
            assert sum(one["input_tokens"] + one["output_tokens"] for one in held) + used_tokens <= 350
    finally:
        for journal in journals:
            await journal.close()
