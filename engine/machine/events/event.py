"""Events: what a kind of them is, and one event.

A kind is a frozen class: its fields are the payload, `apply` is what it does to a run's state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from engine.machine.model.state import RunState


class Kind(StrEnum):
    """Names of the kinds that the engine itself writes. Names are the reference's where it has one."""

    RUN_QUEUED = "run_queued"
    RUN_REFUSED = "run_refused"
    RUN_STARTED = "run_started"
    RUN_PAUSE_REQUESTED = "run_pause_requested"
    RUN_PAUSED = "run_paused"
    RUN_RESUMED = "run_resumed"
    RUN_CANCEL_REQUESTED = "run_cancel_requested"
    RUN_CANCELLED = "run_cancelled"
    RUN_RETRIED = "run_retried"
    RUN_COMPLETED = "run_completed"
    RUN_FAILED = "run_failed"
    RUN_DEAD_LETTERED = "run_dead_lettered"
    OUTPUT_WRITTEN = "output_written"
    STEP_STARTED = "step_started"
    STEP_COMPLETED = "step_completed"
    STEP_FAILED = "step_failed"
    STEP_SKIPPED = "step_skipped"
    STEP_CANCELLED = "step_cancelled"
    STEP_RECOVERED = "step_recovered"
    STEP_PUT_BACK = "step_put_back"
    ATTEMPT_FAILED = "tool_call_attempt_failed"
    RETRY_SCHEDULED = "tool_call_retry_scheduled"
    ATTEMPT_STARTED = "tool_call_attempt_started"
    SUBFLOW_RETRY_DUE = "subflow_retry_due"
    PENDING_HUMAN = "pending_human"
    APPROVAL_DECIDED = "approval_decided"
    APPROVAL_VOIDED = "approval_voided"
    PERSONAL_DATA_SHOWN = "personal_data_shown"
    USER_INPUT_REQUESTED = "user_input_requested"
    USER_INPUT_RECEIVED = "user_input_received"
    CALL_APPROVED = "tool_call_approved"
    OUTCOME_UNKNOWN = "outcome_unknown"
    OUTCOME_DECIDED = "outcome_decided"
    REQUEST_WITHDRAWN = "request_withdrawn"
    REQUEST_EXPIRED = "request_expired"
    BRANCH_COMPLETED = "branch_completed"
    BRANCH_FAILED = "branch_failed"
    BRANCH_CANCELLED = "branch_cancelled"


RUN_END = frozenset({Kind.RUN_COMPLETED, Kind.RUN_FAILED, Kind.RUN_CANCELLED, Kind.RUN_DEAD_LETTERED})
ENGINE = "engine"
VERSION_KEY = "v"
"""Payload key of an event's version at rest; left out for the first one."""
VIA_KEY = "via"
"""Payload key of where it was done from (cli, console, ...); left out when the engine did it."""

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


def doc(words: str) -> dict[str, str]:
    """Metadata of a payload field: what it means, for docs/events.md."""
    return {"doc": words}


@dataclass(frozen=True, slots=True)
class Fact(ABC):
    """What happened: one class per kind, its fields are the payload (None and False are left out)."""

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    upgrades: ClassVar[Mapping[int, Upgrade]] = {}
    """From an earlier version of the payload to the next one."""

    @abstractmethod
    def apply(self, state: RunState, event: Event) -> RunState:
        """The state after it, not yet counted. Raises InvalidTransition when it does not fit."""


@dataclass(frozen=True, slots=True)
class Event:
    """One fact: when (microseconds UTC), by whom and from where, and of which execution or branch."""

    fact: Fact
    ts: int
    actor: str
    step_id: str | None = None
    via: str = ENGINE

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return self.fact.kind

    @property
    def payload(self) -> dict[str, Any]:
        """Its data as the journal keeps them, with version and origin where they are not the usual."""
        fact = self.fact
        found = {
            name: value
            for name in payload_names(type(fact))
            if (value := getattr(fact, name)) is not None and value is not False
        }
        if fact.version > 1:
            found[VERSION_KEY] = fact.version
        if self.via != ENGINE:
            found[VIA_KEY] = self.via
        return found


@cache
def payload_names(kind: type[Fact]) -> tuple[str, ...]:
    """The keys of its payload."""
    return tuple(field.name for field in fields(kind))
