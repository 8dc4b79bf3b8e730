"""What happens to a run as a whole."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar

from engine.contracts.status import CancelMode
from engine.frozen import frozen, replace
from engine.machine.events.event import Event, Fact, Record, doc
from engine.machine.events.reopen import reopen, root_before_end
from engine.machine.model.state import Ending, Phase, ScopeStatus

if TYPE_CHECKING:
    from engine.machine.model.state import RunState

Error = dict[str, Any]


@frozen
class RunQueued(Fact):
    """A run exists and waits for a worker."""

    kind: ClassVar[str] = "run_queued"
    pack: str | None = field(default=None, metadata=doc("pack id"))
    pack_version: str | None = field(default=None, metadata=doc("version or label of the pack"))
    pack_digest: str | None = field(default=None, metadata=doc("digest of the pinned content"))
    flow: str | None = field(default=None, metadata=doc("flow id"))
    flow_version: str | None = field(default=None, metadata=doc("version the flow names"))
    subject: str | None = field(default=None, metadata=doc("what the run is about: its flow's title"))
    policy_digest: str | None = field(default=None, metadata=doc("digest of the policies it started under"))
    tenant: str | None = field(default=None, metadata=doc("tenant of the run"))
    requested_by: str | None = field(default=None, metadata=doc("who started it"))
    trace_id: str | None = field(default=None, metadata=doc("the W3C trace of all events of the run"))
    session_id: str | None = field(default=None, metadata=doc("the conversation it belongs to"))
    parent_run_id: str | None = field(default=None, metadata=doc("run whose step started it"))
    handed_off_from: str | None = field(default=None, metadata=doc("run it took over from"))
    handoff: Any = field(default=None, metadata=doc("what that run told it"))
    input: Any = field(default=None, metadata=doc("start payload"))
    scopes: dict[str, list[str]] | None = field(
        default=None, metadata=doc("directories of scoped tools, as the payload made them")
    )

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is queued."""
        return replace(
            state,
            phase=Phase.QUEUED,
            payload=self.input,
            handoff=self.handoff,
            scopes=self.scopes or {},
        )


