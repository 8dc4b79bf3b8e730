from __future__ import annotations

import pytest

from engine.contracts.status import RunStatus
from engine.machine.events.request_facts import UserInputRequested
from engine.machine.events.run_facts import RunPaused
from engine.machine.model.inputs import Collected, OutputPrepared, Pause, Resume, StepPrepared
from engine.machine.table import transition
from tests.engine.machine.flow_builders import approval, for_each, form, graph, parallel, tool
from tests.engine.machine.simulation import Simulation


def test_a_queued_run_pauses_before_its_first_step() -> None:
    run = Simulation(graph(tool("a"))).pause()

    assert run.status() is RunStatus.PAUSED
    assert run.calls == {}
    assert run.resume().calls == {"a": 1}


def test_a_queued_run_that_is_paused_already_counts_its_duration() -> None:
    run = Simulation(graph(tool("a"), max_duration=60)).pause()

    assert run.fire("max_duration").error_code == "max_duration_exceeded"


def test_a_running_tool_ends_first_and_nothing_starts_after_it() -> None:
    run = Simulation(graph(tool("a"), tool("b"))).start().pause()
    assert run.status() is RunStatus.RUNNING

    run.finish("a")

    assert run.status() is RunStatus.PAUSED
    assert run.calls == {}
    assert run.resume().calls == {"b": 1}


def test_all_tools_under_way_end_before_the_run_is_paused() -> None:
    run = Simulation(graph(for_each("e", [1, 2, 3], tool("x"), max_concurrent=2))).start().pause()

    run.finish("e/0/x")
    assert run.status() is RunStatus.RUNNING
    run.finish("e/1/x")

    assert run.status() is RunStatus.PAUSED
    assert run.resume().calls == {"e/2/x": 1}


def test_a_parked_run_is_paused_at_once_and_still_takes_decisions() -> None:
    run = Simulation(graph(approval("ok"), tool("a"))).start().pause()
    assert run.status() is RunStatus.PAUSED

    run.approve("ok")
    assert run.status() is RunStatus.PAUSED
    assert run.calls == {}

    assert run.resume().calls == {"a": 1}


def test_a_resumed_run_waits_again_for_what_nobody_decided() -> None:
    run = Simulation(graph(form("f"))).start().pause().resume()

    assert run.status() is RunStatus.PENDING_USER_INPUT
    assert run.count(UserInputRequested.kind) == 1


def test_a_retry_wait_that_is_over_while_paused_goes_on_at_resume() -> None:
    retry = {"max_attempts": 2, "backoff_seconds": 5}
    run = Simulation(graph(tool("a", retry=retry))).start().fail("a").pause()
    assert run.status() is RunStatus.PAUSED
    run.fire("retry:a")
    assert run.calls == {}

    run.resume()

    assert run.timers["retry:a"] <= run.now
    assert run.fire("retry:a").calls == {"a": 2}


def test_a_retry_wait_that_is_not_over_is_kept_by_resume() -> None:
    retry = {"max_attempts": 2, "backoff_seconds": 5}
    run = Simulation(graph(tool("a", retry=retry))).start().fail("a")
    due = run.timers["retry:a"]

    run.pause().resume()

    assert run.timers["retry:a"] == due
    assert run.status() is RunStatus.RETRYING


def test_a_wait_that_a_server_asked_for_is_kept_by_resume() -> None:
    run = Simulation(graph(tool("a", retry={"max_attempts": 2, "backoff_seconds": 1}))).start()
    asked = {"code": "rate_limited", "message": "later", "details": {"retry_after_seconds": 600}}
    run.fail("a", error=asked)
    due = run.timers["retry:a"]

    run.pause().resume()

    assert run.timers["retry:a"] == due > run.now + 590_000_000


