from __future__ import annotations

from engine.contracts.status import RequestStatus, RunStatus, StepStatus
from engine.machine.events.branch_facts import BranchCancelled
from engine.machine.model.inputs import StepFinished
from engine.machine.table import transition
from engine.machine.transition_builder import failure
from tests.engine.machine.flow_builders import StepData, approval, for_each, form, graph, parallel, tool
from tests.engine.machine.simulation import Simulation


def branches(*steps: StepData, **fields: object) -> Simulation:
    """A run of one parallel step with one step per branch."""
    return Simulation(graph(parallel("p", *([step] for step in steps), **fields))).start()


def test_all_branches_run_at_once() -> None:
    run = branches(tool("a"), tool("b"))

    assert run.calls == {"p/0/a": 1, "p/1/b": 1}


def test_outputs_join_in_list_order_not_in_order_of_ending() -> None:
    run = branches(tool("a"), tool("b"), tool("c"))

    run.finish("p/2/c", 3).finish("p/0/a", 1).finish("p/1/b", 2)

    assert run.status() is RunStatus.COMPLETED
    assert run.state.output == [1, 2, 3]


def test_a_branch_with_no_output_keeps_its_place() -> None:
    run = branches(tool("a", when=False), tool("b"))

    run.finish("p/1/b", 2)

    assert run.state.output == [None, 2]


def test_no_more_branches_run_than_allowed() -> None:
    run = branches(tool("a"), tool("b"), tool("c"), max_concurrent=2)
    assert run.calls == {"p/0/a": 1, "p/1/b": 1}

    run.finish("p/0/a")

    assert run.calls == {"p/1/b": 1, "p/2/c": 1}


def test_a_failing_branch_stops_its_siblings_and_takes_back_what_they_asked() -> None:
    retrying = tool("r", retry={"max_attempts": 2, "backoff_seconds": 9})
    run = branches(tool("a"), tool("b"), approval("ok"), form("f"), retrying)
    run.fail("p/4/r")

    run.fail("p/0/a", "not_found")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "not_found"
    assert run.stopping == [("p/1/b", 1)]
    assert {request.status for request in run.requests.values()} == {RequestStatus.WITHDRAWN}
    assert run.timers == {}
    assert run.state.error is not None
    assert run.state.error["step_id"] == "p/0/a"


def test_a_failing_parallel_step_follows_its_on_failure() -> None:
    run = Simulation(graph(parallel("p", [tool("a")], [tool("b")], on_failure="continue"), tool("c"))).start()

    run.fail("p/0/a")

    assert run.calls == {"c": 1}
    assert run.execution("p").status is StepStatus.FAILED


def test_what_was_prepared_for_a_branch_that_is_over_does_not_start() -> None:
    flow = graph(parallel("p", [tool("a", when="broken")], [tool("b")], on_failure="continue"), form("f"))

    run = Simulation(flow).start()

    assert run.calls == {}
    assert run.pending == ["f"]
    assert "p/1/b" not in {event.step_id for event in run.events}


def test_any_takes_the_first_success_and_cancels_the_others() -> None:
    run = branches(tool("a"), tool("b"), approval("ok"), join="any")

    run.finish("p/1/b", "won")

    assert run.status() is RunStatus.COMPLETED
    assert run.state.output == "won"
    assert run.stopping == [("p/0/a", 1)]
    assert run.pending == []
    assert run.count(BranchCancelled.kind) == 2


def test_any_goes_on_while_a_branch_can_still_succeed() -> None:
    run = branches(tool("a"), tool("b"), tool("c"), join="any", max_concurrent=1)

    run.fail("p/0/a").fail("p/1/b")
    assert run.calls == {"p/2/c": 1}

    assert run.finish("p/2/c").status() is RunStatus.COMPLETED


def test_any_fails_when_all_branches_failed() -> None:
    run = branches(tool("a"), tool("b"), join="any")

    run.fail("p/0/a").fail("p/1/b", "timeout")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "timeout"


def test_any_starts_no_further_branch_once_one_has_succeeded() -> None:
    run = branches(tool("a", when=False), tool("b"), join="any", max_concurrent=2)

    assert run.calls == {}
    assert run.error_code == "missing_run_output"
    assert "p/1/b" not in {event.step_id for event in run.events}


def test_any_that_succeeds_during_a_pause_takes_back_what_the_losers_asked() -> None:
    run = branches(tool("a"), approval("ok"), join="any").pause()
    run.finish("p/0/a", "won")
    assert run.status() is RunStatus.PAUSED
    assert run.pending == []

    assert run.resume().status() is RunStatus.COMPLETED


