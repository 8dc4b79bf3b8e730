"""agent: turns that are added while it runs; in each the model is asked, then the calls that it wants.

In a conversation a turn that wanted no call adds one, too: it begins with what a person says next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import MODEL, AgentStep, CallsStep, MessageStep, ModelStep
from engine.contracts.status import StepErrorCode
from engine.machine.control import fail, launch, watch_timeout
from engine.machine.events.agent_facts import (
    AgentTurnAdded,
    ContextTaken,
    ExtractionFailed,
    ExtractionSucceeded,
    SkillResolutionFailed,
    SkillsResolved,
    TurnNarrowed,
)
from engine.machine.model.state import scope_path_of
from engine.machine.steps.kind import StepKind
from engine.machine.steps.people.user_input import AskingKind
from engine.machine.transition_builder import failure

if TYPE_CHECKING:
    from engine.machine.model.inputs import StepPrepared
    from engine.machine.transition_builder import TransitionBuilder


KEPT_TURNS = 2
"""Ended turns whose outputs stay in the state; the others are read from the journal, so it stays small."""
NARROWED = "narrowed"
"""Key of what a model is started with: the bounds of its turn alone."""


class AgentKind(StepKind[AgentStep]):
    """An agent."""

    type = "agent"

    def start(
        self, builder: TransitionBuilder, step: AgentStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Start its first turn; each turn that wants another one adds it."""
        self.started(builder, step, prepared.path, approval, input=prepared.value, total=1)
        _tell_of_skills(builder, prepared)
        watch_timeout(builder, prepared.path)
        launch(builder, prepared.path)


class MessageKind(AskingKind[MessageStep]):
    """What a person says next to an agent."""

    type = "message"


class ModelKind(StepKind[ModelStep]):
    """The model of an agent, asked once a turn."""

    type = "model"

    def start(
        self, builder: TransitionBuilder, step: ModelStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Ask it. What a person said of this turn's tools stands with it, also when it is asked again."""
        old, once = builder.execution(prepared.path), builder.state.narrowed_once
        if once is not None:
            builder.emit(TurnNarrowed(**once), prepared.path)
        elif old is not None:
            once = (old.input or {}).get(NARROWED)
        if prepared.told:
            builder.emit(ContextTaken(prepared.told), prepared.path)
        given = prepared.value if once is None else {**prepared.value, NARROWED: once}
        self.started(builder, step, prepared.path, approval, input=given)
        if old is None or old.input is None:  # it was refused before it had begun
            _tell_of_skills(builder, prepared)
        self.call(builder, prepared.path)


class CallsKind(StepKind[CallsStep]):
    """The calls that an answer wants."""

    type = "calls"

    def start(
        self, builder: TransitionBuilder, step: CallsStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Start as many calls as may run at once, and add a turn in which the model hears of them.

        Who wants another turn than there may be has failed: no call is made that nobody would hear of.
        """
        path = prepared.path
        agent, _, turn = scope_path_of(path).rpartition("/")
        if prepared.form is not None and not _fits(builder, path, agent, prepared.form):
            return
        if prepared.again and int(turn) + 1 >= step.max_turns:
            message = f"the agent was not done after {step.max_turns} turns; raise max_turns"
            fail(builder, path, failure(StepErrorCode.TURN_LIMIT, message, limit=step.max_turns))
            return
        self.started(builder, step, path, approval, input=prepared.value, total=prepared.total)
        if prepared.again:
            builder.emit(AgentTurnAdded(int(turn) + 2, KEPT_TURNS), agent)
        launch(builder, path)


def _fits(builder: TransitionBuilder, path: str, agent: str, form: dict[str, Any]) -> bool:
    """Whether the agent goes on with its last answer, or is asked for another one; else it has failed."""
    attempts, answer = form["attempt"], f"{scope_path_of(path)}/{MODEL}"
    if not form["faults"]:
        builder.emit(ExtractionSucceeded(attempts, answer), agent)
        return True
    builder.emit(ExtractionFailed(attempts, answer, form["faults"], form["last"]), agent)
    if form["last"]:
        message = f"the answer of the agent does not fit its schema: {'; '.join(form['faults'])}"
        details = {"errors": form["faults"], "recoverable": False}
        fail(builder, path, failure(StepErrorCode.CONTRACT_VIOLATION, message, **details))
    return not form["last"]


def _tell_of_skills(builder: TransitionBuilder, prepared: StepPrepared) -> None:
    """Which skills the agent is told, and why others are not."""
    told = [one for one in prepared.skills if "reason" not in one]
    for one in prepared.skills:
        if "reason" in one:
            builder.emit(SkillResolutionFailed(one["key"], one["reason"], one["details"]), prepared.path)
    if told:
        size = sum(one["bytes"] for one in told)
        fact = SkillsResolved([one["key"] for one in told], [one["digest"] for one in told], size)
        builder.emit(fact, prepared.path)
