"""The one table: every pair of phase and input has a row or is `invalid_transition`."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from engine.contracts.status import CancelMode
from engine.errors import ErrorCode, InvalidTransition
from engine.machine.events.branch_facts import BranchCompleted
from engine.machine.events.event import Event
from engine.machine.events.fold import fold
from engine.machine.events.step_facts import StepCompleted, StepStarted
from engine.machine.model import inputs
from engine.machine.model.state import Phase, RunState
from engine.machine.table import TABLE, transition
from tests.engine.machine.flow_builders import form, graph, tool
from tests.engine.machine.simulation import Simulation

FLOW = graph(tool("a"), max_duration=60)
KINDS = [
    kind
    for kind in vars(inputs).values()
    if isinstance(kind, type) and issubclass(kind, inputs.Input) and kind is not inputs.Input
]
VERBS = {
    *(inputs.Start, inputs.Pause, inputs.Resume, inputs.Cancel, inputs.Retry),
    *(inputs.Narrow, inputs.Tell, inputs.OutputWritten),
}
NEWS = [kind for kind in KINDS if kind not in VERBS]
SAMPLE: dict[str, Any] = {
    "path": "a",
    "attempt": 1,
    "ok": True,
    "request_id": "appr_1",
    "timer": "max_duration",
    "child_run_id": "run_1",
    "status": "COMPLETED",
    "value": None,
    "document": {},
    "cap": {"scope": "tenant", "tenant": "default", "name": "default", "window": "total", "soft": 1},
    "number": 1,
    "call": {},
    "text": "mind the time zone",
}


def sample(kind: type[inputs.Input]) -> inputs.Input:
    required = [field.name for field in fields(kind) if field.default is MISSING and field.name != "now"]
    values = {name: SAMPLE[name] for name in required if name in SAMPLE}
    return kind(now=1, **values)


def run_in(phase: Phase) -> RunState:
    run = Simulation(FLOW)
    match phase:
        case Phase.NEW:
            return RunState()
        case Phase.ACTIVE:
            run.start()
        case Phase.COMPLETED:
            run.start().finish("a")
        case Phase.FAILED:
            run.start().fail("a")
        case Phase.CANCELLED:
            run.cancel()
        case Phase.DEAD_LETTER:
            run.start()
            for _ in range(5):
                run.lose_worker()
        case Phase.QUEUED:
            pass
    assert run.state.phase is phase
    return run.state


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
@pytest.mark.parametrize("phase", Phase)
def test_every_pair_has_a_row_or_is_refused(phase: Phase, kind: type[inputs.Input]) -> None:
    state = run_in(phase)

    if kind in TABLE[phase]:
        done = transition(FLOW, state, sample(kind))
        assert done.state.run_seq == state.run_seq + len(done.events)
    else:
        with pytest.raises(InvalidTransition) as caught:
            transition(FLOW, state, sample(kind))
        assert caught.value.code is ErrorCode.INVALID_TRANSITION
        assert caught.value.details["status"] == phase.value


def test_the_table_names_every_phase() -> None:
    assert set(TABLE) == set(Phase)


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED, Phase.DEAD_LETTER])
@pytest.mark.parametrize("kind", NEWS, ids=lambda kind: str(kind.__name__))
def test_what_comes_after_the_end_changes_nothing(phase: Phase, kind: type[inputs.Input]) -> None:
    state = run_in(phase)

    done = transition(FLOW, state, sample(kind))

    assert (done.state, done.events, done.effects) == (state, [], [])


@pytest.mark.parametrize(
    ("phase", "verb"),
    [
        (Phase.COMPLETED, inputs.Retry),
        (Phase.COMPLETED, inputs.Pause),
        (Phase.COMPLETED, inputs.Narrow),
        (Phase.FAILED, inputs.Narrow),
        (Phase.COMPLETED, inputs.Cancel),
        (Phase.FAILED, inputs.Cancel),
        (Phase.FAILED, inputs.Resume),
        (Phase.CANCELLED, inputs.Retry),
        (Phase.DEAD_LETTER, inputs.Pause),
        (Phase.QUEUED, inputs.Retry),
        (Phase.ACTIVE, inputs.Retry),
        (Phase.ACTIVE, inputs.Start),
        (Phase.NEW, inputs.Start),
    ],
)
def test_verbs_that_make_no_sense_are_refused(phase: Phase, verb: type[inputs.Input]) -> None:
    assert verb not in TABLE[phase]


def test_a_transition_changes_neither_its_state_nor_its_flow() -> None:
    run = Simulation(graph(form("f"))).start()
    before, dumped = run.state, run.graph.flow.model_dump()

    transition(run.graph, run.state, inputs.Cancel(now=1, mode=CancelMode.NOW))

    assert run.state is before
    assert run.graph.flow.model_dump() == dumped


def test_an_event_that_speaks_of_nothing_is_refused() -> None:
    state = run_in(Phase.ACTIVE)

    strays = (
        (StepCompleted(next=1), "ghost"),
        (StepStarted("tool"), None),
        (BranchCompleted(), "a/b/0"),
    )
    for fact, step_id in strays:
        with pytest.raises(InvalidTransition):
            fold((Event(fact, 1, "engine", step_id),), state)
