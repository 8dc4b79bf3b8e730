"""What happens to one execution of a step."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.contracts.status import StepStatus
from engine.frozen import frozen, replace
from engine.machine.events.event import Event, Fact, Upgrade, doc
from engine.machine.events.placing import (
    amend,
    consume_approval,
    end,
    execution_of,
    path_of,
    scope_around,
    start,
)
from engine.machine.model.inner_steps import inner_steps
from engine.machine.model.state import (
    Branches,
    Execution,
    find_execution,
    put_execution,
    put_scope,
    step_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.machine.model.state import RunState

Error = dict[str, Any]


def _first_started(payload: dict[str, Any]) -> dict[str, Any]:
    """The first version left it to the reader which types call tools."""
    return {**payload, "call": payload["type"] == "tool"}


@frozen
class StepStarted(Fact):
    """An execution began, or began again after a retry of the run."""

    kind: ClassVar[str] = "step_started"
    version: ClassVar[int] = 2
    upgrades: ClassVar[Mapping[int, Upgrade]] = {1: _first_started}
    type: str = field(metadata=doc("step type"))
    name: str = field(default="", metadata=doc("the step's name, else its id"))
    step_index: int | None = field(default=None, metadata=doc("its place in its list of steps, from 0"))
    call: bool = field(default=False, metadata=doc("a tool is called, or a model asked"))
    model: bool = field(default=False, metadata=doc("it is a model that is asked: no call is counted"))
    ask_when_lost: bool = field(
        default=False, metadata=doc("if the worker is lost a person is asked, the call is not made again")
    )
    attempt: int | None = field(default=None, metadata=doc("attempt number when it is not the first"))
    budget_from: int | None = field(default=None, metadata=doc("attempts that a retry has forgiven"))
    input: Any = field(default=None, metadata=doc("rendered parameters or items"))
    total: int | None = field(default=None, metadata=doc("branches or items of a composite step"))
    shows_steps: bool = field(
        default=False, metadata=doc("what the steps inside it become stays known after them")
    )
    child_run_id: str | None = field(default=None, metadata=doc("the run it started"))
    approval: str | None = field(default=None, metadata=doc("path of the approval it consumed"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is at work, and the approval that gates it is used up."""
        path = path_of(event)
        old = find_execution(state.root, path)
        execution = Execution(
            path=path,
            step=step_of(path),
            type=self.type,
            status=StepStatus.RUNNING,
            call=self.call,
            model=self.model,
            approved=self.call and self.approval is not None,
            ask_when_lost=self.ask_when_lost,
            attempt=self.attempt or 1,
            budget_from=self.budget_from or 0,
            recoveries=old.recoveries if old else 0,
            input=self.input,
            child_run_id=self.child_run_id,
            branches=None if self.total is None else Branches(total=self.total),
            inner={} if self.shows_steps else None,
        )
        calls = self.call and not self.model
        counters = replace(
            state.counters,
            steps_executed=state.counters.steps_executed + 1,
            tool_calls=state.counters.tool_calls + calls,
            autonomous_calls=state.counters.autonomous_calls + calls,
        )
        root = start(state.root, execution)
        approval = find_execution(root, self.approval) if self.approval is not None else None
        if approval is not None:
            root = consume_approval(root, approval, path)
            root = put_execution(root, replace(execution, digest=approval.digest))
        return replace(state, root=root, counters=counters)


@frozen
class StepCompleted(Fact):
    """An execution ended well."""

    kind: ClassVar[str] = "step_completed"
    output: Any = field(default=None, metadata=doc("what it brought"))
    next: int | None = field(default=None, metadata=doc("index of the step that follows in its list"))
    result: bool = field(default=False, metadata=doc("a person's answer counts as the list's output"))
    said: bool = field(
        default=False, metadata=doc("a person said it: the list's output only as long as no step has another")
    )
    meta: dict[str, Any] | None = field(
        default=None, metadata=doc("how the call went: back end, sandbox, ms, cost")
    )

    tokens: int = field(
        default=0, metadata=doc("tokens that its model used; since there is `model_usage`, none")
    )

    def apply(self, state: RunState, event: Event) -> RunState:
        """Its list goes on; branches it had are collapsed."""
        execution = execution_of(state, event)
        if self.tokens:
            used = state.counters.tokens_used + self.tokens
            state = replace(state, counters=replace(state.counters, tokens_used=used))
        done = replace(
            execution,
            status=StepStatus.COMPLETED,
            output=self.output,
            meta=self.meta,
            error=None,
            retry_at=None,
            branches=None,
            inner=None if execution.inner is None else inner_steps(execution),
        )
        # before it was told who said it, a decision never counted
        decided = execution.status is StepStatus.PENDING_HUMAN and not execution.call and not self.said
        return end(state, done, self.next, result=self.result or not decided, said=self.said)


@frozen
class StepFailed(Fact):
    """An execution ended badly, or failed before it could start."""

    kind: ClassVar[str] = "step_failed"
    type: str = field(metadata=doc("step type"))
    error: Error = field(metadata=doc("code, message, details"))
    next: int | None = field(
        default=None, metadata=doc("index of the step that follows; none fails the list")
    )
    name: str | None = field(default=None, metadata=doc("the step's name, else its id"))
    meta: dict[str, Any] | None = field(
        default=None, metadata=doc("how the call went: back end, sandbox, ms, cost")
    )

    output: Any = field(default=None, metadata=doc("what its list goes on with in place of an output"))
    retry: str | None = field(
        default=None,
        metadata=doc(
            "why the attempt that failed was the last one: `no_retry_policy`, `max_attempts_reached` or "
            "`error_code_not_retryable`; none where no attempt was under way"
        ),
    )

    def apply(self, state: RunState, event: Event) -> RunState:
        """Its list goes on, or has failed."""
        path = path_of(event)
        old = find_execution(state.root, path)
        if old is None:  # it failed before it could start, while its data was rendered
            old = Execution(path=path, step=step_of(path), type=self.type, status=StepStatus.NOT_STARTED)
            state = replace(state, root=start(state.root, old))
        failed = replace(old, status=StepStatus.FAILED, error=self.error, output=self.output, retry_at=None)
        return end(state, failed, self.next, result=True)


