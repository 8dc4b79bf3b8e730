"""An agent is worked turn by turn by the same machine: pauses, lost workers and retries included."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic_core import to_json

from engine.contracts.status import CancelMode, RunStatus, StepStatus
from engine.machine.events.agent_facts import AgentTurnAdded
from engine.machine.events.fold import fold
from engine.machine.events.table import read_event
from engine.machine.model.codec import state_from_json, state_to_json
from engine.machine.model.state import RunState
from engine.machine.transition_builder import failure
from tests.engine.machine.flow_builders import agent, graph, tool
from tests.engine.machine.simulation import Simulation


def asked(run: Simulation) -> list[str]:
    return sorted(run.calls)


def begun(*wanted: int) -> Simulation:
    """A run whose agent has been started; its models want so many calls, turn by turn."""
    return Simulation(graph(agent("work"), tool("after"))).wanting(*wanted).start()


def in_calls(*wanted: int) -> Simulation:
    """The same in the middle of its first turn."""
    return begun(*wanted).finish("work/0/model")


def test_the_model_is_asked_then_its_calls_are_made_side_by_side_then_it_is_asked_again() -> None:
    run = begun(2, 0)
    assert asked(run) == ["work/0/model"]
    run.finish("work/0/model")
    assert asked(run) == ["work/0/calls/0/call", "work/0/calls/1/call"]
    run.finish("work/0/calls/1/call").finish("work/0/calls/0/call")
    assert asked(run) == ["work/1/model"]
    run.finish("work/1/model")
    assert asked(run) == ["after"]
    assert run.state.counters.tool_calls == 3
    assert run.count("agent_turn_added") == 1


def test_an_answer_without_calls_ends_the_agent() -> None:
    run = in_calls(0)
    assert asked(run) == ["after"]
    assert run.execution("work").status is StepStatus.COMPLETED


def test_no_more_turns_than_the_flow_lets_it_have() -> None:
    run = Simulation(graph(agent("work", max_turns=1))).wanting(1).start().finish("work/0/model")
    assert (run.status(), run.error_code) == (RunStatus.FAILED, "turn_limit")
    assert run.state.counters.tool_calls == 0


def test_no_more_calls_at_once_than_there_may_be() -> None:
    run = in_calls(9)
    assert len(asked(run)) == 4
    run.finish("work/0/calls/0/call")
    assert len(asked(run)) == 4


def test_a_model_whose_worker_was_lost_is_asked_again_and_calls_that_ended_are_not_repeated() -> None:
    run = in_calls(2)
    run.finish("work/0/calls/0/call")
    run.lose_worker()
    assert asked(run) == ["work/0/calls/1/call"]
    run.finish("work/0/calls/1/call")
    run.lose_worker()
    assert asked(run) == ["work/1/model"]
    model = run.execution("work/1/model")
    assert (model.recoveries, model.attempt) == (1, 1)


def test_a_failed_call_is_told_and_ends_nothing() -> None:
    run = in_calls(1)
    run.fail("work/0/calls/0/call")
    assert asked(run) == ["work/1/model"]
    assert run.execution("work").status is StepStatus.RUNNING


def test_a_model_that_fails_for_good_fails_the_agent_and_a_retry_asks_it_again() -> None:
    run = in_calls(1)
    run.finish("work/0/calls/0/call")
    for _ in range(2):
        run.fail("work/1/model", "model_error").fire("retry:work/1/model")
    run.fail("work/1/model", "model_error")
    assert run.status() is RunStatus.FAILED
    run.retry()
    assert asked(run) == ["work/1/model"]
    assert run.state.counters.tool_calls == 1


def test_a_pause_holds_the_next_turn_and_a_cancel_ends_it() -> None:
    run = in_calls(1)
    run.pause()
    run.finish("work/0/calls/0/call")
    assert run.status() is RunStatus.PAUSED
    run.resume()
    assert asked(run) == ["work/1/model"]
    run.cancel(CancelMode.NOW).stopped()
    assert run.status() is RunStatus.CANCELLED


@pytest.mark.parametrize(("reason", "asked_again"), [("overloaded", True), ("rate_limited", False)])
def test_a_retry_may_name_the_reason_of_a_model_that_gave_no_answer(reason: str, asked_again: bool) -> None:
    retry = {"max_attempts": 2, "retry_on_codes": ["overloaded"]}
    run = Simulation(graph(agent("work", retry=retry))).wanting(0).start()
    run.fail("work/0/model", error=failure("model_error", "not now", reason=reason))
    assert bool(run.calls) is asked_again


def test_a_model_is_not_asked_again_before_its_server_wants() -> None:
    run = Simulation(graph(agent("work"))).wanting(0).start()
    asked_to_wait = failure("model_error", "slow down", reason="rate_limited", retry_after_seconds=90)
    run.fail("work/0/model", error=asked_to_wait)
    assert run.timers["retry:work/0/model"] - run.now >= 89_000_000
    run.fire("retry:work/0/model")
    assert run.calls == {"work/0/model": 2}


def talking(*wanted: int) -> Simulation:
    """A conversation whose first answer is under way."""
    return Simulation(graph(agent("work", mode="conversation"), tool("after"))).wanting(*wanted).start()


def test_after_an_answer_a_conversation_waits_for_a_person_and_no_worker_is_needed() -> None:
    run = talking(0, 0).finish("work/0/model")
    assert (run.status(), run.pending, asked(run)) == (RunStatus.PENDING_USER_INPUT, ["work/1/message"], [])
    run.lose_worker()
    assert run.pending == ["work/1/message"]
    run.answer("work/1/message")
    assert asked(run) == ["work/1/model"]
    run.finish("work/1/model")
    assert run.pending == ["work/2/message"]


def test_nobody_is_asked_while_a_conversing_agent_has_calls_to_hear_of() -> None:
    run = talking(1, 0).finish("work/0/model").finish("work/0/calls/0/call")
    assert (run.pending, asked(run)) == ([], ["work/1/model"])
    run.finish("work/1/model")
    assert run.pending == ["work/2/message"]


def test_nothing_more_to_say_ends_a_conversation() -> None:
    run = talking(0).finish("work/0/model").answer("work/1/message", {"text": ""})
    assert asked(run) == ["after"]
    assert run.execution("work").status is StepStatus.COMPLETED


def test_a_conversation_that_is_cancelled_while_it_waits_withdraws_its_question() -> None:
    run = talking(0).finish("work/0/model").cancel()
    assert (run.status(), run.pending) == (RunStatus.CANCELLED, [])


def worked(turns: int, *then: int) -> Simulation:
    """A run whose agent has had so many turns with one call each; its model then wants `then`, or none."""
    run = Simulation(graph(agent("work", max_turns=turns + 2))).wanting(*[1] * turns, *then, 0).start()
    for turn in range(turns):
        run.finish(f"work/{turn}/model", {"text": "x" * 200})
        run.finish(f"work/{turn}/calls/0/call", {"found": "y" * 200})
    return run


def size(run: Simulation) -> int:
    return len(to_json(state_to_json(run.state)))


def test_the_state_of_an_agent_is_as_large_after_many_turns_as_after_a_few() -> None:
    few, many = worked(5), worked(30)
    assert size(many) < size(few) + 50
    many.lose_worker()
    assert asked(many) == ["work/30/model"]
    many.finish("work/30/model")
    assert many.status() is RunStatus.COMPLETED


def test_a_journal_whose_turns_all_stayed_in_the_state_is_read_and_goes_on_with_fewer() -> None:
    run = worked(4, 1)
    old = [
        read_event(one.kind, one.ts, one.actor, one.step_id, {"turns": one.fact.turns})
        if isinstance(one.fact, AgentTurnAdded)
        else one
        for one in run.events
    ]
    folded = fold(old, RunState())
    agent_of_old = folded.root.executions["work"]
    assert agent_of_old.branches is not None
    assert agent_of_old.branches.outputs.count == agent_of_old.branches.ended == 4
    assert state_from_json({**state_to_json(folded), "version": 3}) == folded
    run.state, run.events = folded, old
    run.reload()
    run.finish("work/4/model").finish("work/4/calls/0/call")
    branches = run.execution("work").branches
    assert branches is not None
    assert (branches.ended, branches.outputs.count) == (5, 3)


def test_a_turn_is_begun_once_though_the_state_has_forgotten_it() -> None:
    branches = worked(9).execution("work").branches
    assert branches is not None
    assert all(branches.has_begun(turn) for turn in range(10))
    assert not replace(branches, children={}).has_begun(9)
