"""What the steps inside a parallel became can be asked for by their ids behind it."""

from __future__ import annotations

from typing import Any

from tests.engine.runtime.embedded_home import Home, Step, finished, tool

SEEN = {
    "a": "{{ steps.a.status }}",
    "b": "{{ steps.b.status }}",
    "why": "{{ steps.b.error.code | default('nothing') }}",
}


def both(*branches: list[Step], **fields: Any) -> Step:
    return {"id": "both", "type": "parallel", "branches": list(branches), **fields}


async def test_a_step_behind_a_parallel_sees_what_its_steps_became(home: Home) -> None:
    home.flow(
        "job",
        both([tool("a", params={"x": 1})], [tool("b", "fake.fail", on_failure="continue")]),
        tool("after", params=SEEN),
    )
    async with home.working() as engine:
        assert (await finished(engine, "job")).output == {
            "a": "COMPLETED",
            "b": "FAILED",
            "why": "backend_error",
        }


async def test_of_a_failed_parallel_every_step_is_known_also_what_never_began(home: Home) -> None:
    home.flow(
        "job",
        both(
            [tool("b", "fake.fail")],
            [tool("a", params={"x": 1}), tool("c")],
            max_concurrent=1,
            on_failure="continue",
        ),
        tool("after", params={**SEEN, "c": "{{ steps.c.status }}"}),
    )
    async with home.working() as engine:
        assert (await finished(engine, "job")).output == {
            "a": "NOT_STARTED",
            "b": "FAILED",
            "c": "NOT_STARTED",
            "why": "backend_error",
        }


async def test_nested_branches_are_seen_and_items_of_a_loop_are_not(home: Home) -> None:
    inner = {"id": "inner", "type": "parallel", "branches": [[tool("a", params={"x": 1})]]}
    loop = {"id": "b", "type": "for_each", "items": [1], "steps": [tool("lost", params={"x": 1})]}
    home.flow("job", both([inner], [loop]), tool("after", params={**SEEN, "in": "{{ steps.inner.status }}"}))
    async with home.working() as engine:
        found = (await finished(engine, "job")).output
        assert found == {"a": "COMPLETED", "b": "COMPLETED", "in": "COMPLETED", "why": "nothing"}


async def test_a_step_of_the_own_list_hides_one_inside_a_branch(home: Home) -> None:
    home.flow(
        "job",
        both([tool("a", "fake.fail", on_failure="continue")], [tool("b", params={"x": 1})]),
        tool("a", params={"x": 2}),
        tool("after", params={"a": "{{ steps.a.output.x }}"}),
    )
    async with home.working() as engine:
        assert (await finished(engine, "job")).output == {"a": 2}
