"""Symbol, word and tone of every status: color never carries a meaning alone.

The words are the ones of the command line and the docs. Symbols are one cell wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.contracts.pack import PackState
from engine.contracts.status import RequestStatus, Risk, RunStatus, StepStatus
from engine.safe_text import SafeText, sanitize


class Tone(StrEnum):
    """How loud a text is; a theme gives each tone its color."""

    PLAIN = "plain"
    QUIET = "quiet"
    GOOD = "good"
    BUSY = "busy"
    WAITING = "waiting"
    BAD = "bad"


STYLES: dict[Tone, str] = {
    Tone.PLAIN: "",
    Tone.QUIET: "$quiet",
    Tone.GOOD: "$good",
    Tone.BUSY: "$busy",
    Tone.WAITING: "bold $waiting",
    Tone.BAD: "bold $bad",
}
"""Content styles of the tones; the variables come from the theme."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How a status looks."""

    symbol: str
    word: str
    tone: Tone

    @property
    def text(self) -> SafeText:
        """Symbol and word."""
        return sanitize(f"{self.symbol} {self.word}")


RUN_MARKS: dict[RunStatus, Mark] = {
    RunStatus.QUEUED: Mark("○", "queued", Tone.PLAIN),
    RunStatus.RUNNING: Mark("●", "running", Tone.BUSY),
    RunStatus.RETRYING: Mark("↻", "retrying", Tone.BUSY),
    RunStatus.PENDING_HUMAN: Mark("◆", "pending human", Tone.WAITING),
    RunStatus.PENDING_USER_INPUT: Mark("▣", "pending input", Tone.WAITING),
    RunStatus.PAUSED: Mark("‖", "paused", Tone.WAITING),
    RunStatus.COMPLETED: Mark("✓", "completed", Tone.GOOD),
    RunStatus.FAILED: Mark("✗", "failed", Tone.BAD),
    RunStatus.CANCELLED: Mark("⊘", "cancelled", Tone.QUIET),
    RunStatus.DEAD_LETTER: Mark("×", "dead letter", Tone.BAD),
}

STEP_MARKS: dict[StepStatus, Mark] = {
    StepStatus.NOT_STARTED: Mark("○", "not started", Tone.QUIET),
    StepStatus.RUNNING: Mark("●", "running", Tone.BUSY),
    StepStatus.PENDING_HUMAN: Mark("◆", "pending human", Tone.WAITING),
    StepStatus.PENDING_USER_INPUT: Mark("▣", "pending input", Tone.WAITING),
    StepStatus.COMPLETED: Mark("✓", "completed", Tone.GOOD),
    StepStatus.FAILED: Mark("✗", "failed", Tone.BAD),
    StepStatus.SKIPPED: Mark("»", "skipped", Tone.QUIET),
    StepStatus.CANCELLED: Mark("⊘", "cancelled", Tone.QUIET),
}

REQUEST_MARKS: dict[RequestStatus, Mark] = {
    RequestStatus.PENDING: Mark("◆", "pending", Tone.WAITING),
    RequestStatus.APPROVED: Mark("✓", "approved", Tone.GOOD),
    RequestStatus.REJECTED: Mark("✗", "rejected", Tone.BAD),
    RequestStatus.ANSWERED: Mark("✓", "answered", Tone.GOOD),
    RequestStatus.WITHDRAWN: Mark("⊘", "withdrawn", Tone.QUIET),
    RequestStatus.VOID: Mark("⊘", "void", Tone.QUIET),
}

RISK_MARKS: dict[Risk, Mark] = {
    Risk.LOW: Mark("·", "low", Tone.PLAIN),
    Risk.MEDIUM: Mark("▲", "medium", Tone.PLAIN),
    Risk.HIGH: Mark("▲", "HIGH", Tone.WAITING),
    Risk.CRITICAL: Mark("‼", "CRITICAL", Tone.BAD),
}

PACK_MARKS: dict[PackState, Mark] = {
    PackState.OK: Mark("✓", "ok", Tone.GOOD),
    PackState.STALE: Mark("▲", "stale", Tone.WAITING),
    PackState.BROKEN: Mark("✗", "broken", Tone.BAD),
    PackState.UNTRUSTED_CODE: Mark("‼", "untrusted code", Tone.WAITING),
}

RUN_WORDS: dict[str, RunStatus] = {
    spelling: status
    for status, mark in RUN_MARKS.items()
    for spelling in (
        mark.word,
        mark.word.replace(" ", "_"),
        mark.word.replace(" ", "-"),
        status.value.lower(),
    )
}
"""Every spelling of a run status that a filter accepts."""
