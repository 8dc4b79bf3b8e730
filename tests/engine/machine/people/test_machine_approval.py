from __future__ import annotations

from engine.contracts.status import RequestStatus, RunStatus, StepStatus
from engine.machine.events.request_facts import (
    ApprovalDecided,
    ApprovalVoided,
    PendingHuman,
    RequestExpired,
    RequestWithdrawn,
)
from engine.machine.events.step_facts import StepStarted
from engine.machine.model.inputs import RequestDecided
from engine.machine.steps.people.gate import MAX_VOIDED
from engine.machine.table import transition
from tests.engine.machine.flow_builders import StepData, approval, form, graph, parallel, tool
from tests.engine.machine.rendering import action_digest
from tests.engine.machine.simulation import Simulation


def asking(*after: StepData, **fields: object) -> Simulation:
    return Simulation(graph(approval("ok", **fields), *(after or (tool("a"),)))).start()


def asking_again(run: Simulation, step: str) -> None:
    """What the gated step would do changes, and the operator approves what was shown before."""
    (path,) = run.pending
    run.preparing.drift[step] += 1
    run.approve(path)


def test_an_approval_parks_the_run_with_what_is_shown() -> None:
    run = asking(risk="high")

    assert run.status() is RunStatus.PENDING_HUMAN
    assert run.pending == ["ok"]
    shown = run.last(PendingHuman.kind).payload
    assert shown["risk"] == "high"
    assert shown["body"] == {"title": "ok"}
    assert shown["action_digest"] == action_digest("a", run.preparing.drift)


def test_an_approved_step_runs_and_spends_the_approval() -> None:
    run = asking().approve("ok", who="ben")

    assert run.calls == {"a": 1}
    assert run.execution("ok").consumed_by == "a"
    assert run.execution("ok").decision == {"decision": "APPROVED", "decided_by": "ben", "comment": ""}
    assert run.last(StepStarted.kind).payload["approval"] == "ok"


def test_the_decision_is_not_the_runs_output() -> None:
    run = Simulation(graph(tool("a"), approval("ok"))).start().finish("a", {"a": 1}).approve("ok")

    assert run.status() is RunStatus.COMPLETED
    assert run.state.output == {"a": 1}


def test_a_rejection_fails_the_run_with_who_and_why() -> None:
    run = asking()

    run.reject("ok", comment="wrong branch")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "approval_rejected"
    assert run.state.error is not None
    assert run.state.error["message"] == "rejected by ana: wrong branch"
    assert run.calls == {}


def test_a_rejection_follows_on_failure() -> None:
    run = asking(tool("a"), tool("tidy"), on_failure="tidy").reject("ok")

    assert run.calls == {"tidy": 1}
    assert run.execution("ok").status is StepStatus.FAILED


def test_the_second_decision_changes_nothing() -> None:
    run = asking()

    assert run.decide("ok", "APPROVED", "ana")
    assert not run.decide("ok", "REJECTED", "ben")
    assert run.count(ApprovalDecided.kind) == 1
    assert run.calls == {"a": 1}


def test_a_decision_about_another_request_changes_nothing() -> None:
    run = asking()

    done = transition(run.graph, run.state, RequestDecided(now=run.now, path="ok", request_id="appr_other"))

    assert done.events == []


def test_an_approval_that_nobody_decides_in_time_fails_and_is_expired() -> None:
    run = asking(timeout=30)

    run.fire("timeout:ok")

    assert run.error_code == "timeout"
    assert run.pending == []
    assert (run.count(RequestExpired.kind), run.count(RequestWithdrawn.kind)) == (1, 0)


def test_the_timer_of_a_decided_approval_changes_nothing() -> None:
    run = asking(timeout=30)
    run.eager = False
    run.approve("ok")
    run.timers["timeout:ok"] = run.now

    run.fire("timeout:ok")
    run.catch_up()

    assert run.calls == {"a": 1}


def test_what_differs_from_what_was_approved_is_voided_and_asked_again() -> None:
    run = asking()

    asking_again(run, "a")

    assert run.calls == {}
    assert run.pending == ["ok~2"]
    assert run.last(ApprovalVoided.kind).payload["reason"] == (
        "what would run differs from what was approved"
    )
    assert run.request_status("appr_1") is RequestStatus.VOID
    run.approve("ok~2")
    assert run.calls == {"a": 1}


def test_an_approval_that_is_voided_again_and_again_fails_closed() -> None:
    run = asking()

    for _ in range(MAX_VOIDED):
        asking_again(run, "a")

    assert run.status() is RunStatus.FAILED
    assert run.error_code == "approval_void"
    assert run.count(ApprovalVoided.kind) == MAX_VOIDED - 1
    assert run.state.counters.tool_calls == 0