def test_a_retry_wait_that_ends_while_the_run_is_resumed_is_over_once() -> None:
    step = tool("a", retry={"max_attempts": 3, "backoff_seconds": 9})
    run = Simulation(graph(step)).start().fail("a").pause()
    run.eager = False

    run.resume().fire("retry:a").catch_up()

    assert (run.calls, run.timers) == ({"a": 2}, {})


def test_an_attempt_that_fails_during_the_pause_waits_for_resume() -> None:
    run = Simulation(graph(tool("a", retry={"max_attempts": 2}))).start().pause().fail("a")
    assert run.status() is RunStatus.PAUSED
    assert run.calls == {}

    run.resume()

    assert run.fire("retry:a").calls == {"a": 2}


def test_branches_that_all_ended_during_the_pause_are_joined_at_resume() -> None:
    flow = graph(parallel("p", [tool("a")], [tool("b")]), tool("c"))
    run = Simulation(flow).start().pause().finish("p/0/a", 1).finish("p/1/b", 2)
    assert run.status() is RunStatus.PAUSED

    run.resume()

    assert run.execution("p").output == [1, 2]
    assert run.calls == {"c": 1}


def test_the_last_step_can_end_during_the_pause() -> None:
    run = Simulation(graph(tool("a"))).start().pause().finish("a", 1)
    assert run.status() is RunStatus.PAUSED

    assert run.resume().status() is RunStatus.COMPLETED


def test_a_failure_during_the_pause_ends_the_run() -> None:
    run = Simulation(graph(tool("a"))).start().pause().fail("a")

    assert run.status() is RunStatus.FAILED
    assert not run.state.pause_requested


def test_a_pause_that_is_taken_back_in_time_changes_nothing() -> None:
    run = Simulation(graph(tool("a"))).start().pause().resume().finish("a")

    assert run.status() is RunStatus.COMPLETED
    assert run.count(RunPaused.kind) == 0


def test_a_worker_lost_while_the_pause_waits_repeats_the_call_it_had() -> None:
    run = Simulation(graph(tool("a"), tool("b"))).start().pause().lose_worker()
    assert run.calls == {"a": 1}

    assert run.finish("a").status() is RunStatus.PAUSED


@pytest.mark.parametrize("phase", ["queued", "running", "paused"])
def test_a_second_pause_changes_nothing(phase: str) -> None:
    run = Simulation(graph(tool("a"), tool("b")))
    if phase != "queued":
        run.start()
    run.pause()
    if phase == "paused":
        run.finish("a")

    done = transition(run.graph, run.state, Pause(now=run.now))

    assert (done.events, done.effects) == ([], [])


def test_a_resume_of_what_is_not_paused_changes_nothing() -> None:
    queued = Simulation(graph(tool("a")))
    running = Simulation(graph(tool("a"))).start()

    for run in (queued, running):
        assert transition(run.graph, run.state, Resume(now=run.now)).events == []


def test_what_was_prepared_before_the_pause_does_not_start_after_it() -> None:
    run = Simulation(graph(tool("a")), eager=False).start()
    run.give(Pause(now=run.now))
    prepared = StepPrepared(now=run.now, path="a")

    assert transition(run.graph, run.state, prepared).events == []


def test_an_output_or_a_join_that_was_prepared_before_the_pause_waits_for_resume() -> None:
    run = Simulation(graph(for_each("e", [], tool("x")), tool("z", when=False)), eager=False).start()
    run.prepare_next()
    run.give(Pause(now=run.now))

    joined = transition(run.graph, run.state, Collected(now=run.now, path="e", value=[]))
    ended = transition(run.graph, run.state, OutputPrepared(now=run.now, value=1))

    assert (joined.events, ended.events) == ([], [])
    run.give(Resume(now=run.now)).catch_up()
    assert run.execution("e").output == []


def test_a_run_is_paused_once_whatever_it_hears_meanwhile() -> None:
    run = Simulation(graph(approval("ok"), tool("a"))).start().pause().approve("ok").lose_worker()

    assert run.status() is RunStatus.PAUSED
    assert run.count("run_paused") == 1
