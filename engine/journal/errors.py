"""What a journal refuses.

VasiniError
├── SeqConflict     somebody appended to the run first: read on and decide again
├── LeaseLost       another worker holds the run now: let go of it
├── DecidedBefore   other decisions wait to be worked in: look what they leave to decide
└── Unavailable     locked, corrupt, newer, read-only, full
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from engine.errors import ErrorCode, Refused, Unavailable, VasiniError
from engine.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.journal.records import NewRun
    from engine.journal.rows import KeyRow
    from engine.machine.model.inputs import Input


class SeqConflict(VasiniError):
    """The run moved on since the transition was computed."""

    def __init__(self, run_id: str) -> None:
        super().__init__(ErrorCode.INVALID_TRANSITION, f"run {run_id} has moved on", {"run_id": run_id})


class LeaseLost(VasiniError):
    """The lease epoch is not ours any more."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            ErrorCode.LEASE_LOST, f"run {run_id} is held by another worker now", {"run_id": run_id}
        )


@frozen
class WaitingDecisions:
    """Decisions, and ends of runs below, in the mailbox of a run, by the numbers of their mail."""

    run_id: str
    given: tuple[tuple[int, Input], ...]


class DecidedBefore(VasiniError):
    """Decisions that no worker has seen to may have ended what is decided on.

    `around` tells the step of a run that is decided on, or that started the run in which it is.
    """

    def __init__(self, waiting: Sequence[WaitingDecisions], around: Mapping[str, str]) -> None:
        run_id = waiting[0].run_id
        message = f"run {run_id} has not gone on with what was decided before"
        super().__init__(ErrorCode.INVALID_TRANSITION, message, {"run_id": run_id})
        self.waiting = tuple(waiting)
        self.around = around


def refuse_other_request(run: NewRun, found: KeyRow) -> None:
    """Raise Refused(idempotency_conflict) when the key's row `found` stands for another request."""
    if found["request_digest"] != run.request_digest:
        raise Refused(
            ErrorCode.IDEMPOTENCY_CONFLICT,
            f"the idempotency key {run.idempotency_key!r} belongs to run {found['run_id']}, "
            "which was started with another flow or payload",
            {"run_id": found["run_id"], "idempotency_key": run.idempotency_key},
        )


def damaged_history(run_id: str, why: str) -> Unavailable:
    """The error of a run whose history cannot be read."""
    return Unavailable(
        ErrorCode.JOURNAL_CORRUPT, f"the history of run {run_id} cannot be read: {why}", {"run_id": run_id}
    )


def require_text(row: Mapping[str, object], run_id: str) -> None:
    """Raises Unavailable (`journal_corrupt`) for a row of the run with bytes where text belongs."""
    if bytes in map(type, row.values()):
        broken = next(name for name, value in row.items() if isinstance(value, bytes))
        raise damaged_history(run_id, f"its {broken} is no text")


@contextmanager
def reading(what: str, run_id: str, row: Mapping[str, object] | None = None) -> Iterator[None]:
    """Around the reading of stored values, as of a `row`: raises Unavailable (`journal_corrupt`)."""
    try:
        if row is not None:
            require_text(row, run_id)
        yield
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise Unavailable(
            ErrorCode.JOURNAL_CORRUPT,
            f"{what} of run {run_id} cannot be read: {type(error).__name__} {error}; "
            "`vasini doctor --deep` tells what else is damaged",
            {"run_id": run_id},
        ) from error
