from __future__ import annotations

from engine.contracts.status import CancelMode, RunStatus, StepStatus
from engine.machine.events.step_facts import WaitStarted
from tests.engine.machine.flow_builders import form, graph, parallel, tool, wait
from tests.engine.machine.simulation import START, Simulation

SECOND = 1_000_000


def waiting(**fields: object) -> Simulation:
    return Simulation(graph(wait("w", **fields), tool("a"))).start()


def test_a_wait_parks_the_run_until_its_timer_fires() -> None:
    run = waiting()
    assert run.status() is RunStatus.WAITING
    assert run.execution("w").status is StepStatus.WAITING
    assert run.calls == {}
    (due,) = run.timers.values()
    assert 3 * SECOND < due - START < 4 * SECOND

    run.fire("wait:w")

    assert run.execution("w").status is StepStatus.COMPLETED
    assert run.calls == {"a": 1}


def test_a_moment_has_a_timer_of_its_own_kind() -> None:
    assert list(waiting(until="2026-03-01T08:00:00Z").timers) == ["until:w"]


def test_a_moment_that_is_over_is_not_waited_for() -> None:
    run = waiting(duration=0)

    assert run.calls == {"a": 1}
    assert run.timers == {}
    assert WaitStarted.kind not in run.kinds()


def test_a_wait_brings_no_output() -> None:
    run = Simulation(graph(tool("a"), wait("w"))).start().finish("a", 5)

    run.fire("wait:w")

    assert run.state.output == 5


def test_a_wait_that_ends_during_a_pause_is_over_when_the_run_goes_on() -> None:
    run = waiting().pause()
    assert run.status() is RunStatus.PAUSED

    run.fire("wait:w")
    assert run.calls == {}

    run.resume()
    assert run.calls == {"a": 1}


def test_a_pause_leaves_the_timer_alone() -> None:
    run = waiting()
    before = dict(run.timers)

    run.pause().resume()

    assert run.timers == before
    assert run.status() is RunStatus.WAITING


def test_a_cancelled_wait_takes_its_timer_with_it() -> None:
    run = waiting().cancel(CancelMode.BOUNDARY)

    assert run.status() is RunStatus.CANCELLED
    assert run.timers == {}


def test_a_wait_is_cut_short_by_its_timeout() -> None:
    run = waiting(timeout=1)

    run.fire("timeout:w")

    assert run.error_code == "timeout"
    assert run.timers == {}


def test_a_wait_survives_its_worker() -> None:
    run = waiting().lose_worker()
    assert run.status() is RunStatus.WAITING

    run.fire("wait:w")

    assert run.calls == {"a": 1}


def test_who_waits_for_a_person_is_told_before_who_waits_for_a_moment() -> None:
    run = Simulation(graph(parallel("p", [wait("w")], [form("f")], [tool("t")]))).start()
    assert run.status() is RunStatus.RUNNING

    run.finish("p/2/t")
    assert run.status() is RunStatus.PENDING_USER_INPUT

    run.answer("p/1/f")
    assert run.status() is RunStatus.WAITING


def test_a_retry_waits_again() -> None:
    run = waiting()
    run.fire("wait:w").fail("a")

    run.retry()

    assert run.calls == {"a": 2}


def test_a_moment_that_comes_after_the_step_has_failed_changes_nothing() -> None:
    flow = graph(parallel("p", [wait("w", timeout=1)], [tool("t")], join="any"))
    run = Simulation(flow).start()
    run.eager = False
    run.fire("timeout:p/0/w").fire("wait:p/0/w").catch_up()

    assert run.execution("p").status is StepStatus.RUNNING
    assert run.kinds("p/0/w")[-1] == "step_failed"
    assert run.finish("p/1/t", 7).catch_up().state.output == 7
