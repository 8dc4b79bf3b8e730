"""Steps with needs: who runs when, what a failure stops, and how a graph ends."""

from __future__ import annotations

import pytest

from engine.contracts.status import CancelMode, RunStatus, StepStatus
from engine.machine.model.inner_steps import inner_steps
from tests.engine.machine.flow_builders import StepData, approval, form, graph, nodes, parallel, tool
from tests.engine.machine.simulation import Simulation


def run_of(*steps: StepData, after: StepData | None = None, **fields: object) -> Simulation:
    more = [after] if after is not None else []
    return Simulation(graph(nodes("g", *steps, **fields), *more)).start()


def calls(run: Simulation) -> set[str]:
    return {path.rpartition("/")[2] for path in run.calls}


DIAMOND = (
    tool("a"),
    tool("b", needs=["a"]),
    tool("c", needs=["a"]),
    tool("d", needs=["b", "c"]),
)


def test_steps_begin_when_what_they_need_has_ended() -> None:
    run = run_of(*DIAMOND)
    assert run.calls == {"g/0/a": 1}
    run.finish("g/0/a", 1)
    assert run.calls == {"g/1/b": 1, "g/2/c": 1}
    run.finish("g/2/c", 3)
    assert run.calls == {"g/1/b": 1}
    run.finish("g/1/b", 2)
    assert run.calls == {"g/3/d": 1}

    run.finish("g/3/d", 4)

    assert run.state.output == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_the_order_in_the_file_does_not_count() -> None:
    run = run_of(tool("last", needs=["first"]), tool("first"))
    assert calls(run) == {"first"}
    run.finish("g/1/first")
    assert calls(run) == {"last"}


def test_no_more_run_at_once_than_allowed() -> None:
    run = run_of(*(tool(name) for name in "abc"), max_concurrent=2)
    assert calls(run) == {"a", "b"}
    run.finish("g/0/a")
    assert calls(run) == {"b", "c"}


def test_a_failure_leaves_out_what_needs_it_and_nothing_else() -> None:
    run = run_of(
        tool("a"), tool("b", needs=["a"]), tool("c", needs=["b"]), tool("other"), tool("x", needs=["other"])
    )
    run.fail("g/0/a", "not_found")
    assert calls(run) == {"other"}
    run.finish("g/3/other")
    assert calls(run) == {"x"}

    run.finish("g/4/x")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "not_found"
    assert run.state.error is not None
    assert run.state.error["step_id"] == "g/0/a"


@pytest.mark.parametrize(
    ("run_if", "well", "runs"),
    [
        ("success", True, True),
        ("success", False, False),
        ("failed", True, False),
        ("failed", False, True),
        ("done", True, True),
        ("done", False, True),
    ],
)
def test_run_if_says_after_which_end_a_step_runs(run_if: str, well: bool, runs: bool) -> None:
    run = run_of(tool("a"), tool("between", needs=["a"]), tool("b", needs=["between"], run_if=run_if))
    if well:
        run.finish("g/0/a").finish("g/1/between")
    else:
        run.fail("g/0/a")  # `between` is left out, and so counts as failed

    assert calls(run) == ({"b"} if runs else set())
    if runs:
        run.finish("g/2/b")
    assert run.status() is (RunStatus.COMPLETED if well else RunStatus.FAILED)


def test_what_needs_a_step_that_was_not_wanted_is_left_out_too() -> None:
    run = run_of(tool("a"), tool("undo", needs=["a"], run_if="failed"), tool("tell", needs=["undo"]))

    run.finish("g/0/a", 1)

    assert run.state.output == {"a": 1}


def test_a_failure_that_may_be_goes_on() -> None:
    run = run_of(tool("a", on_failure="continue"), tool("b", needs=["a"]))
    run.fail("g/0/a")
    assert calls(run) == {"b"}
    assert run.finish("g/1/b", 2).status() is RunStatus.COMPLETED


