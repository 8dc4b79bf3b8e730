"""Closed vocabularies of runs, steps and requests."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    """Lifecycle of a run."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    PENDING_HUMAN = "PENDING_HUMAN"
    PENDING_USER_INPUT = "PENDING_USER_INPUT"
    WAITING = "WAITING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    DEAD_LETTER = "DEAD_LETTER"


RUN_TERMINAL = frozenset({RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.DEAD_LETTER})
RUN_WAITING = frozenset({RunStatus.PENDING_HUMAN, RunStatus.PENDING_USER_INPUT, RunStatus.PAUSED})
RUN_SLOT_HOLDING = frozenset({RunStatus.RUNNING, RunStatus.RETRYING})


class StepStatus(StrEnum):
    """Lifecycle of one execution of a step."""

    NOT_STARTED = "NOT_STARTED"
    RUNNING = "RUNNING"
    PENDING_HUMAN = "PENDING_HUMAN"
    PENDING_USER_INPUT = "PENDING_USER_INPUT"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


STEP_TERMINAL = frozenset({StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED})


class RequestKind(StrEnum):
    """What a run asks a person for."""

    APPROVAL = "approval"
    FORM = "form"
    OUTCOME = "outcome"


class WaitKind(StrEnum):
    """What a run waits for; the first three are kinds of requests."""

    APPROVAL = "approval"
    FORM = "form"
    OUTCOME = "outcome"
    WORKER = "worker"
    RESUME = "resume"
    RETRY = "retry"
    CHILD = "child"
    MOMENT = "moment"
    SOFT_CAP = "soft_cap"
    MONEY = "money"
    """A hard cap leaves no room for a call as long as others are under way."""
    TOKENS = "tokens"
    """The same of the ceiling of tokens of its tree."""


class OutcomeDecision(StrEnum):
    """What a person says of a call whose outcome nobody knows."""

    RUN_AGAIN = "run_again"
    DONE = "done"
    FAIL = "fail"


class RequestStatus(StrEnum):
    """Lifecycle of an approval, a form or a question about an outcome."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    ANSWERED = "ANSWERED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    VOID = "VOID"


class Risk(StrEnum):
    """Risk levels of actions and packs, lowest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class OnLost(StrEnum):
    """What becomes of a call whose worker was lost in the middle of it."""

    RERUN = "rerun"
    ASK = "ask"


class CancelMode(StrEnum):
    """`now` stops the step's task, `boundary` lets it finish first."""

    NOW = "now"
    BOUNDARY = "boundary"


class StepErrorCode(StrEnum):
    """Why a step or a run ended badly."""

    INVALID_INPUT = "invalid_input"
    PERMISSION_DENIED = "permission_denied"
    NOT_FOUND = "not_found"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    BACKEND_ERROR = "backend_error"
    CONTRACT_VIOLATION = "contract_violation"
    UNKNOWN = "unknown"
    TEMPORARY = "temporary"
    TEMPLATE_ERROR = "template_error"
    INVALID_FORM = "invalid_form"
    APPROVAL_REJECTED = "approval_rejected"
    APPROVAL_VOID = "approval_void"
    CHILD_FAILED = "child_failed"
    FLOW_UNAVAILABLE = "flow_unavailable"
    VISIT_LIMIT = "visit_limit"
    RECOVERY_LIMIT = "recovery_limit"
    WORK_FAILED = "work_failed"
    STEP_LIMIT = "step_limit_exceeded"
    MAX_DURATION = "max_duration_exceeded"
    MISSING_RUN_OUTPUT = "missing_run_output"
    OUTPUT_DENIED = "output_denied"
    FLOW_FAILED = "flow_failed"
    CANCELLED = "cancelled"
    RUN_REFUSED = "run_refused"
    UNKNOWN_STEP_TYPE = "unknown_step_type"
    OUTCOME_UNKNOWN = "outcome_unknown"
    MODEL_ERROR = "model_error"
    POLICY_BLOCKED = "policy_blocked"
    AGENT_ERROR = "agent_error"
    TURN_LIMIT = "turn_limit"
    LOOP_DETECTED = "loop_detected"
    BUDGET_EXHAUSTED = "budget_exhausted"

    @classmethod
    def _missing_(cls, value: object) -> StepErrorCode | None:
        """`TEMPORARY` is another word for `temporary`, the only one that is written so elsewhere."""
        return cls.TEMPORARY if value == "TEMPORARY" else None


TOOL_ERROR_CODES = frozenset(
    {
        StepErrorCode.INVALID_INPUT,
        StepErrorCode.PERMISSION_DENIED,
        StepErrorCode.NOT_FOUND,
        StepErrorCode.TIMEOUT,
        StepErrorCode.RATE_LIMITED,
        StepErrorCode.BACKEND_ERROR,
        StepErrorCode.CONTRACT_VIOLATION,
        StepErrorCode.UNKNOWN,
        StepErrorCode.TEMPORARY,
    }
)
"""Those that a tool ends with, as the reference has them; all others the engine says itself."""


class AutonomyLevel(StrEnum):
    """How much a flow may do by itself."""

    SUGGEST_ONLY = "suggest_only"
    SEMI_AUTO = "semi_auto"
    FULL_AUTO = "full_auto"


class Effects(StrEnum):
    """What a call leaves behind."""

    NONE = "none"
    """It only reads."""
    LOCAL = "local"
    """Files below the run's folders or the allowed roots: a second call does what the first did."""
    OUTSIDE = "outside"
    """Something beyond this machine, or that cannot be known: a second call may act twice."""
