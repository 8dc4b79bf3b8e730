"""What a person sees of a step besides its end: tries that failed before, and the item it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.runtime.views.items import MOST_WORDS, item_words
from tests.engine.runtime.embedded_home import Home, failed, finished, kinds, rest, retry, tool

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from engine.journal.port import Journal

RETRY = {"max_attempts": 3, "backoff_seconds": 0.01}


async def tries(engine: Engine, run_id: str, step_id: str) -> list[tuple[int, str]]:
    alone = (await engine.runs.step(run_id, step_id)).tries
    for steps in ((await engine.runs.steps(run_id)).items, (await engine.runs.get(run_id)).steps):
        assert next(step.tries for step in steps if step.step_id == step_id) == alone
    return [(failed.attempt, failed.code) for failed in alone]


async def test_tries_that_failed_stand_at_the_step_with_their_reasons(
    home: Home, each_journal: Journal
) -> None:
    home.flow("tries", tool("once"), tool("flaky", "fake.flaky", params={"fails": 2}, retry=RETRY))
    async with home.open(journal=each_journal) as engine, engine.work():
        run_id = (await finished(engine, "tries")).run_id
        assert await tries(engine, run_id, "once") == []
        assert await tries(engine, run_id, "flaky") == [(1, "temporary"), (2, "temporary")]
        step = await engine.runs.step(run_id, "flaky")
        assert (step.attempt, step.error, all(failed.message for failed in step.tries)) == (3, None, True)
        history = await kinds(engine, run_id)
        assert {history[failed.run_seq - 1] for failed in step.tries} == {"tool_call_attempt_failed"}


async def test_a_try_that_failed_later_is_not_part_of_the_past(home: Home) -> None:
    home.flow("tries", tool("flaky", "fake.flaky", params={"fails": 2}, retry=RETRY))
    async with home.working() as engine:
        run_id = (await finished(engine, "tries")).run_id
        second = (await kinds(engine, run_id)).index("tool_call_attempt_started") + 1
        (then,) = (await engine.runs.as_of(run_id, second)).steps
        assert (then.attempt, [failed.attempt for failed in then.tries]) == (2, [1])


async def test_tries_count_on_when_a_run_is_retried(home: Home) -> None:
    home.flow("bad", tool("flaky", "fake.flaky", params={"fails": 1}))
    async with home.working() as engine:
        run_id = (await failed(engine, "bad")).run_id
        assert await tries(engine, run_id, "flaky") == []
        await retry(engine, run_id)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert [attempt for attempt, _ in await tries(engine, run_id, "flaky")] == [1]


async def test_steps_of_a_loop_are_told_by_their_items(home: Home, each_journal: Journal) -> None:
    items: list[Any] = ["a.txt", {"name": "b", "size": 2}, 7, "mail ann@example.com", "line\nline " * 30]
    inner = {"id": "branches", "type": "parallel", "branches": [[tool("deep")]]}
    loop = {"id": "each", "type": "for_each", "items": "{{ payload.names }}", "steps": [tool("read"), inner]}
    home.flow("loop", tool("first"), loop)
    async with home.open(journal=each_journal) as engine, engine.work():
        run_id = (await finished(engine, "loop", {"names": items})).run_id
        drawn = {row.step_id: row.item for row in (await engine.runs.timeline(run_id)).rows}
        told = {step.step_id: step.item for step in (await engine.runs.steps(run_id)).items}
        assert drawn == told
        assert (told["first"], told["each"], told["each/0/branches/0/deep"]) == (None, None, None)
        read = [told[f"each/{number}/read"] or "" for number in range(len(items))]
        assert read[:3] == ["a.txt", '{"name": "b", "size": 2}', "7"]
        assert "ann@example.com" not in read[3]
        assert (len(read[4]), read[4][:10]) == (MOST_WORDS, "line line ")
        assert (await engine.runs.step(run_id, "each/1/branches")).item == read[1]
        assert (await engine.runs.as_of(run_id, (await engine.runs.summary(run_id)).run_seq)).steps == (
            await engine.runs.get(run_id)
        ).steps


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ("", ""),
        ("  two\n words ", "two words"),
        (None, "null"),
        ([1, "a"], '[1, "a"]'),
        ({"é": 1}, '{"é": 1}'),
    ],
)
def test_an_item_in_words(item: object, words: str) -> None:
    assert item_words(item) == words
