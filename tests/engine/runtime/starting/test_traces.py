"""A run and its subflows are one trace, which its starter may have begun."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from engine.tracing import trace_id_of
from tests.engine.runtime.embedded_home import ANN, Home, finished, rest, tool

if TYPE_CHECKING:
    from engine.facade.engine import Engine

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


async def traces(engine: Engine, run_id: str) -> set[str | None]:
    return {event.trace_id for event in await engine.runs.events(run_id)}


async def test_every_event_of_a_run_and_of_its_subflows_has_the_starters_trace(home: Home) -> None:
    home.flow("below", tool("a", params={"x": 1}))
    home.flow("above", {"id": "sub", "type": "subflow", "subflow": "below"})
    async with home.working() as engine:
        run = await engine.runs.start("demo", "above", {}, actor=ANN, traceparent=PARENT)
        assert run.trace_id == TRACE
        await rest(engine, run.run_id)
        (child,) = [step.child_run_id for step in (await engine.runs.steps(run.run_id)).items]
        assert child is not None
        assert await traces(engine, run.run_id) == await traces(engine, child) == {TRACE}


async def test_a_run_of_nobodys_trace_begins_one(home: Home) -> None:
    home.flow("one", tool("a", params={"x": 1}))
    async with home.working() as engine:
        runs = [await finished(engine, "one") for _ in range(2)]
        assert len({run.trace_id for run in runs}) == 2
        for run in runs:
            assert await traces(engine, run.run_id) == {run.trace_id}


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        "",
        "nonsense",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01",
    ],
)
def test_what_cannot_be_read_begins_a_trace(traceparent: str | None) -> None:
    made = trace_id_of(traceparent)
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert made != TRACE


def test_a_later_version_of_the_header_is_read() -> None:
    assert trace_id_of(f" 01-{TRACE}-00f067aa0ba902b7-01-more ") == TRACE
