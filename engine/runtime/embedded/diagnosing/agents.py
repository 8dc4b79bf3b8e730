"""Where an agent or a plan stands, from the views of its newest steps; pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import CALL, CALLS, MESSAGE, MODEL, MODEL_RETRY, AgentStep
from engine.contracts.flows.plan_step import REVIEW, STEPS, PlanProposalStep
from engine.contracts.runs.snapshot import (
    AgentPhase,
    AgentSkills,
    AgentSnapshot,
    AgentTools,
    AskedModel,
    MadeCall,
    TerminalCause,
)
from engine.contracts.status import STEP_TERMINAL, StepErrorCode, StepStatus
from engine.machine.model.state import find_execution
from engine.machine.steps.agent import NARROWED
from engine.runtime.views.conversations.agent_steps import newest_visits
from engine.runtime.worker.steps.agents.own_tools.finding import found_since
from engine.runtime.worker.steps.agents.token_ceiling import TOKENS_USED_UP
from engine.runtime.worker.steps.agents.told.conversation import ASKED_AGAIN, answer_faults
from engine.runtime.worker.steps.agents.told.narrowed import hidden_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.runs.run import StepView
    from engine.machine.model.state import Execution, RunState

_INNER = (MESSAGE, MODEL, CALLS, REVIEW, STEPS)
LOOKED_BACK = ASKED_AGAIN + 2
"""Turns that are looked at: those that may all have brought no answer that fits, and the newest one."""
LAST_CALLS = 10
_NAME = 120

_CAUSES = {
    StepErrorCode.TURN_LIMIT: TerminalCause.TURN_LIMIT,
    StepErrorCode.BUDGET_EXHAUSTED: TerminalCause.COST_BUDGET,
    StepErrorCode.TIMEOUT: TerminalCause.TIME_BUDGET,
    StepErrorCode.MAX_DURATION: TerminalCause.TIME_BUDGET,
    StepErrorCode.CANCELLED: TerminalCause.CANCELLED,
    StepErrorCode.MODEL_ERROR: TerminalCause.MODEL_ERROR,
    StepErrorCode.CONTRACT_VIOLATION: TerminalCause.CONTRACT_VIOLATION,
    StepErrorCode.PERMISSION_DENIED: TerminalCause.DENIED,
    StepErrorCode.POLICY_BLOCKED: TerminalCause.DENIED,
    StepErrorCode.APPROVAL_REJECTED: TerminalCause.DENIED,
    StepErrorCode.LOOP_DETECTED: TerminalCause.LOOP_DETECTED,
}


@dataclass(frozen=True)
class NewestTurns:
    """The newest turns of an agent: how many it has in all, and the steps of the newest ones by path."""

    count: int
    steps: Mapping[str, StepView]

    def reply(self, path: str, number: int) -> dict[str, Any] | None:
        """What the model answered in a turn, if it has."""
        model = self.steps.get(f"{path}/{number}/{MODEL}")
        return model.output if model is not None and isinstance(model.output, dict) else None

    def call(self, path: str, number: int, place: int) -> tuple[str, StepView | None]:
        """Where a call of a turn stands, and what became of it, if it has begun."""
        first = f"{path}/{number}/{CALLS}/{place}/{CALL}"
        where = self._newest.get(first, first)
        return where, self.steps.get(where)

    def planned(self, steps: str) -> list[tuple[str, StepView]]:
        """The calls of an approved plan, whose paths begin so, that have begun, in their order."""
        below = (path.removeprefix(steps) for path in self.steps if path.startswith(steps))
        numbers = sorted({int(path.partition("/")[0]) for path in below})
        first = (f"{steps}{number}/{CALL}" for number in numbers)
        return [(path, self.steps[path]) for path in (self._newest.get(one, one) for one in first)]

    @cached_property
    def _newest(self) -> dict[str, str]:
        return newest_visits(self.steps)


def agent_snapshot(
    agent: StepView,
    turns: NewestTurns,
    step: AgentStep | PlanProposalStep | None,
    state: RunState,
    skills: AgentSkills,
) -> AgentSnapshot:
    """The snapshot of an agent or a plan; `step` is None where its flow cannot be read any more."""
    path, newest = agent.step_id, turns.count - 1
    scope = f"{path}/{newest}"
    model, reply = turns.steps.get(f"{scope}/{MODEL}"), turns.reply(path, newest)
    answered = reply or turns.reply(path, newest - 1) or {}
    phase = _phase(agent, scope, turns.steps, step)
    return AgentSnapshot(
        step_id=path,
        type=agent.type,
        status=agent.status,
        phase=phase,
        terminal_cause=_cause(agent, state),
        error=agent.error,
        turn=turns.count,
        max_turns=step.max_turns if isinstance(step, AgentStep) and step.outside is None else None,
        unfit_answers=_unfit(path, turns, step),
        max_unfit_answers=ASKED_AGAIN if _has_form(step) else 0,
        tools=_tools(agent, turns, step, state, model if phase is AgentPhase.ASKING else None),
        skills=None if isinstance(step, AgentStep) and step.outside is not None else skills,
        model=AskedModel(
            provider=_text(answered.get("provider")),
            model=_text(answered.get("model")),
            attempt=model.attempt if model is not None else 1,
            max_attempts=_max_attempts(step, find_execution(state.root, f"{scope}/{MODEL}")),
            retry_at=model.retry_at if model is not None and phase is not AgentPhase.ENDED else None,
        ),
        last_calls=tuple(_calls(path, turns, LOOKED_BACK)[-LAST_CALLS:]),
        calls_pending=sum(one.status not in STEP_TERMINAL for one in _calls(path, turns, 1))
        if phase is not AgentPhase.ENDED
        else 0,
        child_run_ids=tuple(
            one.child_run_id
            for one in turns.steps.values()
            if one.child_run_id is not None and one.status not in STEP_TERMINAL
        ),
    )


def _phase(
    agent: StepView,
    scope: str,
    steps: Mapping[str, StepView],
    step: AgentStep | PlanProposalStep | None,
) -> AgentPhase:
    if agent.status in STEP_TERMINAL:
        return AgentPhase.ENDED
    if isinstance(step, AgentStep) and step.outside is not None:
        return AgentPhase.PROGRAM
    at = {name: steps[f"{scope}/{name}"].status for name in _INNER if f"{scope}/{name}" in steps}
    if at.get(MESSAGE) is StepStatus.PENDING_USER_INPUT or f"{_next(scope)}/{MESSAGE}" in steps:
        return AgentPhase.MESSAGE
    if at.get(REVIEW) is StepStatus.PENDING_HUMAN:
        return AgentPhase.DECISION
    if at.get(MODEL) is StepStatus.RUNNING:
        waits = steps[f"{scope}/{MODEL}"].retry_at is not None
        return AgentPhase.WAITING_TO_ASK if waits else AgentPhase.ASKING
    if StepStatus.RUNNING in (at.get(CALLS), at.get(STEPS)):
        return AgentPhase.CALLING
    return AgentPhase.BETWEEN


def _next(scope: str) -> str:
    """The turn after one: a conversation has a message before its model is asked."""
    agent, _, number = scope.rpartition("/")
    return f"{agent}/{int(number) + 1}"


def _cause(agent: StepView, state: RunState) -> TerminalCause | None:
    if agent.status is StepStatus.COMPLETED:
        return TerminalCause.COMPLETED
    if agent.status is StepStatus.CANCELLED:
        return TerminalCause.TIME_BUDGET if _out_of_time(agent, state) else TerminalCause.CANCELLED
    if agent.status is not StepStatus.FAILED:
        return None
    code = agent.error.code if agent.error is not None else ""
    if agent.error is not None and agent.error.details.get("reason") == TOKENS_USED_UP:
        return TerminalCause.TOKEN_BUDGET
    return next((cause for one, cause in _CAUSES.items() if one == code), TerminalCause.FAILED)


def _out_of_time(agent: StepView, state: RunState) -> bool:
    """Whether nobody cancelled it but the time of its run, which was over while it was at work."""
    error = (state.ending.error if state.ending is not None else state.error) or {}
    is_over = error.get("code") == StepErrorCode.MAX_DURATION
    return is_over and find_execution(state.root, agent.step_id) is not None


def _has_form(step: AgentStep | PlanProposalStep | None) -> bool:
    return isinstance(step, PlanProposalStep) or (step is not None and step.output is not None)


def _unfit(path: str, turns: NewestTurns, step: AgentStep | PlanProposalStep | None) -> int:
    """Answers in a row that did not fit, the newest one among them; the one that is asked for now is none."""
    count, number = 0, turns.count - 1
    while number >= max(0, turns.count - LOOKED_BACK):
        reply = turns.reply(path, number)
        if reply is None and number < turns.count - 1:
            break
        if reply is not None and not _is_unfit(reply, turns.steps.get(f"{path}/{number}/{REVIEW}"), step):
            break
        count += reply is not None
        number -= 1
    return count


def _is_unfit(
    reply: Mapping[str, Any], review: StepView | None, step: AgentStep | PlanProposalStep | None
) -> bool:
    if isinstance(step, AgentStep):
        return not reply.get("calls") and bool(answer_faults(_text(reply.get("text")), step.output))
    return review is not None and review.status is StepStatus.SKIPPED


def _tools(
    agent: StepView,
    turns: NewestTurns,
    step: AgentStep | PlanProposalStep | None,
    state: RunState,
    asked: StepView | None,
) -> AgentTools:
    """As its next question has them: those of the question that is put now, where one is."""
    own = own_tools(agent)
    deferred = step.deferred if isinstance(step, AgentStep) else ()
    given = asked.input if asked is not None and isinstance(asked.input, dict) else {}
    newest = turns.reply(agent.step_id, turns.count - 1) or turns.reply(agent.step_id, turns.count - 2) or {}
    once = given.get(NARROWED) if asked is not None else state.narrowed_once
    return AgentTools(
        own=own,
        deferred=len(deferred),
        found=tuple(one for one in _found(agent.step_id, turns) if one in deferred),
        hidden=tuple(hidden_by((state.narrowed, once), (*own, *deferred))),
        blind=tuple(map(_text, newest.get("blind") or ())),
    )


def own_tools(agent: StepView) -> tuple[str, ...]:
    """The tools that it is told of, if nothing hides them."""
    told = agent.input if isinstance(agent.input, dict) else {}
    return tuple(map(_text, told.get("tools") or ()))


def _found(path: str, turns: NewestTurns) -> Sequence[str]:
    """Deferred tools that it knows after its newest turn that has ended, or was told of in this one."""
    newest = turns.count - 1
    reply = turns.reply(path, newest) or turns.reply(path, newest - 1)
    if reply is None:
        return ()
    number = newest if turns.reply(path, newest) is not None else newest - 1
    calls = reply.get("calls") or []
    made = (turns.call(path, number, n)[1] for n in range(len(calls)))
    results = [one.output if one is not None else None for one in made]
    return found_since(reply.get("found") or (), calls, results)


def _max_attempts(step: AgentStep | PlanProposalStep | None, model: Execution | None) -> int | None:
    """With those that a retry of the run has forgiven."""
    if step is None or (isinstance(step, AgentStep) and step.outside is not None):
        return None
    return (step.retry or MODEL_RETRY).max_attempts + (model.budget_from if model is not None else 0)


def _calls(path: str, turns: NewestTurns, newest: int) -> list[MadeCall]:
    """Those that answers of so many of the newest turns want, or that an approved plan has."""
    found: list[MadeCall] = []
    for number in range(max(0, turns.count - newest), turns.count):
        wanted = (turns.reply(path, number) or {}).get("calls") or ()
        for place, call in enumerate(wanted):
            where, made = turns.call(path, number, place)
            found.append(_call(where, _text(call.get("tool")), made))
        below = turns.planned(f"{path}/{number}/{STEPS}/")
        found += (_call(where, _tool_of(one), one) for where, one in below)
    return found


def _call(path: str, tool: str, made: StepView | None) -> MadeCall:
    return MadeCall(
        step_id=path,
        tool=tool[:_NAME],
        status=made.status if made is not None else None,
        attempt=made.attempt if made is not None else 1,
        code=made.error.code if made is not None and made.error is not None else None,
    )


def _tool_of(made: StepView) -> str:
    given = made.input if isinstance(made.input, dict) else {}
    return _text(given.get("tool"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
