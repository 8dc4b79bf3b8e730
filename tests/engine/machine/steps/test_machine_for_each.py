from __future__ import annotations

from engine.contracts.status import RunStatus, StepStatus
from tests.engine.machine.flow_builders import approval, for_each, form, graph, parallel, tool
from tests.engine.machine.simulation import Simulation


def over(count: int, *steps: dict[str, object], **fields: object) -> Simulation:
    return Simulation(graph(for_each("e", list(range(count)), *steps, **fields))).start()


def test_no_items_are_an_empty_result() -> None:
    run = Simulation(graph(tool("a"), for_each("e", [], tool("x")))).start().finish("a", 1)

    assert run.status() is RunStatus.COMPLETED
    assert run.execution("e").output == []
    assert run.state.output == 1


def test_each_item_goes_through_all_the_steps() -> None:
    run = over(2, tool("x"), tool("y"))

    run.finish("e/0/x")
    assert run.calls == {"e/1/x": 1, "e/0/y": 1}


def test_no_more_items_run_than_allowed() -> None:
    run = over(5, tool("x"), max_concurrent=2)
    assert run.calls == {"e/0/x": 1, "e/1/x": 1}

    run.finish("e/1/x")
    assert run.calls == {"e/0/x": 1, "e/2/x": 1}


def test_outputs_are_in_the_order_of_the_items() -> None:
    run = over(3, tool("x"), max_concurrent=3)

    for index in (2, 0, 1):
        run.finish(f"e/{index}/x", index * 10)

    assert run.state.output == [0, 10, 20]


def test_more_than_ten_items_stay_in_order_through_a_snapshot() -> None:
    run = over(12, tool("x"), max_concurrent=12)
    for index in reversed(range(12)):
        run.reload()
        run.finish(f"e/{index}/x", {"i": index})

    assert [item["i"] for item in run.state.output] == list(range(12))


def test_a_failing_item_stops_the_others_and_starts_no_more() -> None:
    run = over(4, tool("x"), max_concurrent=2).fail("e/0/x", "not_found")

    assert run.error_code == "not_found"
    assert run.stopping == [("e/1/x", 1)]
    assert run.calls == {}
    assert run.state.counters.steps_executed == 3


def test_an_item_can_go_on_after_its_failure() -> None:
    run = over(2, tool("x", on_failure="continue"), tool("y")).fail("e/0/x")

    assert run.calls == {"e/1/x": 1, "e/0/y": 1}


def test_finished_items_are_collapsed_to_their_output() -> None:
    run = over(3, tool("x"), tool("y"), max_concurrent=1).finish("e/0/x").finish("e/0/y", 7)

    execution = run.execution("e")
    assert execution.branches is not None
    assert execution.branches.outputs.in_order() == [7]
    assert list(execution.branches.children) == [1]


def test_each_item_asks_its_own_people() -> None:
    run = over(2, form("f"), approval("ok"))
    assert run.pending == ["e/0/f", "e/1/f"]

    run.answer("e/1/f")

    assert run.pending == ["e/0/f", "e/1/ok"]
    assert run.status() is RunStatus.PENDING_HUMAN


def test_an_approval_inside_gates_the_step_of_its_own_item() -> None:
    run = over(2, approval("ok"), tool("x")).approve("e/1/ok")

    assert run.calls == {"e/1/x": 1}
    assert run.execution("e/1/ok").consumed_by == "e/1/x"
    assert run.reject("e/0/ok").status() is RunStatus.FAILED


def test_a_loop_inside_an_item_counts_its_own_visits() -> None:
    run = over(2, tool("x", max_visits=2), tool("y", on_success="x"))

    run.finish("e/0/x").finish("e/0/y")

    assert run.calls == {"e/1/x": 1, "e/0/x~2": 1}


def test_a_second_visit_of_the_loop_step_has_items_of_its_own() -> None:
    flow = graph(for_each("e", [1], tool("x"), max_visits=2), tool("z", on_success="e"))
    run = Simulation(flow).start().finish("e/0/x").finish("z")

    assert run.calls == {"e~2/0/x": 1}
    assert run.finish("e~2/0/x").calls == {"z~2": 1}


def test_for_each_in_parallel_in_for_each() -> None:
    inner = for_each("in", ["u", "v"], tool("x"), max_concurrent=1)
    run = over(2, parallel("p", [inner], [tool("y")]), max_concurrent=1)
    assert run.calls == {"e/0/p/0/in/0/x": 1, "e/0/p/1/y": 1}

    run.finish("e/0/p/1/y", "y").finish("e/0/p/0/in/0/x", "u").finish("e/0/p/0/in/1/x", "v")
    run.finish("e/1/p/1/y", "y").finish("e/1/p/0/in/0/x", "u").finish("e/1/p/0/in/1/x", "v")

    assert run.state.output == [[["u", "v"], "y"], [["u", "v"], "y"]]


def test_an_approval_can_gate_the_whole_loop() -> None:
    run = Simulation(graph(approval("ok"), for_each("e", [1, 2], tool("x")))).start()
    run.preparing.drift["e"] += 1

    run.approve("ok")
    assert run.pending == ["ok~2"]

    assert run.approve("ok~2").calls == {"e/0/x": 1, "e/1/x": 1}


def test_a_loop_that_takes_too_long_is_stopped() -> None:
    run = over(3, tool("x"), timeout=5, max_concurrent=1).fire("timeout:e")

    assert run.error_code == "timeout"
    assert run.execution("e").status is StepStatus.FAILED
    assert run.stopping == [("e/0/x", 1)]


def test_a_whole_loop_of_skipped_items_completes() -> None:
    run = over(3, tool("x", when=False), max_concurrent=1)

    assert run.execution("e").status is StepStatus.COMPLETED
    assert run.execution("e").output == [None, None, None]
