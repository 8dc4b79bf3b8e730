"""An agent that another program brings: its prompt is one long call, what it asks for are branches beside it.

What it asks belongs to the very process that asked. When that is gone, or has ended its turn, nobody is
asked any more, and what was approved and not yet done is not done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.flows.outside_agent import PermissionStep, PromptStep
from engine.contracts.status import STEP_TERMINAL, StepErrorCode
from engine.machine.control import fail, give_up, launch
from engine.machine.events.agent_facts import AgentPermissionAsked, AgentPermissionsDropped
from engine.machine.model.state import ScopeStatus, outer_path_of
from engine.machine.steps.kind import StepKind
from engine.machine.transition_builder import TransitionBuilder, failure

if TYPE_CHECKING:
    from engine.machine.model.inputs import PermissionAsked, StepPrepared


class PromptKind(StepKind[PromptStep]):
    """The prompt that another program works on."""

    type = "prompt"

    def start(
        self, builder: TransitionBuilder, step: PromptStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Give it to the program."""
        self.started(builder, step, prepared.path, approval, input=prepared.value)
        self.call(builder, prepared.path)


class PermissionKind(StepKind[PermissionStep]):
    """What that program asks permission for."""

    type = "permission"

    def start(
        self, builder: TransitionBuilder, step: PermissionStep, prepared: StepPrepared, approval: str | None
    ) -> None:
        """Ask a person, always."""
        path = prepared.path
        self.started(builder, step, path, approval, input=prepared.value, name=prepared.name)
        self.ask_approval(builder, prepared)


def permission_asked(builder: TransitionBuilder, given: PermissionAsked) -> None:
    """A branch more, if the process that asks still works on its prompt."""
    prompt = builder.execution(given.path)
    agent = outer_path_of(given.path)
    holder = builder.execution(agent)
    if prompt is None or holder is None or holder.branches is None or builder.state.cancel is not None:
        return
    if not prompt.is_in_flight or prompt.attempt != given.attempt or holder.branches.total != given.number:
        return
    builder.emit(AgentPermissionAsked(given.number, given.call), agent)
    launch(builder, agent)


def drop_permissions(builder: TransitionBuilder, prompt_path: str, reason: str) -> None:
    """Whoever asked beside a prompt does not wait for answers any more; other steps ask for nothing."""
    if not isinstance(builder.step(prompt_path), PromptStep):
        return
    agent = outer_path_of(prompt_path)
    holder = builder.execution(agent)
    if holder is None or holder.branches is None:
        return
    if holder.branches.next_index < holder.branches.total:
        builder.emit(AgentPermissionsDropped(reason), agent)
    for number, child in sorted(holder.branches.children.items()):
        if number == 0 or child.status is not ScopeStatus.RUNNING or child.active is None:
            continue
        execution = child.executions[child.active]
        if execution.status not in STEP_TERMINAL:
            give_up(builder, execution, reason)
            fail(
                builder,
                execution.path,
                failure(StepErrorCode.APPROVAL_VOID, reason, recoverable=False),
            )
