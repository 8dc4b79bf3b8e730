"""What a run has to show: what its steps brought, before what people said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.frozen import replace
from engine.machine.events.fold import fold
from engine.machine.events.step_facts import StepCompleted
from tests.engine.machine.flow_builders import StepData, approval, form, graph, tool
from tests.engine.machine.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.machine.events.event import Event

FINALLY: dict[str, Any] = {"finally": [tool("last")]}
PEOPLE: list[tuple[StepData, Any]] = [
    (form("asked"), lambda run: run.answer("asked", {"word": "yes"})),
    (approval("asked", gates="none"), lambda run: run.approve("asked")),
]


def output(run: Simulation) -> Any:
    assert run.status() is RunStatus.COMPLETED
    return run.state.output


@pytest.mark.parametrize(("step", "say"), PEOPLE)
def test_what_a_person_says_last_does_not_take_the_place_of_what_a_step_brought(
    step: StepData, say: Callable[[Simulation], Any]
) -> None:
    run = Simulation(graph(tool("a"), step)).start().finish("a", {"n": 1})
    say(run)

    assert output(run) == {"n": 1}


@pytest.mark.parametrize(("step", "say"), PEOPLE)
def test_what_a_step_brings_takes_the_place_of_what_a_person_said(
    step: StepData, say: Callable[[Simulation], Any]
) -> None:
    run = Simulation(graph(step, tool("a"))).start()
    say(run)

    assert output(run.finish("a", {"n": 1})) == {"n": 1}


@pytest.mark.parametrize(("step", "say"), PEOPLE)
def test_a_run_in_which_only_people_spoke_has_what_they_said(
    step: StepData, say: Callable[[Simulation], Any]
) -> None:
    run = Simulation(graph(step, tool("a"))).start()
    say(run)

    said = run.state.root.executions["asked"].output
    assert said
    assert output(run.finish("a", {})) == said


def test_of_several_answers_the_last_one_counts() -> None:
    run = Simulation(graph(form("first"), form("second"))).start()
    run.answer("first", {"word": "one"}).answer("second", {"word": "two"})

    assert output(run)["values"] == {"word": "two"}


def test_a_retry_after_steps_that_run_in_any_case_knows_who_had_said_it() -> None:
    run = Simulation(graph(form("asked"), tool("a"), form("again"), **FINALLY)).start()
    run.answer("asked", {"word": "yes"}).fail("a").finish("finally/0/last")
    run.retry().finish("a", {}).answer("again", {"word": "no"}).finish("finally~2/0/last")

    assert output(run)["values"] == {"word": "no"}


def test_a_history_that_does_not_tell_who_said_it_means_what_it_meant() -> None:
    """An answer counted as what a step brings, a decision not at all."""
    run = Simulation(graph(tool("a"), form("asked"), approval("ok", gates="none"), tool("b"))).start()
    run.finish("a", {"n": 1}).answer("asked", {"word": "yes"}).approve("ok")
    assert run.state.root.output == {"n": 1}

    earlier = fold([_without_said(event) for event in run.events])

    assert earlier.root.output == run.state.root.executions["asked"].output


def _without_said(event: Event) -> Event:
    fact = event.fact
    return replace(event, fact=replace(fact, said=False)) if isinstance(fact, StepCompleted) else event
