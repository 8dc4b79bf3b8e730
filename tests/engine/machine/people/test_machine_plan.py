"""A plan is proposed, decided on and worked by the same machine: lost workers, pauses, retries included."""

from __future__ import annotations

from engine.contracts.status import CancelMode, RunStatus, StepStatus
from tests.engine.machine.flow_builders import approval, graph, plan, tool
from tests.engine.machine.simulation import Simulation


def proposed(*wanted: int, **fields: object) -> Simulation:
    """A run whose models have proposed a plan; the numbers are wanted by reviews and by plans in turn."""
    run = Simulation(graph(plan("plan", **fields), tool("after"))).wanting(*wanted).start()
    return run.finish("plan/0/model")


def test_nothing_is_called_before_a_person_has_approved_then_the_calls_come_one_after_another() -> None:
    run = proposed(1, 2)
    assert (run.status(), run.pending, sorted(run.calls)) == (
        RunStatus.PENDING_HUMAN,
        ["plan/0/review"],
        [],
    )
    run.approve("plan/0/review")
    assert sorted(run.calls) == ["plan/0/steps/0/call"]
    run.finish("plan/0/steps/0/call")
    assert sorted(run.calls) == ["plan/0/steps/1/call"]
    run.finish("plan/0/steps/1/call")
    assert sorted(run.calls) == ["after"]
    assert run.execution("plan").status is StepStatus.COMPLETED
    assert run.kinds("plan").count("plan_proposed") == 1


def test_a_rejected_plan_is_followed_by_another_one_and_nothing_of_it_is_called() -> None:
    run = proposed(1, 0, 1, 1)
    run.reject("plan/0/review", "not so")
    assert sorted(run.calls) == ["plan/1/model"]
    replanned = run.last("run_replan_started").payload
    assert replanned == {"v": 2, "replan": 1, "turns": 2, "approval_id": "appr_3"}
    run.finish("plan/1/model").approve("plan/1/review")
    assert sorted(run.calls) == ["plan/1/steps/0/call"]


def test_one_rejection_too_many_ends_the_run_as_rejected_and_a_retry_plans_again() -> None:
    run = proposed(1, 0, 1, 0, 1, 0, 1, 0)
    for turn in range(3):
        run.reject(f"plan/{turn}/review")
        if turn < 2:
            run.finish(f"plan/{turn + 1}/model")
    assert (run.status(), run.error_code) == (RunStatus.FAILED, "approval_rejected")
    run.retry()
    assert sorted(run.calls) == ["plan/3/model"]


def test_a_plan_that_does_not_fit_is_proposed_again_and_shown_to_nobody() -> None:
    run = proposed(0, 0, 1, 1)
    assert (run.pending, sorted(run.calls)) == ([], ["plan/1/model"])
    assert run.last("plan_validation_failed").payload == {"errors": ["unfit"], "turns": 2}
    run.finish("plan/1/model")
    assert run.pending == ["plan/1/review"]


def test_a_model_that_never_brings_a_plan_that_fits_has_broken_its_contract() -> None:
    run = proposed(0, 0, 0, 0, 0, 0)
    run.finish("plan/1/model").finish("plan/2/model")
    assert (run.status(), run.error_code) == (RunStatus.FAILED, "contract_violation")
    assert run.count("plan_validation_failed") == 3


def test_a_plan_waits_without_a_worker_and_finished_calls_are_not_repeated() -> None:
    run = proposed(1, 2)
    run.lose_worker()
    assert run.pending == ["plan/0/review"]
    run.approve("plan/0/review").finish("plan/0/steps/0/call")
    run.lose_worker()
    assert sorted(run.calls) == ["plan/0/steps/1/call"]


def test_a_retry_goes_on_with_the_call_that_failed_and_asks_nobody_again() -> None:
    run = proposed(1, 2).approve("plan/0/review").finish("plan/0/steps/0/call")
    run.fail("plan/0/steps/1/call")
    assert run.status() is RunStatus.FAILED
    run.retry()
    assert (run.pending, sorted(run.calls)) == ([], ["plan/0/steps/1/call"])


def test_a_plan_whose_time_is_over_is_not_worked() -> None:
    run = proposed(1, 1, expires_after=5)
    run.fire("timeout:plan/0/review")
    assert (run.status(), run.error_code) == (RunStatus.FAILED, "timeout")
    assert run.count("request_expired") == 1


