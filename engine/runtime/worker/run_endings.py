"""Ending runs that cannot be worked: their flow is gone, or every try to work them meets a defect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.runs.listed import RequestFilter, RunFilter, RunSort
from engine.contracts.status import (
    RUN_TERMINAL,
    CancelMode,
    RequestKind,
    RequestStatus,
    RunStatus,
    StepErrorCode,
)
from engine.errors import VasiniError
from engine.journal.encoding import decode
from engine.journal.errors import SeqConflict
from engine.journal.records import Commit, RunHead
from engine.journal.rules.rows.time_limits import started_by
from engine.machine.events.event import Event
from engine.machine.events.request_facts import RequestWithdrawn
from engine.machine.events.run_facts import RunDeadLettered, RunFailed
from engine.machine.model.inputs import Cancel, ChildEnded, Retry
from engine.machine.transition_builder import failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from engine.journal.port import Journal
    from engine.journal.records import Claim
    from engine.journal.rows import RunRow
    from engine.machine.model.inputs import Input
    from engine.runtime.clock import Clock

MOST_AROUND = 1_000
"""Requests of a run, and runs that it started, that are seen to when it ends."""


class RunEndings:
    """Ends runs that a worker holds without asking the machine, which may not be able to."""

    def __init__(self, journal: Journal, clock: Clock, worker_id: str) -> None:
        self._journal = journal
        self._clock = clock
        self._worker_id = worker_id

    async def fail(self, claim: Claim, error: VasiniError) -> None:
        """A run whose pinned flow cannot be loaded any more ends FAILED, saying so.

        One that has ended already stays as it is, unless it was to be tried again.
        """
        row, given = claim.run.row, claim.run.mail
        mail = [mail_id for mail_id, _ in given]
        again = any(isinstance(one, Retry) for _, one in given)
        if RunStatus(row["status"]) in RUN_TERMINAL and not again:
            await self._leave(row, claim.epoch, mail)
            return
        problem = failure(StepErrorCode.FLOW_UNAVAILABLE, error.message, **error.details)
        await self._end(row, claim.epoch, RunStatus.FAILED, problem, mail)

    async def give_up(self, run_id: str, epoch: int, defect: Exception) -> None:
        """A run on which the work always ends in a defect becomes a DEAD_LETTER with the reason.

        One that has ended already stays as it is: only its documents are missing.
        """
        row = await self._journal.run_row(run_id)
        if row is None:
            return
        mail = [
            mail_id for mail_id, owner, _ in await self._journal.mail_for(self._worker_id) if owner == run_id
        ]
        if RunStatus(row["status"]) in RUN_TERMINAL:
            await self._leave(row, epoch, mail)
            return
        why = f"{type(defect).__name__}; the log says where"
        if isinstance(defect, VasiniError):
            why = defect.message
        problem = failure(StepErrorCode.WORK_FAILED, f"the work on this run failed again and again: {why}")
        await self._end(row, epoch, RunStatus.DEAD_LETTER, problem, mail)

    async def _end(
        self, row: RunRow, epoch: int, status: RunStatus, problem: dict[str, Any], mail: Sequence[int]
    ) -> None:
        now = max(self._clock.now(), row["updated_at"])
        ended = RunFailed(problem) if status is RunStatus.FAILED else RunDeadLettered(problem)
        events = [*await self._withdrawals(row["run_id"], now), Event(ended, now, "engine")]
        told = [*self._report(row, status, problem, now), *await self._cancels(row["run_id"], now)]
        await self._append(_commit(row, epoch, status, problem, now, mail, events, told))

    async def _leave(self, row: RunRow, epoch: int, mail: Sequence[int]) -> None:
        """Give an ended run back for good: with mail it would be claimed again at once."""
        error = decode(row["error"]) if row["error"] is not None else None
        await self._append(_commit(row, epoch, RunStatus(row["status"]), error, row["updated_at"], mail))

    async def _append(self, commit: Commit) -> None:
        try:
            await self._journal.append(commit)
        except SeqConflict:  # it moved on meanwhile: the next claim looks again
            await self._journal.release(commit.run_id, commit.epoch, ready=True)

    def _report(
        self, row: RunRow, status: RunStatus, problem: dict[str, Any], now: int
    ) -> list[tuple[str, Input]]:
        """What is told to the run that waits for this one."""
        above = started_by(row)
        if above is None:
            return []
        parent, path = above
        ended = ChildEnded(now=now, path=path, child_run_id=row["run_id"], status=status.value, error=problem)
        return [(parent, ended)]

    async def _cancels(self, run_id: str, now: int) -> list[tuple[str, Input]]:
        """What is told to the runs that it started: nobody waits for them any more."""
        going_on = RunFilter(parent=run_id, status=tuple(sorted(set(RunStatus) - RUN_TERMINAL)))
        children = await self._journal.lists.page(going_on, RunSort.NEWEST, MOST_AROUND)
        cancel = Cancel(now=now, actor="parent run", mode=CancelMode.NOW)
        return [(child["run_id"], cancel) for child in children]

    async def _withdrawals(self, run_id: str, now: int) -> list[Event]:
        reason = "the run cannot go on"
        pending = RequestFilter(status=RequestStatus.PENDING, run_id=run_id)
        return [
            Event(RequestWithdrawn(request["request_id"], reason), now, "engine", request["step_id"])
            for kind in RequestKind
            for request in await self._journal.request_rows(kind, pending, MOST_AROUND)
        ]


def _commit(
    row: RunRow,
    epoch: int,
    status: RunStatus,
    error: dict[str, Any] | None,
    now: int,
    consumed: Sequence[int],
    events: Sequence[Event] = (),
    mail: Sequence[tuple[str, Input]] = (),
) -> Commit:
    """Gives the run back; what it used stays as it was."""
    head = RunHead(
        status=status,
        error=error,
        steps_executed=row["steps_executed"],
        tool_calls=row["tool_calls"],
        tokens_used=row["tokens_used"],
        cost=row["cost"],
        unpriced=row["unpriced"],
        cancel=row["cancel"],
    )
    return Commit(
        run_id=row["run_id"],
        expected_seq=row["run_seq"],
        epoch=epoch,
        events=events,
        head=head,
        now=now,
        release=True,
        ready=False,
        consumed=consumed,
        mail=mail,
    )
