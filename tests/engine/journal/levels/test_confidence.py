"""What agents state of their confidence is counted when their run ends, by both journals alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.journal.records import RunHead
from engine.machine.events.agent_facts import AgentConfidence
from engine.machine.events.run_facts import RunCompleted, RunFailed
from tests.engine.journal.run_script import NOW, event, hold, step_started

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from tests.engine.journal.run_script import HeldRun


async def state(run: HeldRun, *said: tuple[str, float]) -> None:
    """Agents at these paths end, with what they state; 0.8 is asked for."""
    for path, stated in said:
        await run.append(
            step_started(path, "agent"), event(AgentConfidence.kind, path, stated=stated, least=0.8)
        )


async def complete(run: HeldRun) -> dict[str, Any]:
    await run.append(event(RunCompleted.kind, output=1), status=RunStatus.COMPLETED)
    return await run.row()


async def counts(journal: Journal) -> tuple[int, int, int]:
    """Flagged, stated and doubtful runs."""
    found = (await journal.levels.since(0, "default")).get(("default", "docs"), [])
    return (
        sum(one.flagged for one in found),
        sum(one.stated for one in found),
        sum(one.doubtful for one in found),
    )


async def test_the_lowest_of_a_run_s_agents_makes_it_doubtful_at_its_end(journal: Journal) -> None:
    run = await hold(journal)
    await state(run, ("draft", 0.9), ("scan/1/read", 0.42), ("scan/2/read", 0.79))
    assert (await run.row())["doubtful"] is None
    assert await counts(journal) == (0, 0, 0)
    row = await complete(run)
    assert row["confidence"] == 0.42
    assert row["doubtful"] == "scan/1/read states a confidence of 0.42, less than 0.8"
    assert await counts(journal) == (0, 1, 1)


@pytest.mark.parametrize(
    ("said", "doubtful"),
    [
        ([], None),
        ([("draft", 0.8)], None),
        ([("draft", 0.3), ("draft~2", 0.95)], None),
        ([("draft", 0.95), ("draft~2", 0.3)], "draft~2 states a confidence of 0.3, less than 0.8"),
        ([("draft~9", 0.2), ("draft~10", 0.9)], None),
        ([("loop/0/draft", 0.3), ("loop~2/0/draft", 0.9)], None),
    ],
)
async def test_of_each_place_in_a_flow_the_last_visit_counts(
    journal: Journal, said: list[tuple[str, float]], doubtful: str | None
) -> None:
    run = await hold(journal)
    await state(run, *said)
    assert (await complete(run))["doubtful"] == doubtful
    assert await counts(journal) == (0, int(bool(said)), int(doubtful is not None))


async def test_what_a_person_says_takes_the_place_of_a_doubt(journal: Journal) -> None:
    for number in (1, 2):
        run = await hold(journal, number)
        await state(run, ("draft", 0.1))
        await complete(run)
    assert await journal.flag("run_0001", "no such file", "ann", "cli", NOW, on=True)
    assert await counts(journal) == (1, 2, 1)
    assert not await journal.flag("run_0001", "again", "ann", "cli", NOW, on=True)
    assert await journal.flag("run_0001", "it is there", "ann", "cli", NOW, on=False)
    assert await journal.flag("run_0002", "I looked: it is so", "bob", "cli", NOW, on=False)
    assert not await journal.flag("run_0002", "", "bob", "cli", NOW, on=False)
    assert await counts(journal) == (0, 2, 0)
    row = await journal.run_row("run_0002")
    assert row is not None
    assert (row["doubtful"], row["confidence"]) == (None, 0.1)


async def test_an_excluded_run_s_confidence_counts_no_more(journal: Journal) -> None:
    run = await hold(journal)
    await state(run, ("draft", 0.1))
    error = {"code": "timeout", "message": "too long"}
    await run.append(
        event(RunFailed.kind, error=error), head=RunHead(status=RunStatus.FAILED, error=error), now=NOW
    )
    assert await counts(journal) == (0, 1, 1)
    await journal.exclude("run_0001", "deployment", "ann", "cli", NOW)
    assert await counts(journal) == (0, 0, 0)


async def test_what_is_stated_after_the_first_end_takes_no_other_run_s_confidence_away(
    journal: Journal,
) -> None:
    sure, run = await hold(journal, 1), await hold(journal, 2)
    await state(sure, ("draft", 0.9))
    await complete(sure)
    await state(run, ("draft", 0.9))
    await run.append(step_started("draft", "agent"))  # its last attempt states nothing
    error = {"code": "timeout", "message": "too long"}
    await run.append(
        event(RunFailed.kind, error=error), head=RunHead(status=RunStatus.FAILED, error=error), now=NOW
    )
    assert (await counts(journal), (await run.row())["confidence"]) == ((0, 1, 0), None)
    await run.append(status=RunStatus.RUNNING)
    await state(run, ("review", 0.1))
    assert (await run.row())["confidence"] is None
    await journal.exclude("run_0002", "deployment", "ann", "cli", NOW)
    assert await counts(journal) == (0, 1, 0)