def test_an_approval_while_the_run_is_paused_calls_nothing_until_it_goes_on() -> None:
    run = proposed(1, 1)
    run.pause()
    run.approve("plan/0/review")
    assert not run.calls
    run.resume()
    assert sorted(run.calls) == ["plan/0/steps/0/call"]


def test_what_would_run_has_to_be_what_was_approved() -> None:
    run = proposed(1, 1)
    run.eager = False
    run.approve("plan/0/review")
    run.deliver()
    run.preparing.drift["plan"] += 1
    run.catch_up()
    assert (run.status(), run.error_code) == (RunStatus.FAILED, "approval_void")
    assert run.state.counters.tool_calls == 0


def test_a_cancelled_plan_withdraws_its_question() -> None:
    run = proposed(1, 1).cancel(CancelMode.NOW)
    assert (run.status(), run.pending) == (RunStatus.CANCELLED, [])


def behind_a_plan(*wanted: int, **fields: object) -> Simulation:
    """A run whose plan has been worked and that waits for the approval behind it."""
    steps = (plan("plan", **fields), tool("check"), approval("ask"), tool("after"))
    run = Simulation(graph(*steps)).wanting(1, 1, *wanted).start()
    return worked(run, "plan")


def worked(run: Simulation, path: str) -> Simulation:
    run.finish(f"{path}/0/model").approve(f"{path}/0/review").finish(f"{path}/0/steps/0/call")
    return run.finish("check" if path == "plan" else path.replace("plan", "check"))


def test_a_rejected_approval_behind_a_plan_brings_another_plan_and_the_steps_between_run_again() -> None:
    run = behind_a_plan(1, 1)
    run.reject("ask", "not so")
    assert (run.status(), sorted(run.calls)) == (RunStatus.RUNNING, ["plan~2/0/model"])
    assert run.execution("ask").status is StepStatus.FAILED
    noted = run.last("run_replan_started")
    assert noted.step_id == "plan"
    told = {name: noted.payload[name] for name in ("replan", "plan", "rejected")}
    assert told == {"replan": 1, "plan": "plan~2", "rejected": "ask"}
    worked(run, "plan~2")
    assert run.pending == ["ask~2"]
    run.approve("ask~2")
    assert sorted(run.calls) == ["after"]


def test_one_rejection_more_than_replans_behind_a_plan_ends_the_run_as_rejected() -> None:
    run = behind_a_plan(1, 1, max_replans=1)
    run.reject("ask")
    worked(run, "plan~2").reject("ask~2")
    assert (run.status(), run.error_code) == (RunStatus.FAILED, "approval_rejected")
    assert (run.state.error or {})["details"]["replans"] == 1


def test_a_lost_worker_and_a_pause_change_nothing_of_a_replan() -> None:
    run = behind_a_plan(1, 1)
    run.pause().reject("ask", "not so")
    assert (run.status(), run.calls) == (RunStatus.PAUSED, {})
    run.resume()
    assert sorted(run.calls) == ["plan~2/0/model"]
    run.lose_worker()
    assert sorted(run.calls) == ["plan~2/0/model"]
    assert run.status() is RunStatus.RUNNING


def test_where_the_author_says_what_comes_after_a_no_nobody_plans_again() -> None:
    steps = (plan("plan"), approval("ask", on_failure="continue"), tool("after"))
    run = Simulation(graph(*steps)).wanting(1, 1).start()
    run.finish("plan/0/model").approve("plan/0/review").finish("plan/0/steps/0/call").reject("ask")
    assert (run.count("run_replan_started"), run.calls) == (0, {})


def test_an_approval_before_a_plan_or_in_another_list_ends_the_run() -> None:
    run = Simulation(graph(approval("ask"), plan("plan"))).start().reject("ask")
    assert (run.status(), run.error_code) == (RunStatus.FAILED, "approval_rejected")


def test_replans_do_not_use_up_the_visits_of_a_loop() -> None:
    steps = (plan("plan", max_visits=2), approval("ask"), tool("after", on_success="plan"))
    run = Simulation(graph(*steps)).wanting(*[1] * 8).start()
    for path, ask in (("plan", "ask"), ("plan~2", "ask~2")):
        run.finish(f"{path}/0/model").approve(f"{path}/0/review").finish(f"{path}/0/steps/0/call")
        run = run.reject(ask) if ask == "ask" else run.approve(ask)
    run.finish("after")
    assert sorted(run.calls) == ["plan~3/0/model"]
