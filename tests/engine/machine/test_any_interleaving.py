"""Random flows under random interleavings: every invariant holds, and every run can be brought to an end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from engine.contracts.status import CancelMode, OutcomeDecision, RequestKind, RunStatus
from engine.machine.model.state import Phase, outer_path_of, scope_path_of, step_of
from tests.engine.machine.random_flows import flows
from tests.engine.machine.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.machine.model.graph import FlowGraph

ENDED = {Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED, Phase.DEAD_LETTER}
ENOUGH = 2_000
MOST_ASKED = 12
"""Questions of one program; fewer are asked together."""
WHICH = st.integers(0, 1_000)
MOVES = st.lists(st.tuples(WHICH, st.sampled_from((True, True, False))), min_size=1, max_size=5)


def _active(machine: RandomRun) -> bool:
    return machine.run.state.phase is Phase.ACTIVE


def _ended_badly(machine: RandomRun) -> bool:
    return machine.run.state.phase in {Phase.FAILED, Phase.DEAD_LETTER} and not machine.run.mail


def _asking(machine: RandomRun) -> list[str]:
    """Paths of the approvals that are open."""
    return [path for path in machine.run.pending if machine.run.asked_at(path) is RequestKind.APPROVAL]


def _asked_calls(machine: RandomRun) -> list[str]:
    """Paths of the calls that are not made before somebody approves them."""
    return [path for path in _asking(machine) if machine.run.execution(path).call]


def _of_unknown_outcome(machine: RandomRun) -> list[str]:
    """Paths of the calls whose outcome a person is asked for."""
    return [path for path in machine.run.pending if machine.run.asked_at(path) is RequestKind.OUTCOME]


def _tool_calls(machine: RandomRun) -> list[str]:
    """Paths of the calls under way that are no model's, and no other program's."""
    found = ((path, machine.run.execution(path)) for path in sorted(machine.run.calls))
    return [path for path, execution in found if not execution.model and execution.type != "permission"]


def _prompted(machine: RandomRun) -> list[str]:
    """Paths of the agents whose programs are at work and have not asked for much."""
    agents = [outer_path_of(path) for path in machine.run.calls if path.endswith("/0/prompt")]
    branches = ((agent, machine.run.execution(agent).branches) for agent in sorted(agents))
    return [agent for agent, found in branches if found is not None and found.total < MOST_ASKED]


class RandomRun(RuleBasedStateMachine):
    """One run, pushed about by tools, two people, timers, dying workers and operators' verbs."""

    run: Simulation

    @initialize(
        flow=flows(),
        eager=st.booleans(),
        queued=st.sampled_from((False, False, False, True)),
        asks=st.sampled_from((False, False, True)),
    )
    def begin(self, flow: FlowGraph, eager: bool, queued: bool, asks: bool) -> None:
        self.run = Simulation(flow, eager=eager)
        if asks:
            self.run.asking_first()
        if not queued:
            self.run.start()

    @precondition(lambda self: self.run.state.phase is Phase.QUEUED)
    @rule()
    def a_worker_takes_it(self) -> None:
        self.run.start()

    @rule(moves=MOVES)
    def the_world_moves_on(self, moves: list[tuple[int, bool]]) -> None:
        for which, well in moves:
            possible = self._possible(well)
            if possible:
                possible[which % len(possible)]()

    @rule(moves=MOVES)
    def the_world_moves_on_more(self, moves: list[tuple[int, bool]]) -> None:
        self.the_world_moves_on(moves)

    def _possible(self, well: bool) -> list[Callable[[], object]]:
        run = self.run
        ended = RunStatus.COMPLETED if well else RunStatus.FAILED
        timers = [timer for timer in sorted(run.timers) if not well or timer.startswith(("retry", "wait"))]
        found: list[Callable[[], object]] = [
            *(partial(run.finish if well else run.fail, path) for path in sorted(run.calls)),
            *(partial(self._person_answers, path, well) for path in run.pending),
            *(partial(run.child_run_ended, child, ended) for child in sorted(run.children)),
            *(partial(run.fire, timer) for timer in timers),
        ]
        if well:
            found += [partial(run.ask, agent) for agent in _prompted(self)]
        if run.stopping:
            found.append(run.stopped)
        if run.mail:
            found += [run.deliver] * 2
        if run.preparations:
            found += [run.prepare_next] * 4
        return found

    def _person_answers(self, path: str, well: bool) -> None:
        match self.run.asked_at(path):
            case RequestKind.APPROVAL:
                self.run.decide(path, "APPROVED" if well else "REJECTED", "ben")
            case RequestKind.FORM:
                turn = scope_path_of(path).rpartition("/")[2]
                over = not well or (turn.isdigit() and int(turn) > 1)
                self.run.answer(path, {"text": ""} if over else None)
            case RequestKind.OUTCOME:
                said = OutcomeDecision.RUN_AGAIN if well else OutcomeDecision.FAIL
                self.run.say(path, said)

    @precondition(lambda self: self.run.calls)
    @rule(which=WHICH)
    def a_tool_brings_nothing(self, which: int) -> None:
        self.run.finish(sorted(self.run.calls)[which % len(self.run.calls)], {})

    @precondition(lambda self: bool(_tool_calls(self)))
    @rule(which=WHICH, seconds=st.sampled_from((None, 5.0)))
    def a_tool_awaits_an_answer(self, which: int, seconds: float | None) -> None:
        calls = _tool_calls(self)
        self.run.awaits(calls[which % len(calls)], seconds)

    @precondition(lambda self: bool(_asking(self)))
    @rule(which=WHICH, first=st.sampled_from(("APPROVED", "REJECTED")))
    def two_people_decide_at_once(self, which: int, first: str) -> None:
        asking = _asking(self)
        path = asking[which % len(asking)]
        eager, self.run.eager = self.run.eager, False
        assert self.run.decide(path, first, "ana")
        assert not self.run.decide(path, "APPROVED", "ben")
        self.run.eager = eager
        if eager:
            self.run.catch_up()

    @precondition(lambda self: bool(_asked_calls(self)))
    @rule(which=WHICH)
    def a_call_is_changed_by_who_decides_on_it(self, which: int) -> None:
        asking = _asked_calls(self)
        path = asking[which % len(asking)]
        assert self.run.decide(path, edits={"steps": [], "diff": "-one\n+two"})
        assert path not in self.run.calls, path

    @precondition(lambda self: bool(_asking(self)))
    @rule(which=WHICH)
    def what_was_approved_changes_meanwhile(self, which: int) -> None:
        asking = _asking(self)
        path = asking[which % len(asking)]
        gated_by = self.run.graph.steps_of(scope_path_of(path)).gated_by
        for gated, approval in gated_by.items():
            if approval == step_of(path):
                self.run.preparing.drift[gated] += 1
        self.run.approve(path)

    @precondition(lambda self: _active(self) and not self.run.state.pause_requested and not self.run.mail)
    @rule()
    def pause(self) -> None:
        self.run.pause()

    @precondition(lambda self: self.run.state.pause_requested and len(self.run.mail) < 3)
    @rule()
    def resume(self) -> None:
        self.run.resume()

    @precondition(_active)
    @rule(mode=st.sampled_from((None, None, None, None, CancelMode.BOUNDARY, CancelMode.NOW)))
    def cancel(self, mode: CancelMode | None) -> None:
        if mode is not None:
            self.run.cancel(mode)

    @precondition(_ended_badly)
    @rule(documented=st.booleans())
    def retry(self, documented: bool) -> None:
        if documented:
            self.run.document()
        self.run.retry()

    @precondition(lambda self: bool(_of_unknown_outcome(self)))
    @rule(which=WHICH)
    def a_person_says_that_a_call_was_done(self, which: int) -> None:
        asking = _of_unknown_outcome(self)
        self.run.say(asking[which % len(asking)], OutcomeDecision.DONE, {"done": True})

    @precondition(_active)
    @rule(lost=st.booleans())
    def the_worker_dies(self, lost: bool) -> None:
        self.run.lose_worker(lost=lost)

    @precondition(_active)
    @rule()
    def the_worker_leaves_before_its_calls_begin(self) -> None:
        self.run.put_back().lose_worker(lost=False)

    @precondition(_active)
    @rule()
    def the_state_comes_from_a_snapshot(self) -> None:
        self.run.reload()

    def teardown(self) -> None:
        """Enough good news brings every run to its end."""
        if not hasattr(self, "run"):
            return
        self.run.eager = True
        if self.run.state.phase is Phase.QUEUED:
            self.run.start()
        self.run.catch_up()
        if self.run.state.pause_requested:
            self.run.resume()
        for _ in range(ENOUGH):
            if self.run.state.phase in ENDED:
                return
            self._one_good_thing()
        raise AssertionError(f"no end after {ENOUGH} answers: {self.run.state}")

    def _one_good_thing(self) -> None:
        run = self.run
        if run.stopping:
            run.stopped()
        elif run.calls:
            run.finish(min(run.calls))
        elif run.pending:
            self._person_answers(run.pending[0], well=True)
        elif run.children:
            run.child_run_ended(min(run.children), RunStatus.COMPLETED)
        else:
            retries = [timer for timer in run.timers if timer.startswith(("retry:", "wait:"))]
            assert retries, f"nothing can move the run on: {run.state}"
            run.fire(min(retries))


TestAnyInterleaving = RandomRun.TestCase
TestAnyInterleaving.settings = settings(
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
