"""What the steps inside a parallel became is kept, through every way it can end."""

from __future__ import annotations

from engine.machine.model.inner_steps import inner_steps
from tests.engine.machine.flow_builders import for_each, form, graph, parallel, tool
from tests.engine.machine.simulation import Simulation


def became(run: Simulation, path: str = "p") -> dict[str, str]:
    return {step_id: seen["status"] for step_id, seen in inner_steps(run.execution(path)).items()}


def test_steps_of_ended_branches_stay_known_when_the_step_has_ended() -> None:
    run = Simulation(graph(parallel("p", [tool("a"), tool("b", when=False)], [tool("c")]), form("f"))).start()
    run.finish("p/0/a")
    assert became(run) == {"a": "COMPLETED", "b": "SKIPPED", "c": "RUNNING"}

    run.finish("p/1/c")

    assert became(run) == {"a": "COMPLETED", "b": "SKIPPED", "c": "COMPLETED"}
    run.reload()
    assert became(run)["c"] == "COMPLETED"


def test_the_losers_of_a_race_stay_known() -> None:
    run = Simulation(graph(parallel("p", [tool("a")], [form("b")], join="any"), form("f"))).start()

    run.finish("p/0/a")

    assert became(run) == {"a": "COMPLETED", "b": "CANCELLED"}


def test_an_error_is_kept_with_its_step() -> None:
    run = Simulation(graph(parallel("p", [tool("a")], on_failure="continue"), form("f"))).start()

    run.fail("p/0/a", "not_found")

    assert inner_steps(run.execution("p"))["a"]["error"]["code"] == "not_found"


def test_of_the_items_of_a_loop_nothing_is_kept() -> None:
    run = Simulation(graph(for_each("p", [1, 2], tool("a")), form("f"))).start()

    run.finish("p/0/a").finish("p/1/a")

    assert inner_steps(run.execution("p")) == {}