@frozen
class RunRefused(Fact):
    """A start was refused: the run exists as a record of it and does nothing."""

    kind: ClassVar[str] = "run_refused"
    error: Error = field(metadata=doc("code, message, details"))
    payload_digest: str | None = field(default=None, metadata=doc("digest of the payload, which is not kept"))
    requested_by: str | None = field(default=None, metadata=doc("who wanted to start it"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It has failed and needs no document."""
        return replace(state, phase=Phase.FAILED, error=self.error, documented=True)


@frozen
class RunExcluded(Record):
    """A person said that a failed run does not count for the service level of its pack."""

    kind: ClassVar[str] = "run_excluded"
    reason: str = field(metadata=doc("why"))


@frozen
class RunFlagged(Record):
    """A person said that the run told what is not so."""

    kind: ClassVar[str] = "run_flagged"
    comment: str = field(metadata=doc("what is not so"))


@frozen
class RunFlagRemoved(Record):
    """A person took back that the run told what is not so."""

    kind: ClassVar[str] = "run_flag_removed"
    comment: str = field(default="", metadata=doc("why"))


@frozen
class GovernanceDecision(Record):
    """A rule refused something, has a person asked first, or allowed a call that is audited."""

    kind: ClassVar[str] = "governance.decision"
    point: str = field(
        metadata=doc(
            "where: start, agent_start, before_model_call, after_model_call, before_tool_call, "
            "after_tool_call, agent_output, before_form_submission or run_output"
        )
    )
    verdict: str = field(metadata=doc("DENY, PENDING_APPROVAL or ALLOW"))
    rule: str = field(metadata=doc("the setting, or the field of the pack, that was read"))
    reason: str = field(metadata=doc("why, one of a closed set"))
    details: dict[str, Any] | None = field(default=None, metadata=doc("limits and what was found"))
    tool: str | None = field(default=None, metadata=doc("the tool"))
    form_id: str | None = field(default=None, metadata=doc("the form"))
    model: str | None = field(default=None, metadata=doc("the model, by its name in the settings"))


@frozen
class RunStarted(Fact):
    """A worker took it, or it was paused before one did."""

    kind: ClassVar[str] = "run_started"
    autonomy_level: str | None = field(default=None, metadata=doc("how much the flow may do by itself"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is active."""
        return replace(state, phase=Phase.ACTIVE)


@frozen
class RunPauseRequested(Fact):
    """Nothing new starts from now on."""

    kind: ClassVar[str] = "run_pause_requested"

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is held."""
        return replace(state, pause_requested=True)


@frozen
class RunPaused(Fact):
    """No call is under way any more."""

    kind: ClassVar[str] = "run_paused"

    def apply(self, state: RunState, event: Event) -> RunState:
        """It stands still."""
        return replace(state, paused=True)


@frozen
class RunResumed(Fact):
    """It goes on after a pause."""

    kind: ClassVar[str] = "run_resumed"

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is held no more."""
        return replace(state, paused=False, pause_requested=False, held_at=None)


@frozen
class RunCancelRequested(Fact):
    """Somebody wants it to end."""

    kind: ClassVar[str] = "run_cancel_requested"
    mode: str = field(metadata=doc("`now`, or `boundary`: after the step it is in"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is held until it ends."""
        return replace(state, cancel=CancelMode(self.mode))


@frozen
class RunRetried(Fact):
    """A run that ended badly goes on at the step that ended it."""

    kind: ClassVar[str] = "run_retried"
    running: list[str] = field(default_factory=list, metadata=doc("executions at work again"))
    waiting: list[str] = field(default_factory=list, metadata=doc("executions that stand before their start"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is active, its failed steps open."""
        return replace(
            state,
            phase=Phase.ACTIVE,
            root=reopen(root_before_end(state)),
            ending=None,
            error=None,
            cancel=None,
            pause_requested=False,
            paused=False,
            held_at=None,
            retries=state.retries + 1,
            documented=False,
        )


@frozen
class RunEnding(Fact):
    """How it ends is certain; the steps that run in any case come first."""

    kind: ClassVar[str] = "run_ending"
    outcome: str = field(metadata=doc("`completed`, `failed`, `rejected` or `cancelled`"))
    end: str = field(metadata=doc("kind of the event that will end it"))
    next: int = field(metadata=doc("index of what runs in any case"))
    output: Any = field(default=None, metadata=doc("the run's output"))
    error: Error | None = field(default=None, metadata=doc("code, message, details, step_id"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """Its steps are over; who cancelled it, or paused it before, holds up none of what comes now."""
        root = state.root
        ending = Ending(
            outcome=self.outcome,
            end=self.end,
            output=self.output,
            error=self.error,
            index=root.index,
            active=root.active,
            list_failed=root.status is ScopeStatus.FAILED,
            list_output=root.output,
            list_said=root.said,
        )
        changed = replace(
            state,
            ending=ending,
            cancel=None,
            held_at=None,
            root=replace(root, status=ScopeStatus.RUNNING, index=self.next, active=None, error=None),
        )
        return replace(changed, paused=False, pause_requested=False) if state.cancel else changed


@frozen
class RunCompleted(Fact):
    """It ended well."""

    kind: ClassVar[str] = "run_completed"
    ok: bool = field(default=True, metadata=doc("always true"))
    output: Any = field(default=None, metadata=doc("the run's output"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It has its output."""
        return _ended(state, Phase.COMPLETED, output=self.output)


@frozen
class RunFailed(Fact):
    """It ended badly; a retry can open it again."""

    kind: ClassVar[str] = "run_failed"
    error: Error = field(metadata=doc("code, message, details, step_id"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It has its error."""
        return _ended(state, Phase.FAILED, error=self.error)


@frozen
class RunCancelled(Fact):
    """Somebody ended it."""

    kind: ClassVar[str] = "run_cancelled"
    error: Error = field(metadata=doc("code, message, details"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is over."""
        return _ended(state, Phase.CANCELLED, error=self.error)


@frozen
class RunDeadLettered(Fact):
    """The work on it was lost too often; it is tried no more by itself."""

    kind: ClassVar[str] = "run_dead_lettered"
    error: Error = field(metadata=doc("code, message, details, step_id"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It waits for somebody to look at it."""
        return _ended(state, Phase.DEAD_LETTER, error=self.error)


@frozen
class OutputWritten(Fact):
    """The response document of the ended run is on disk."""

    kind: ClassVar[str] = "output_written"
    path: str | None = field(default=None, metadata=doc("the document"))
    sha256: str | None = field(default=None, metadata=doc("its digest"))
    files: list[dict[str, Any]] | None = field(default=None, metadata=doc("the run's output files"))

    def apply(self, state: RunState, event: Event) -> RunState:
        """It is documented."""
        return replace(state, documented=True)


def _ended(state: RunState, phase: Phase, output: Any = None, error: Error | None = None) -> RunState:
    return replace(state, phase=phase, output=output, error=error, paused=False, pause_requested=False)


RUN_END = frozenset({RunCompleted.kind, RunFailed.kind, RunCancelled.kind, RunDeadLettered.kind})
"""Names of the kinds that end a run."""