def test_any_that_has_a_success_stops_the_calls_of_the_losers_also_while_it_is_paused() -> None:
    run = branches(tool("a"), tool("b"), join="any").pause()
    run.finish("p/0/a", "won")
    assert run.status() is RunStatus.PAUSED
    assert run.stopping == [("p/1/b", 1)]

    run.resume()

    assert run.status() is RunStatus.COMPLETED
    assert run.state.output == "won"


def test_the_status_is_the_first_that_holds_of_all_branches() -> None:
    seen = []
    retrying = tool("r", retry={"max_attempts": 2, "backoff_seconds": 1})
    run = branches(form("f"), approval("ok"), retrying, tool("a"))
    seen.append(run.status())
    run.finish("p/3/a")
    seen.append(run.status())
    run.fail("p/2/r")
    seen.append(run.status())
    run.fire("retry:p/2/r").finish("p/2/r")
    seen.append(run.status())
    run.approve("p/1/ok")
    seen.append(run.status())
    run.pause()
    seen.append(run.status())

    assert seen == [
        RunStatus.RUNNING,
        RunStatus.RUNNING,
        RunStatus.RETRYING,
        RunStatus.PENDING_HUMAN,
        RunStatus.PENDING_USER_INPUT,
        RunStatus.PAUSED,
    ]


def test_a_parallel_step_that_takes_too_long_cancels_what_is_below() -> None:
    run = branches(tool("a"), approval("ok"), timeout=5).fire("timeout:p")

    assert run.error_code == "timeout"
    assert run.stopping == [("p/0/a", 1)]
    assert run.pending == []


def test_a_parallel_step_that_ended_cancels_its_timer() -> None:
    run = branches(tool("a"), timeout=5).finish("p/0/a")

    assert run.timers == {}


def test_requests_of_several_branches_are_decided_in_any_order() -> None:
    run = branches(approval("ok"), form("f"), approval("ok"))

    run.approve("p/2/ok").answer("p/1/f", {"n": 1}).approve("p/0/ok")

    assert run.status() is RunStatus.COMPLETED


def test_nested_branches_have_paths_of_their_own() -> None:
    flow = graph(parallel("p", [parallel("q", [tool("a")], [tool("b")])], [for_each("e", [1, 2], tool("a"))]))
    run = Simulation(flow).start()

    assert run.calls == {"p/0/q/0/a": 1, "p/0/q/1/b": 1, "p/1/e/0/a": 1, "p/1/e/1/a": 1}

    for path in list(run.calls):
        run.finish(path, path[-1])
    assert run.state.output == [["a", "b"], ["a", "a"]]


def test_a_lost_worker_recovers_every_call_in_flight() -> None:
    run = branches(tool("a"), tool("b"), approval("ok"))

    run.lose_worker()

    assert run.calls == {"p/0/a": 1, "p/1/b": 1}
    assert run.pending == ["p/2/ok"]


def test_a_dead_letter_takes_back_everything_else() -> None:
    run = branches(tool("a"), approval("ok"))

    for _ in range(5):
        run.lose_worker()

    assert run.status() is RunStatus.DEAD_LETTER
    assert run.pending == []
    assert run.execution("p").status is StepStatus.CANCELLED


def test_any_starts_no_step_of_a_branch_that_has_lost_meanwhile() -> None:
    run = Simulation(graph(parallel("p", [tool("a")], [tool("b"), tool("c")], join="any"))).start()
    run.eager = False

    run.finish("p/1/b").finish("p/0/a", 1).catch_up()

    assert run.kinds("p/1/c") == []
    assert run.state.output == 1


def test_the_step_that_failed_is_named_however_deep_it_is() -> None:
    inner = parallel("q", [tool("a"), tool("b")])
    run = Simulation(graph(parallel("p", [parallel("o", [inner])]))).start()

    run.finish("p/0/o/0/q/0/a").fail("p/0/o/0/q/0/b")

    assert run.state.error is not None
    assert run.state.error["step_id"] == "p/0/o/0/q/0/b"


def test_how_a_call_went_stands_with_that_call_alone() -> None:
    run = branches(tool("a"))
    failed = StepFinished(
        now=run.now,
        path="p/0/a",
        attempt=1,
        ok=False,
        error=failure("backend_error", "no"),
        meta={"tool": "t"},
    )

    events = transition(run.graph, run.state, failed).events

    told = {event.step_id: event.payload.get("meta") for event in events if event.kind == "step_failed"}
    assert told == {"p/0/a": {"tool": "t"}, "p": None}
