"""Ending runs that cannot be worked: their flow is gone, or every try to work them meets a defect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.runs.listed import RequestFilter
from engine.contracts.status import RUN_TERMINAL, RequestKind, RequestStatus, RunStatus, StepErrorCode
from engine.errors import VasiniError
from engine.journal.errors import SeqConflict
from engine.journal.records import Commit, RunHead
from engine.machine.events.event import Event
from engine.machine.events.request_facts import RequestWithdrawn
from engine.machine.events.run_facts import RunDeadLettered, RunFailed
from engine.machine.transition_builder import failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from engine.journal.port import Journal
    from engine.journal.records import Claim
    from engine.journal.rows import RunRow
    from engine.runtime.clock import Clock

MAX_WITHDRAWN = 1_000


class RunEndings:
    """Ends runs that a worker holds without asking the machine, which may not be able to."""

    def __init__(self, journal: Journal, clock: Clock, worker_id: str) -> None:
        self._journal = journal
        self._clock = clock
        self._worker_id = worker_id

    async def fail(self, claim: Claim, error: VasiniError) -> None:
        """A run whose pinned flow cannot be loaded any more ends FAILED, saying so."""
        problem = failure(StepErrorCode.FLOW_UNAVAILABLE, error.message, **error.details)
        mail = [mail_id for mail_id, _ in claim.run.mail]
        await self._end(claim.run.row, claim.epoch, RunStatus.FAILED, problem, mail)

    async def give_up(self, run_id: str, epoch: int, defect: Exception) -> None:
        """A run on which the work always ends in a defect becomes a DEAD_LETTER with the reason.

        One that has ended already stays as it is: only its documents are missing.
        """
        row = await self._journal.run_row(run_id)
        if row is None:
            return
        if RunStatus(row["status"]) in RUN_TERMINAL:
            await self._journal.release(run_id, epoch, ready=False)
            return
        why = f"{type(defect).__name__}; the log says where"
        if isinstance(defect, VasiniError):
            why = defect.message
        problem = failure(StepErrorCode.WORK_FAILED, f"the work on this run failed again and again: {why}")
        mail = [
            mail_id for mail_id, owner, _ in await self._journal.mail_for(self._worker_id) if owner == run_id
        ]
        await self._end(row, epoch, RunStatus.DEAD_LETTER, problem, mail)

    async def _end(
        self, row: RunRow, epoch: int, status: RunStatus, problem: dict[str, Any], mail: Sequence[int]
    ) -> None:
        now = max(self._clock.now(), row["updated_at"])
        ended = RunFailed(problem) if status is RunStatus.FAILED else RunDeadLettered(problem)
        commit = Commit(
            run_id=row["run_id"],
            expected_seq=row["run_seq"],
            epoch=epoch,
            events=[*await self._withdrawals(row["run_id"], now), Event(ended, now, "engine")],
            head=RunHead(status=status, error=problem),
            now=now,
            release=True,
            ready=False,
            consumed=mail,
        )
        try:
            await self._journal.append(commit)
        except SeqConflict:  # it moved on meanwhile: the next claim looks again
            await self._journal.release(row["run_id"], epoch, ready=True)

    async def _withdrawals(self, run_id: str, now: int) -> list[Event]:
        reason = "the run cannot go on"
        pending = RequestFilter(status=RequestStatus.PENDING, run_id=run_id)
        return [
            Event(RequestWithdrawn(request["request_id"], reason), now, "engine", request["step_id"])
            for kind in RequestKind
            for request in await self._journal.request_rows(kind, pending, MAX_WITHDRAWN)
        ]
