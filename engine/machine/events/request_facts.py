"""What a run asks people, and what they answer."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.contracts.flows.agent_step import CALL
from engine.contracts.status import RequestKind, StepStatus
from engine.frozen import frozen, replace
from engine.machine.events.event import Event, Fact, Record, doc
from engine.machine.events.placing import amend, path_of, scope_around
from engine.machine.model.state import put_scope, step_of

if TYPE_CHECKING:
    from engine.machine.model.state import RunState


CHANGED = "CHANGED"


def _a_person_spoke(state: RunState) -> RunState:
    return replace(state, counters=replace(state.counters, autonomous_calls=0))


def told_decision(path: str, decision: str, edits: Any) -> str:
    """What people are told of a decision: APPROVED or REJECTED; CHANGED of a call that is not made as it was
    asked, for who decided changed it."""
    return CHANGED if edits is not None and "/" in path and step_of(path) == CALL else decision


@frozen
class PendingHuman(Fact):
    """An approval is open."""

    kind: ClassVar[str] = "pending_human"
    approval_id: str = field(metadata=doc("id of the request"))
    digest: str | None = field(default=None, metadata=doc("binds a decision to what was shown"))
    action_digest: str | None = field(default=None, metadata=doc("what the gated step would do"))
    risk: str | None = field(default=None, metadata=doc("low, medium, high or critical"))
    body: Any = field(
        default=None,
        metadata=doc(
            "what is shown: title, message, form, context (with `approval_context`), action, preview, "
            "autonomy level, intent"
        ),
    )
    expires_at: int | None = field(default=None, metadata=doc("decided until then, microseconds UTC"))
    origin: str | None = field(default=None, metadata=doc("`policy` when no step of the flow asks"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """The step waits for a decision."""
        return amend(
            state,
            event,
            status=StepStatus.PENDING_HUMAN,
            request_id=self.approval_id,
            asks=RequestKind.APPROVAL.value,
            digest=self.action_digest,
        )


@frozen
class ApprovalDecided(Fact):
    """Somebody decided."""

    kind: ClassVar[str] = "approval_decided"
    decision: str = field(metadata=doc("APPROVED or REJECTED"))
    approval_id: str | None = field(default=None, metadata=doc("id of the request"))
    comment: str | None = field(default=None, metadata=doc("what they said"))
    edits: Any = field(
        default=None,
        metadata=doc("of a plan, or a call, that was changed: `steps` as they are then, and the `diff`"),
    )

    def apply(self, state: RunState, event: Event) -> RunState:
        """The decision is known; the run is told of it."""
        decision = {
            "decision": self.decision,
            "decided_by": event.actor,
            "comment": self.comment or "",
        }
        if self.edits is not None:
            decision["edits"] = self.edits
        return _a_person_spoke(amend(state, event, decision=decision))


@frozen
class ApprovalVoided(Fact):
    """What would run is not what was approved: it is asked again."""

    kind: ClassVar[str] = "approval_voided"
    approval_id: str | None = field(default=None, metadata=doc("id of the request"))
    reason: str = field(default="", metadata=doc("what differs"))
    next: int = field(default=0, metadata=doc("index of the step that follows in its list"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """The list stands at the approval again."""
        scope = scope_around(state, event)
        step = step_of(path_of(event))
        voided = {**scope.voided, step: scope.voided.get(step, 0) + 1}
        back = replace(scope, index=self.next, active=None, voided=voided)
        return replace(state, root=put_scope(state.root, scope.path, back))


@frozen
class PersonalDataShown(Record):
    """Somebody who was to decide saw personal data in clear: who and from where stands in the event."""

    kind: ClassVar[str] = "personal_data_shown"
    approval_id: str = field(metadata=doc("id of the request whose card showed it"))


@frozen
class UserInputRequested(Fact):
    """A form is open."""

    kind: ClassVar[str] = "user_input_requested"
    request_id: str = field(metadata=doc("id of the request"))
    form_id: str | None = field(default=None, metadata=doc("the author's name of the form"))
    mode: str | None = field(default=None, metadata=doc("choice_input or free_text_input"))
    body: Any = field(
        default=None,
        metadata=doc(
            "title, prompt, description, schema, `defaults`, limits, of a changed call `told`, `changed`"
        ),
    )
    required: list[str] | None = field(default=None, metadata=doc("fields that an answer needs"))
    schema_summary: dict[str, Any] | None = field(
        default=None, metadata=doc("the first ten properties, property_count, and sha256 of the schema")
    )
    expires_at: int | None = field(default=None, metadata=doc("answered until then, microseconds UTC"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """The step waits for an answer."""
        return amend(
            state,
            event,
            status=StepStatus.PENDING_USER_INPUT,
            request_id=self.request_id,
            asks=RequestKind.FORM.value,
        )


@frozen
class UserInputReceived(Fact):
    """Somebody answered."""

    kind: ClassVar[str] = "user_input_received"
    output: Any = field(metadata=doc("form_id, `values`, comment: the step's output"))
    request_id: str | None = field(default=None, metadata=doc("id of the request"))
    form_id: str | None = field(default=None, metadata=doc("the author's name of the form"))
    mode: str | None = field(default=None, metadata=doc("choice_input or free_text_input"))
    comment: str | None = field(default=None, metadata=doc("what they said beside it"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """The answer is known; the run is told of it."""
        answered = {"output": self.output, "answered_by": event.actor}
        return _a_person_spoke(amend(state, event, decision=answered))


@frozen
class AnswerTokenIssued(Record):
    """Somebody got a token with which this form is answered once, from outside; earlier ones are void."""

    kind: ClassVar[str] = "answer_token_issued"
    request_id: str = field(metadata=doc("id of the request"))
    sha256: str = field(metadata=doc("of the token and of what it is bound to; the token itself is not kept"))
    form_digest: str = field(metadata=doc("of the form that it answers"))
    until: int = field(metadata=doc("good until then, microseconds UTC"))


@frozen
class OutcomeUnknown(Fact):
    """A call was interrupted, and nobody knows whether it had its effect: a person is asked."""

    kind: ClassVar[str] = "outcome_unknown"
    request_id: str = field(metadata=doc("id of the request"))
    target: str | None = field(default=None, metadata=doc("the tool"))
    attempt: int | None = field(default=None, metadata=doc("the attempt that was interrupted"))
    lost: bool = field(default=False, metadata=doc("the worker died; else it gave the run back"))
    gated: bool = field(default=False, metadata=doc("the call had an approval, which is used up"))
    recoveries: int | None = field(default=None, metadata=doc("losses so far"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """The step waits for a word."""
        return amend(
            state,
            event,
            status=StepStatus.PENDING_HUMAN,
            request_id=self.request_id,
            asks=RequestKind.OUTCOME.value,
            decision=None,
            recoveries=self.recoveries or 0,
        )


@frozen
class OutcomeDecided(Fact):
    """Somebody said what became of the call, or what shall become of the step."""

    kind: ClassVar[str] = "outcome_decided"
    decision: str = field(metadata=doc("run_again, done or fail"))
    request_id: str | None = field(default=None, metadata=doc("id of the request"))
    output: Any = field(default=None, metadata=doc("what the call brought, for `done`"))
    comment: str | None = field(default=None, metadata=doc("what they said"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """The word is known; the run is told of it."""
        decision = {
            "outcome": self.decision,
            "output": self.output,
            "decided_by": event.actor,
            "comment": self.comment or "",
        }
        return amend(state, event, decision=decision)


@frozen
class RequestWithdrawn(Record):
    """The run does not wait for it any more."""

    kind: ClassVar[str] = "request_withdrawn"
    request_id: str = field(metadata=doc("id of the request"))
    reason: str = field(metadata=doc("why"))


@frozen
class RequestExpired(Fact):
    """Its time, or that of what is around it, was over before anybody decided or answered."""

    kind: ClassVar[str] = "request_expired"
    request_id: str = field(metadata=doc("id of the request"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """Nobody is asked any more; what ends the step follows."""
        return amend(state, event, request_id=None)
