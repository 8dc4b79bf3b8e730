"""Graphs of steps in whole runs: what their steps see, and what is kept for readers."""

from __future__ import annotations

from typing import Any

from engine.contracts.status import RunStatus
from tests.engine.runtime.embedded_home import (
    Home,
    Step,
    failed,
    finished,
    rest,
    retry,
    statuses,
    tool,
)


def nodes(*steps: Step, **fields: Any) -> Step:
    return {"id": "g", "type": "graph", "steps": list(steps), **fields}


BUILD = tool("build", params={"file": "app.whl"})
TEST = tool("test", params={"of": "{{ steps.build.output.file }}"}, needs=["build"])
SHIP = tool(
    "ship", params={"of": "{{ steps.build.output.file }}", "test": "{{ steps.test.status }}"}, needs=["test"]
)


async def test_a_step_sees_the_outputs_of_what_it_needs_and_of_what_that_needs(home: Home) -> None:
    home.flow("job", nodes(SHIP, TEST, BUILD))
    async with home.working() as engine:
        run = await finished(engine, "job")
        assert run.output == {
            "build": {"file": "app.whl"},
            "test": {"of": "app.whl"},
            "ship": {"of": "app.whl", "test": "COMPLETED"},
        }
        step = await engine.runs.step(run.run_id, "g")
        assert step.input["graph"][0] == {
            "id": "ship",
            "type": "tool",
            "needs": ["test"],
            "run_if": "success",
        }


async def test_a_step_that_runs_after_a_failure_sees_the_error_and_the_graph_fails(home: Home) -> None:
    tell = tool(
        "tell",
        params={"why": "{{ steps.test.error.code }}", "ship": "{{ steps.ship.status }}"},
        needs=["ship"],
        run_if="failed",
    )
    home.flow("job", nodes(BUILD, tool("test", "fake.fail", needs=["build"]), SHIP, tell))
    async with home.working() as engine:
        run = await failed(engine, "job")
        assert home.tools.given("g/3/tell") == [{"why": "backend_error", "ship": "NOT_STARTED"}]
        assert run.error is not None
        assert (run.error.code, run.error.step_id) == ("backend_error", "g/1/test")
        assert "g/2/ship" not in await statuses(engine, run.run_id)
        drawn = {row.step_id: row for row in (await engine.runs.timeline(run.run_id)).rows}
        assert list(drawn) == ["g", "g/0/build", "g/1/test", "g/2/ship", "g/3/tell"]
        assert {path: row.status.value for path, row in drawn.items()} == {
            "g": "FAILED",
            "g/0/build": "COMPLETED",
            "g/1/test": "FAILED",
            "g/2/ship": "NOT_STARTED",
            "g/3/tell": "COMPLETED",
        }
        assert drawn["g/3/tell"].needs == ("ship",)
        assert [row.depth for row in drawn.values()] == [0, 1, 2, 3, 4]


async def test_a_retry_runs_what_was_left_out(home: Home) -> None:
    flaky = tool("test", "fake.flaky", params={"fails": 1, "code": "not_found"}, needs=["build"])
    home.flow("job", nodes(BUILD, flaky, tool("ship", params={"x": 1}, needs=["test"])))
    async with home.working() as engine:
        run = await failed(engine, "job")
        await retry(engine, run.run_id)
        assert (await rest(engine, run.run_id, expect=RunStatus.COMPLETED)).output["ship"] == {"x": 1}


async def test_steps_behind_a_graph_see_what_became_of_each(home: Home) -> None:
    seen = {name: f"{{{{ steps.{name}.status }}}}" for name in ("test", "ship", "g")}
    broken = nodes(BUILD, tool("test", "fake.fail", needs=["build"]), SHIP, on_failure="continue")
    home.flow("job", broken, tool("after", params=seen))
    async with home.working() as engine:
        found = (await finished(engine, "job")).output
        assert found == {"test": "FAILED", "ship": "NOT_STARTED", "g": "FAILED"}


async def test_large_outputs_of_needed_steps_are_whole(home: Home) -> None:
    big = tool("build", params={"file": "x" * 40_000})
    count = tool("test", params={"n": "{{ steps.build.output.file | length }}"}, needs=["build"])
    home.flow("job", nodes(big, count))
    async with home.working() as engine:
        assert (await finished(engine, "job")).output["test"] == {"n": 40_000}
