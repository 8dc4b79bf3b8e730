from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from engine.contracts.status import CancelMode
from engine.machine.events.event import Event
from engine.machine.events.fold import fold
from engine.machine.events.run_facts import RunQueued
from engine.machine.model import inputs
from engine.machine.model.codec import _INPUTS, input_from_json, input_to_json, state_from_json, state_to_json
from engine.machine.model.state import RunState
from tests.engine.machine.flow_builders import for_each, form, graph, parallel, tool
from tests.engine.machine.simulation import Simulation

MAIL = [
    inputs.RequestDecided(now=1, actor="ana", path="p/0/ok", request_id="appr_1"),
    inputs.FormSubmitted(now=1, path="f", request_id="form_1"),
    inputs.OutcomeDecided(now=1, path="a", request_id="outc_1"),
    inputs.TimerFired(now=2, actor="timer", timer="retry:a"),
    inputs.ChildEnded(now=3, path="s", child_run_id="run_1", status="FAILED", error={"code": "x"}),
    inputs.Pause(now=4, actor="ana"),
    inputs.Resume(now=4),
    inputs.Cancel(now=5, mode=CancelMode.NOW),
    inputs.Retry(now=6),
    inputs.Narrow(now=7, actor="ana", only=["files.*"], without=["files.write"]),
    inputs.Narrow(now=8),
    inputs.Narrow(now=8, only=["files.*"], once=True),
    inputs.Tell(now=8, actor="ana", text="Be brief."),
]


@pytest.mark.parametrize("given", MAIL, ids=lambda given: type(given).__name__)
def test_what_lies_in_a_mailbox_comes_back_the_same(given: inputs.Input) -> None:
    again = input_from_json(json.loads(json.dumps(input_to_json(given))))

    assert again == given
    assert [type(getattr(again, field.name)) for field in fields(again)] == [
        type(getattr(given, field.name)) for field in fields(given)
    ]


def test_the_samples_cover_everything_a_mailbox_can_hold() -> None:
    assert {type(given).__name__ for given in MAIL} == set(_INPUTS)


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 5"):
        state_from_json({**state_to_json(RunState()), "version": 5})


def of_the_second_version(run: Simulation) -> dict[str, Any]:
    return dict(json.loads(json.dumps(state_to_json(run.state)).replace('"step":', '"step_id":')))


def test_a_state_of_the_first_version_is_read() -> None:
    run = Simulation(graph(for_each("e", [1, 2], tool("x"), max_concurrent=1), tool("z"))).start()
    run.finish("e/0/x", 7)
    stored = of_the_second_version(run)
    execution = stored["root"]["executions"]["e"]
    execution |= execution.pop("branches")
    del execution["children"]["1"]["executions"]["x"]["call"]

    assert state_from_json({**stored, "version": 1}) == run.state


def test_a_state_of_the_second_version_is_read() -> None:
    run = Simulation(graph(parallel("p", [for_each("e", [1, 2], tool("x"))], [tool("y")]), tool("z"))).start()
    run.finish("p/0/e/1/x", 7)

    assert state_from_json({**of_the_second_version(run), "version": 2}) == run.state


def test_a_deep_state_with_everything_in_it_comes_back_the_same() -> None:
    retrying = tool("y", retry={"max_attempts": 2, "backoff_seconds": 1})
    flow = graph(parallel("p", [for_each("e", [1, 2], tool("x"), form("f"))], [retrying]))
    run = Simulation(flow, payload={"n": 1}).start().finish("p/0/e/1/x").fail("p/1/y").pause().cancel()

    again = state_from_json(json.loads(json.dumps(state_to_json(run.state))))

    assert again == run.state
    assert again.cancel is CancelMode.BOUNDARY


def test_what_a_handoff_told_comes_back_the_same() -> None:
    event = Event(RunQueued(input={}, handoff={"steps": {"a": {"status": "x"}}}), 1, "ana")
    state = fold([event])

    assert state.handoff == {"steps": {"a": {"status": "x"}}}
    assert state_from_json(json.loads(json.dumps(state_to_json(state)))) == state


def test_a_run_goes_on_from_its_snapshot_at_every_step() -> None:
    run = Simulation(graph(for_each("e", [1, 2], form("f"), tool("x")), tool("z"))).start()
    for path in ("e/1", "e/0"):
        run.reload()
        run.answer(f"{path}/f")
        run.reload()
        run.finish(f"{path}/x")
    run.reload()

    assert run.finish("z", "done").state.output == "done"
