"""The one table of event kinds, and reading events by it.

It is closed: a kind or version that it does not have cannot be read, and is never guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import EventUnreadable
from engine.machine.events import (
    agent_facts,
    branch_facts,
    model_facts,
    plan_facts,
    request_facts,
    run_facts,
    step_facts,
)
from engine.machine.events.event import ENGINE, VERSION_KEY, VIA_KEY, Event, payload_names
from engine.named_table import NamedTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.machine.events.event import Fact


def read_event(
    kind: str, ts: int, actor: str, step_id: str | None = None, payload: Mapping[str, Any] | None = None
) -> Event:
    """The event of a kind and its payload at rest. Raises EventUnreadable."""
    values = dict(payload or {})
    via = values.pop(VIA_KEY, ENGINE)
    fact = FACTS.get(kind)
    if fact is None:
        raise EventUnreadable(f"this version knows no event {kind}", {"kind": kind})
    return Event(_read(fact, values), ts, actor, step_id, via)


def _read(kind: type[Fact], payload: dict[str, Any]) -> Fact:
    version = payload.pop(VERSION_KEY, 1)
    if version not in range(1, kind.version + 1):
        raise EventUnreadable(
            f"the event {kind.kind} is of version {version}, this program reads up to {kind.version}",
            {"kind": kind.kind, "version": version},
        )
    for earlier in range(version, kind.version):
        payload = kind.upgrades[earlier](payload)
    try:
        return kind(**payload)
    except TypeError:
        expected = ", ".join(payload_names(kind)) or "nothing"
        raise EventUnreadable(
            f"the event {kind.kind} holds {', '.join(sorted(payload)) or 'nothing'}, not {expected}",
            {"kind": kind.kind, "version": version},
        ) from None


_KINDS: tuple[type[Fact], ...] = (
    run_facts.RunQueued,
    run_facts.RunRefused,
    run_facts.GovernanceDecision,
    run_facts.RunStarted,
    run_facts.RunPauseRequested,
    run_facts.RunPaused,
    run_facts.RunResumed,
    run_facts.RunCancelRequested,
    run_facts.RunCancelled,
    run_facts.RunRetried,
    run_facts.RunEnding,
    run_facts.RunCompleted,
    run_facts.RunFailed,
    run_facts.RunDeadLettered,
    run_facts.RunExcluded,
    run_facts.RunFlagged,
    run_facts.RunFlagRemoved,
    run_facts.OutputWritten,
    step_facts.StepStarted,
    step_facts.StepCompleted,
    step_facts.StepFailed,
    step_facts.StepSkipped,
    step_facts.StepCancelled,
    step_facts.StepRecovered,
    step_facts.StepPutBack,
    step_facts.CallApproved,
    step_facts.CallChanged,
    step_facts.AttemptStarted,
    step_facts.AttemptFailed,
    step_facts.RetryScheduled,
    step_facts.SubflowRetryDue,
    step_facts.WaitStarted,
    request_facts.PendingHuman,
    request_facts.ApprovalDecided,
    request_facts.ApprovalVoided,
    request_facts.PersonalDataShown,
    request_facts.UserInputRequested,
    request_facts.UserInputReceived,
    request_facts.AnswerTokenIssued,
    request_facts.OutcomeUnknown,
    request_facts.OutcomeDecided,
    request_facts.RequestWithdrawn,
    request_facts.RequestExpired,
    branch_facts.BranchCompleted,
    branch_facts.BranchFailed,
    branch_facts.BranchCancelled,
    agent_facts.AgentTurnAdded,
    agent_facts.AgentPermissionAsked,
    agent_facts.AgentPermissionsDropped,
    agent_facts.ExtractionSucceeded,
    agent_facts.ExtractionFailed,
    agent_facts.AgentConfidence,
    agent_facts.ToolsNarrowed,
    agent_facts.TurnNarrowed,
    agent_facts.ContextAdded,
    agent_facts.ContextTaken,
    agent_facts.SkillsResolved,
    agent_facts.SkillResolutionFailed,
    plan_facts.PlanProposed,
    plan_facts.PlanValidationFailed,
    plan_facts.RunReplanStarted,
    model_facts.ModelUsage,
    model_facts.CallHeldBack,
)
FACTS: NamedTable[type[Fact]] = NamedTable("event kind", lambda fact: fact.kind, _KINDS)