@frozen
class StepSkipped(Fact):
    """The step's `when` was false."""

    kind: ClassVar[str] = "step_skipped"
    type: str = field(metadata=doc("step type"))
    name: str = field(default="", metadata=doc("the step's name, else its id"))
    next: int | None = field(default=None, metadata=doc("index of the step that follows in its list"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """Its list goes on."""
        path = path_of(event)
        skipped = Execution(path=path, step=step_of(path), type=self.type, status=StepStatus.SKIPPED)
        return end(replace(state, root=start(state.root, skipped)), skipped, self.next, result=True)


@frozen
class StepCancelled(Fact):
    """An execution was given up."""

    kind: ClassVar[str] = "step_cancelled"
    reason: str = field(default="", metadata=doc("why"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is over; its list stands where it is."""
        return amend(state, event, status=StepStatus.CANCELLED, retry_at=None)


@frozen
class StepRecovered(Fact):
    """The worker was lost, or gave the run back, during a call: the call is made again."""

    kind: ClassVar[str] = "step_recovered"
    recoveries: int = field(metadata=doc("losses so far"))
    attempt: int | None = field(default=None, metadata=doc("the attempt that is made again"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It counts the loss and is at work."""
        return amend(
            state,
            event,
            status=StepStatus.RUNNING,
            put_back=False,
            recoveries=self.recoveries,
            request_id=None,
            decision=None,
        )


@frozen
class StepPutBack(Fact):
    """The worker gave the run back before the call had begun: whoever goes on makes it."""

    kind: ClassVar[str] = "step_put_back"
    attempt: int | None = field(default=None, metadata=doc("the attempt that has not begun"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is known that nothing was called."""
        return amend(state, event, put_back=True)


@frozen
class CallApproved(Fact):
    """A call that the autonomy of its flow or a policy wants approved was approved: it begins."""

    kind: ClassVar[str] = "tool_call_approved"
    approval_id: str | None = field(default=None, metadata=doc("id of the request"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is at work, its approval is used up."""
        return amend(state, event, status=StepStatus.RUNNING, approved=True, request_id=None, decision=None)


@frozen
class CallChanged(Fact):
    """Who decided on a call changed its parameters: it is not made, but asked about as it is then."""

    kind: ClassVar[str] = "tool_call_changed"
    approval_id: str | None = field(default=None, metadata=doc("id of the request, which is void"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """The step stands before its start again; what is to be called is part of the decision."""
        return _before_its_start(
            state, event, attempt=execution_of(state, event).attempt - 1, request_id=None
        )


@frozen
class AttemptStarted(Fact):
    """Another attempt of a call began."""

    kind: ClassVar[str] = "tool_call_attempt_started"
    attempt: int = field(metadata=doc("its number"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is at work again."""
        execution = replace(execution_of(state, event), attempt=self.attempt, retry_at=None)
        calls = state.counters.tool_calls + (not execution.model)
        counters = replace(state.counters, tool_calls=calls)
        return replace(state, root=put_execution(state.root, execution), counters=counters)


@frozen
class AttemptFailed(Fact):
    """One attempt failed; another follows."""

    kind: ClassVar[str] = "tool_call_attempt_failed"
    error: Error = field(metadata=doc("code, message, details"))
    attempt: int | None = field(default=None, metadata=doc("its number"))
    meta: dict[str, Any] | None = field(
        default=None, metadata=doc("how the call went: back end, sandbox, ms, cost")
    )

    def apply(self, state: RunState, event: Event) -> RunState:
        """The error is kept until another one or the end."""
        return amend(state, event, error=self.error)


@frozen
class RetryScheduled(Fact):
    """The next attempt waits for its time."""

    kind: ClassVar[str] = "tool_call_retry_scheduled"
    retry_at: int = field(metadata=doc("when, microseconds UTC"))
    attempt: int | None = field(default=None, metadata=doc("number of the next attempt"))
    delay_ms: int | None = field(default=None, metadata=doc("the wait in milliseconds"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It waits for that alone, also where it had waited for somebody's answer before."""
        return amend(state, event, retry_at=self.retry_at, status=StepStatus.RUNNING)


@frozen
class WaitStarted(Fact):
    """The step waits for a moment; nobody works the run until then."""

    kind: ClassVar[str] = "wait_started"
    until: int = field(metadata=doc("when, microseconds UTC, as the clock was then"))
    timer: str = field(metadata=doc("name of the timer that ends it"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It waits."""
        return amend(state, event, status=StepStatus.WAITING, waits=self.timer)


@frozen
class SubflowRetryDue(Fact):
    """A child run failed and the wait is over: the step is prepared anew."""

    kind: ClassVar[str] = "subflow_retry_due"

    def apply(self, state: RunState, event: Event) -> RunState:
        """The step stands before its start again, with the attempts it has made."""
        return _before_its_start(state, event, retry_at=None, child_run_id=None)


def _before_its_start(state: RunState, event: Event, **changes: Any) -> RunState:
    waiting = replace(execution_of(state, event), status=StepStatus.NOT_STARTED, **changes)
    scope = scope_around(state, event)
    back = replace(scope, active=None, executions={**scope.executions, waiting.step: waiting})
    return replace(state, root=put_scope(state.root, scope.path, back))