def test_visits_in_a_loop_do_not_count_as_voided() -> None:
    rounds = MAX_VOIDED + 2
    run = asking(tool("a", on_success="ok"), max_visits=rounds)
    for visit in range(1, rounds):
        path, call = (f"{name}~{visit}" if visit > 1 else name for name in ("ok", "a"))
        run.approve(path).finish(call)

    asking_again(run, "a")

    assert run.pending == [f"ok~{rounds + 1}"]


def test_a_retry_forgets_what_was_voided() -> None:
    run = asking()
    for _ in range(MAX_VOIDED):
        asking_again(run, "a")

    run.retry()

    assert run.pending == [f"ok~{MAX_VOIDED + 1}"]
    assert run.approve(f"ok~{MAX_VOIDED + 1}").calls == {"a": 2}


def test_each_round_of_a_loop_needs_its_own_approval() -> None:
    run = asking(tool("a", on_success="ok"), max_visits=2)
    run.approve("ok").finish("a")
    assert run.pending == ["ok~2"]
    assert run.calls == {}

    run.approve("ok~2")

    assert run.calls == {"a~2": 1}
    starts = [event.payload for event in run.events if isinstance(event.fact, StepStarted)]
    spent = [payload["approval"] for payload in starts if "approval" in payload]
    assert spent == ["ok", "ok~2"]


def test_an_approval_is_spent_once_even_if_the_gated_step_comes_again() -> None:
    # the loader refuses this flow (a jump past the approval): the machine fails closed by itself
    run = asking(tool("a", on_success="a", max_visits=3), max_visits=3).approve("ok")

    run.finish("a")

    assert run.calls == {}
    assert run.pending == ["ok~2"]
    assert run.last(ApprovalVoided.kind).payload["reason"] == "already used"


def test_attempts_of_the_approved_step_need_no_new_approval() -> None:
    run = asking(tool("a", retry={"max_attempts": 2})).approve("ok").fail("a")

    assert run.calls == {"a": 2}
    run.fail("a")
    assert run.count(PendingHuman.kind) == 1


def test_a_retry_of_the_approved_step_asks_anew() -> None:
    run = asking(tool("a")).approve("ok").fail("a")

    run.retry()

    assert run.calls == {}
    assert run.pending == ["ok~2"]
    assert run.request_status("appr_1") is RequestStatus.APPROVED, "what was done stays approved"
    assert run.approve("ok~2").calls == {"a": 2}


def test_a_skipped_approval_gates_nothing() -> None:
    run = asking(when=False)

    assert run.calls == {"a": 1}
    assert run.execution("ok").status is StepStatus.SKIPPED


def test_a_gated_step_reached_without_its_approval_fails_closed() -> None:
    # the loader refuses this flow too
    run = Simulation(graph(tool("first", on_success="a"), approval("ok"), tool("a"))).start()

    run.finish("first")

    assert run.error_code == "approval_void"
    assert run.calls == {}


def test_a_step_further_down_can_be_gated_by_name() -> None:
    run = asking(tool("between"), tool("a"), gates="a").approve("ok").finish("between")

    assert run.execution("ok").consumed_by == "a"


def test_changes_between_approval_and_gate_repeat_the_steps_between() -> None:
    run = asking(tool("between"), tool("a"), gates="a").approve("ok")
    run.preparing.drift["a"] += 1

    run.finish("between")
    run.approve("ok~2").finish("between~2")

    assert run.calls == {"a": 1}


def test_a_gated_parallel_step_spends_its_approval_once() -> None:
    run = asking(parallel("p", [tool("x")], [tool("y")])).approve("ok")

    assert run.calls == {"p/0/x": 1, "p/1/y": 1}
    assert run.execution("ok").consumed_by == "p"


def test_a_form_after_an_approval_asks_without_spending_it() -> None:
    run = asking(form("f")).approve("ok")

    assert run.status() is RunStatus.PENDING_USER_INPUT
    assert run.execution("ok").consumed_by is None


def test_a_call_that_would_do_something_else_when_it_is_made_asks_again() -> None:
    run = asking().approve("ok")

    run.fail("a", "approval_void")

    assert run.pending == ["ok~2"]
    assert run.execution("a").error is not None
    assert run.count(ApprovalVoided.kind) == 1
    assert run.approve("ok~2").calls == {"a~2": 1}


def test_a_call_that_nobody_approved_fails_with_what_it_says() -> None:
    run = Simulation(graph(tool("a"))).start().fail("a", "approval_void")

    assert run.status() is RunStatus.FAILED