def test_a_skipped_step_holds_nobody_up() -> None:
    run = run_of(tool("a", when=False), tool("b", needs=["a"]))
    assert calls(run) == {"b"}


def test_what_its_steps_became_is_known_behind_it() -> None:
    run = run_of(*DIAMOND, on_failure="continue", after=form("f"))
    run.finish("g/0/a").fail("g/1/b").finish("g/2/c")

    assert run.pending == ["f"]
    became = {name: seen["status"] for name, seen in inner_steps(run.execution("g")).items()}
    assert became == {"a": "COMPLETED", "b": "FAILED", "c": "COMPLETED"}
    assert run.execution("g").status is StepStatus.FAILED


def test_a_retry_opens_the_failed_step_and_what_was_left_out_runs_then() -> None:
    run = run_of(*DIAMOND)
    run.finish("g/0/a", 1).fail("g/1/b").finish("g/2/c", 3)
    assert run.status() is RunStatus.FAILED

    run.retry()
    assert run.calls == {"g/1/b": 2}
    run.finish("g/1/b", 2)
    assert run.calls == {"g/3/d": 1}

    assert run.finish("g/3/d", 4).state.output == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_a_retry_keeps_the_order_of_failed_steps_that_need_each_other() -> None:
    run = run_of(tool("a"), tool("tell", needs=["a"], run_if="done"))
    run.fail("g/0/a").fail("g/1/tell")

    run.retry()
    assert run.calls == {"g/0/a": 2}

    run.finish("g/0/a", 1)
    assert run.calls == {"g/1/tell": 2}
    assert run.finish("g/1/tell", 2).state.output == {"a": 1, "tell": 2}


def test_a_retry_leaves_out_a_failed_step_that_is_not_wanted_any_more() -> None:
    undo = parallel("undo", [tool("x")], needs=["a"], run_if="failed", timeout=5)
    last = tool("last", needs=["undo"], run_if="failed")
    run = run_of(tool("a"), undo, last, tool("next", needs=["a"]), max_concurrent=1)
    run.fail("g/0/a").fail("g/1/undo/0/x").finish("g/2/last")

    run.retry()
    assert run.calls == {"g/0/a": 2}
    assert run.fire("timeout:g/1/undo").calls == {"g/0/a": 2}, "its time has not begun"

    run.finish("g/0/a", 1)
    assert run.calls == {"g/3/next": 1}
    assert run.finish("g/3/next", 2).state.output == {"a": 1, "last": {"from": "g/2/last"}, "next": 2}
    assert run.timers == {}


def test_a_pause_in_the_middle_forgets_nobody() -> None:
    run = run_of(*DIAMOND).pause()
    run.finish("g/0/a")
    assert run.calls == {}
    run.resume()
    assert calls(run) == {"b", "c"}
    run.pause().fail("g/1/b").finish("g/2/c").resume()
    assert run.status() is RunStatus.FAILED


def test_another_worker_goes_on_where_it_stood() -> None:
    run = run_of(*DIAMOND)
    run.finish("g/0/a").lose_worker()
    run.reload()
    run.finish("g/1/b").finish("g/2/c").finish("g/3/d", 4)
    assert run.status() is RunStatus.COMPLETED


def test_cancel_and_timeout_take_everything_with_them() -> None:
    run = run_of(approval("ask", gates="none"), tool("b", needs=["ask"]), form("f")).cancel(CancelMode.NOW)
    assert run.status() is RunStatus.CANCELLED
    assert run.pending == []

    run = run_of(form("f"), tool("b", needs=["f"]), timeout=5)
    run.fire("timeout:g")
    assert run.error_code == "timeout"
    assert run.pending == []


def test_a_step_of_a_graph_may_hold_branches_itself() -> None:
    run = run_of(parallel("p", [tool("x")], [tool("y")]), tool("b", needs=["p"]))
    run.finish("g/0/p/0/x", 1).finish("g/0/p/1/y", 2)
    assert calls(run) == {"b"}
    assert run.finish("g/1/b", 3).state.output == {"p": [1, 2], "b": 3}
