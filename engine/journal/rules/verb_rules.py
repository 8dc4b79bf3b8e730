"""What an operator's verb does to a run in its present state. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RUN_TERMINAL, RunStatus
from engine.errors import InvalidInput, InvalidTransition, NotFound
from engine.machine.model.inputs import Cancel, Input, Narrow, Pause, Resume, Retry, Tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal.rows import RunRow

MOST_TOLD = 10
"""So many messages wait for the next question of a run: in its state, and before it took them in."""
_PAST = {
    "pause": "paused",
    "resume": "resumed",
    "cancel": "cancelled",
    "retry": "retried",
    "narrow": "narrowed",
    "tell": "told anything",
}


def unknown_run(run_id: str) -> NotFound:
    """The error of a verb for a run that is not there."""
    return NotFound(f"there is no run {run_id}", {"run_id": run_id})


def changes(row: RunRow, waiting: Sequence[Input], verb: Input) -> bool:
    """Whether `verb` has to be posted to the run of `row`; False when the run is already so.

    `waiting` is the run's mail: verbs not yet taken in count as done. Raises InvalidTransition, and
    InvalidInput for more messages than wait at once.
    """
    status = RunStatus(row["status"])
    if isinstance(verb, Tell):
        require_room(sum(isinstance(given, Tell) for given in waiting))
    if isinstance(verb, Narrow | Tell) and status not in RUN_TERMINAL:
        return True
    if isinstance(verb, Cancel) and status is RunStatus.CANCELLED:
        return False
    if isinstance(verb, Retry):
        allowed = status in {RunStatus.FAILED, RunStatus.DEAD_LETTER} and row["started_at"] is not None
    else:
        allowed = status not in RUN_TERMINAL
    if not allowed:
        name = type(verb).__name__.lower()
        raise InvalidTransition(
            f"run {row['run_id']} is {status.value}: it cannot be {_PAST[name]}",
            {"run_id": row["run_id"], "status": status.value, "verb": name},
        )
    return not _already(verb, bool(row["pause"]), row["cancel"], waiting)


def require_room(told: int) -> None:
    """Raise InvalidInput when so many messages wait for the next question that no other is kept."""
    if told >= MOST_TOLD:
        words = f"{told} messages wait for the next question already, more are not kept"
        raise InvalidInput(words, {"limit": MOST_TOLD})


def _already(verb: Input, pause: bool, cancel: str | None, waiting: Sequence[Input]) -> bool:
    for given in waiting:
        if isinstance(given, Pause | Resume):
            pause = isinstance(given, Pause)
        elif isinstance(given, Cancel):
            cancel = given.mode.value
    if isinstance(verb, Pause | Resume):
        return pause is isinstance(verb, Pause)
    if isinstance(verb, Cancel):
        return cancel in {"now", verb.mode.value}
    return any(isinstance(given, Retry) for given in waiting)
