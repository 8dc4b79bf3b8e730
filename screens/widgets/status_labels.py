"""Symbol, word and tone of every status: color never carries a meaning alone.

The command line writes the same words where it writes text. Symbols are one cell wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from engine.contracts.status import RequestStatus, Risk, RunStatus, StepStatus
from engine.safe_text import SafeText, sanitize
from screens.widgets.numbers import counted

if TYPE_CHECKING:
    from engine.contracts.runs.listed import RunSummary


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
class StatusLabel:
    """How a status looks."""

    symbol: str
    word: str
    tone: Tone

    @property
    def text(self) -> SafeText:
        """Symbol and word."""
        return sanitize(f"{self.symbol} {self.word}")


RUN_LABELS: dict[RunStatus, StatusLabel] = {
    RunStatus.QUEUED: StatusLabel("○", "queued", Tone.PLAIN),
    RunStatus.RUNNING: StatusLabel("●", "running", Tone.BUSY),
    RunStatus.RETRYING: StatusLabel("↻", "retrying", Tone.BUSY),
    RunStatus.PENDING_HUMAN: StatusLabel("◆", "pending human", Tone.WAITING),
    RunStatus.PENDING_USER_INPUT: StatusLabel("▣", "pending input", Tone.WAITING),
    RunStatus.WAITING: StatusLabel("◔", "waiting", Tone.QUIET),
    RunStatus.PAUSED: StatusLabel("‖", "paused", Tone.WAITING),
    RunStatus.COMPLETED: StatusLabel("✓", "completed", Tone.GOOD),
    RunStatus.FAILED: StatusLabel("✗", "failed", Tone.BAD),
    RunStatus.CANCELLED: StatusLabel("⊘", "cancelled", Tone.QUIET),
    RunStatus.DEAD_LETTER: StatusLabel("×", "dead letter", Tone.BAD),
}

REJECTED = StatusLabel("✗", "rejected", Tone.WAITING)
"""A run that ended because a person said no."""


def run_label(run: RunSummary) -> StatusLabel:
    """How a run stands; one that was rejected has not failed."""
    return REJECTED if run.rejected else RUN_LABELS[run.status]


STEP_LABELS: dict[StepStatus, StatusLabel] = {
    StepStatus.NOT_STARTED: StatusLabel("○", "not started", Tone.QUIET),
    StepStatus.RUNNING: StatusLabel("●", "running", Tone.BUSY),
    StepStatus.PENDING_HUMAN: StatusLabel("◆", "pending human", Tone.WAITING),
    StepStatus.PENDING_USER_INPUT: StatusLabel("▣", "pending input", Tone.WAITING),
    StepStatus.WAITING: StatusLabel("◔", "waiting", Tone.QUIET),
    StepStatus.COMPLETED: StatusLabel("✓", "completed", Tone.GOOD),
    StepStatus.FAILED: StatusLabel("✗", "failed", Tone.BAD),
    StepStatus.SKIPPED: StatusLabel("»", "skipped", Tone.QUIET),
    StepStatus.CANCELLED: StatusLabel("⊘", "cancelled", Tone.QUIET),
}

REQUEST_LABELS: dict[RequestStatus, StatusLabel] = {
    RequestStatus.PENDING: StatusLabel("◆", "pending", Tone.WAITING),
    RequestStatus.APPROVED: StatusLabel("✓", "approved", Tone.GOOD),
    RequestStatus.REJECTED: StatusLabel("✗", "rejected", Tone.BAD),
    RequestStatus.ANSWERED: StatusLabel("✓", "answered", Tone.GOOD),
    RequestStatus.WITHDRAWN: StatusLabel("⊘", "withdrawn", Tone.QUIET),
    RequestStatus.EXPIRED: StatusLabel("⊘", "expired", Tone.QUIET),
    RequestStatus.VOID: StatusLabel("⊘", "void", Tone.QUIET),
}

RISK_LABELS: dict[Risk, StatusLabel] = {
    Risk.LOW: StatusLabel("·", "low", Tone.PLAIN),
    Risk.MEDIUM: StatusLabel("▲", "medium", Tone.PLAIN),
    Risk.HIGH: StatusLabel("▲", "HIGH", Tone.WAITING),
    Risk.CRITICAL: StatusLabel("‼", "CRITICAL", Tone.BAD),
}

RUN_WORDS: dict[str, RunStatus] = {
    spelling: status
    for status, label in RUN_LABELS.items()
    for spelling in (
        label.word,
        label.word.replace(" ", "_"),
        label.word.replace(" ", "-"),
        status.value.lower(),
    )
}
"""Every spelling of a run status that a filter accepts."""


def format_recovered(times: int) -> str:
    """How often a lost worker's call was taken over."""
    return f"recovered {counted(times, 'time')}"
