"""Runs of lists: what is made of rows alone, without a value that has to be loaded.

Views are built unchecked: they come from our own journal, which holds nothing unchecked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.runs.listed import RunEnding, RunError, RunSummary, WaitingFor
from engine.contracts.status import RunStatus, WaitKind
from engine.contracts.times import from_micros
from engine.errors import ErrorCode
from engine.journal.encoding import decode
from engine.journal.errors import reading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from engine.journal.rows import ListedRow, RunRow


def time_or_none(micros: int | None) -> datetime | None:
    """UTC time of microseconds, where there are some."""
    return None if micros is None else from_micros(micros)


def run_error(text: str | None) -> RunError | None:
    """The error column of a run."""
    if text is None:
        return None
    try:
        return error_view(decode(text))
    except (ValueError, KeyError, TypeError) as error:  # the run's row is still worth showing
        return RunError(code=ErrorCode.JOURNAL_CORRUPT.value, message=f"the reason cannot be read: {error}")


def error_view(data: Mapping[str, Any]) -> RunError:
    """An error as events hold it. Raises KeyError."""
    return RunError(
        code=str(data["code"]),
        message=str(data["message"]),
        step_id=data.get("step_id"),
        details=data.get("details") or {},
    )


def _ending(text: str | None) -> RunEnding | None:
    if text is None:
        return None
    told = decode(text)
    error = error_view(told["error"]) if told["error"] else None
    return RunEnding(outcome=told["outcome"], error=error)


def summary_fields(row: RunRow) -> dict[str, Any]:
    """What every view of a run has, by name. Raises ValueError, KeyError."""
    return {
        "run_id": row["run_id"],
        "status": RunStatus(row["status"]),
        "pack": row["pack"],
        "pack_version": row["pack_version"],
        "flow": row["flow"],
        "tenant": row["tenant"],
        "subject": row["subject"],
        "autonomy_level": row["autonomy_level"],
        "requested_by": row["requested_by"],
        "created_at": from_micros(row["created_at"]),
        "started_at": time_or_none(row["started_at"]),
        "finished_at": time_or_none(row["finished_at"]),
        "updated_at": from_micros(row["updated_at"]),
        "current_step": row["current_step"],
        "waiting_for": _waiting_for(row),
        "parent_run_id": row["parent_run_id"],
        "error": run_error(row["error"]),
        "ending": _ending(row["ending"]),
        "steps_executed": row["steps_executed"],
        "tool_calls": row["tool_calls"],
        "tokens_used": row["tokens_used"],
        "cost": row["cost"],
        "unpriced_calls": row["unpriced"],
        "excluded": row["excluded"],
        "flagged": row["flagged"],
        "confidence": row["confidence"],
        "doubtful": row["doubtful"],
    }


def _waiting_for(row: RunRow) -> WaitingFor | None:
    kind = row["waiting_for"]
    return None if kind is None else WaitingFor(kind=WaitKind(kind), id=row["waiting_for_id"])


def run_summary(row: ListedRow) -> RunSummary:
    """One row of the runs list. Raises Unavailable (`journal_corrupt`)."""
    with reading("the row", row["run_id"], row):
        return RunSummary(**summary_fields(row), children=row["children"])
