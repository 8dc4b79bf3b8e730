"""An agent that another program brings: what it asks belongs to the process that asked, and ends with it."""

from __future__ import annotations

from engine.contracts.status import CancelMode, RunStatus, StepStatus
from engine.machine.events.request_facts import RequestWithdrawn
from engine.machine.transition_builder import failure
from tests.engine.machine.flow_builders import agent, graph, tool
from tests.engine.machine.simulation import Simulation

PROMPT = "work/0/prompt"


def at_work() -> Simulation:
    return Simulation(graph(agent("work", agent="acp:one"), tool("after"))).start()


def asking() -> Simulation:
    return at_work().ask("work")


def test_the_prompt_is_one_call_and_its_answer_is_handed_on() -> None:
    run = at_work()
    assert sorted(run.calls) == [PROMPT]
    run.finish(PROMPT, {"text": "done"})
    assert sorted(run.calls) == ["after"]
    assert run.execution("work").output == {"text": "done"}
    assert run.state.counters.tool_calls == 1


def test_what_it_asks_for_waits_for_a_person_while_the_prompt_is_held() -> None:
    run = asking()
    assert run.execution("work/1/call").status is StepStatus.PENDING_HUMAN
    assert sorted(run.calls) == [PROMPT]
    assert run.status() is RunStatus.PENDING_HUMAN
    run.approve("work/1/call")
    assert sorted(run.calls) == [PROMPT, "work/1/call"]
    assert run.status() is RunStatus.RUNNING
    run.finish("work/1/call").finish(PROMPT)
    assert sorted(run.calls) == ["after"]


def test_a_rejection_ends_the_question_and_nothing_else() -> None:
    run = asking().reject("work/1/call")
    assert sorted(run.calls) == [PROMPT]
    assert run.execution("work").status is StepStatus.RUNNING
    assert run.count("branch_completed") == 1


def test_questions_are_asked_side_by_side_up_to_a_limit_and_the_rest_waits_its_turn() -> None:
    run = at_work()
    for _ in range(10):
        run.ask("work")
    assert sum(request.path.startswith("work/") for request in run.requests.values()) == 8
    run.reject("work/3/call")
    assert run.execution("work/9/call").status is StepStatus.PENDING_HUMAN


def test_when_the_turn_ends_nobody_is_asked_any_more() -> None:
    run = at_work()
    for _ in range(10):
        run.ask("work")
    run.finish(PROMPT, {"text": "done"})
    assert run.count(RequestWithdrawn.kind) == 8
    assert run.count("agent_permissions_dropped") == 1
    assert sorted(run.calls) == ["after"]


def test_with_the_worker_the_question_dies_and_the_prompt_is_given_again() -> None:
    run = asking().ask("work").approve("work/2/call")
    run.lose_worker()
    assert sorted(run.calls) == [PROMPT]
    assert run.count(RequestWithdrawn.kind) == 1
    assert run.count("outcome_unknown") == 0
    assert run.execution(PROMPT).attempt == 1
    run.ask("work")
    assert run.execution("work/3/call").status is StepStatus.PENDING_HUMAN


def test_an_approval_that_comes_after_the_process_died_lets_nothing_happen() -> None:
    run = Simulation(graph(agent("work", agent="acp:one"), tool("after"))).start().ask("work")
    run.eager = False
    assert run.decide("work/1/call")
    run.lose_worker()
    run.eager = True
    run.catch_up()
    assert sorted(run.calls) == [PROMPT]


def test_a_process_that_failed_takes_its_questions_with_it_and_the_next_attempt_asks_anew() -> None:
    run = asking().fail(PROMPT)
    assert run.count(RequestWithdrawn.kind) == 1
    assert run.execution(PROMPT).retry_at is not None
    run.ask("work")
    assert run.count("agent_permission_asked") == 1


def test_a_retry_of_the_run_gives_the_prompt_again_and_asks_nothing_old() -> None:
    final = failure("agent_error", "no", recoverable=False)
    run = asking().fail(PROMPT, error=final)
    assert run.status() is RunStatus.FAILED
    run.retry()
    assert sorted(run.calls) == [PROMPT]
    assert run.execution(PROMPT).attempt == 2


def test_a_cancel_ends_both() -> None:
    run = asking().cancel(CancelMode.NOW)
    assert run.count(RequestWithdrawn.kind) == 1
    run.stopped()
    assert run.status() is RunStatus.CANCELLED


def test_a_pause_asks_nothing_and_passes_nothing_on_until_the_resume() -> None:
    run = asking().pause()
    run.ask("work").approve("work/1/call")
    assert sorted(run.calls) == [PROMPT]
    run.resume()
    assert sorted(run.calls) == [PROMPT, "work/1/call"]
    assert run.execution("work/2/call").status is StepStatus.PENDING_HUMAN
