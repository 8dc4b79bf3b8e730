"""The part of the port that workers go by: who holds which run, timers, mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.journal.records import Claim, ClockOffset, WorkerRow
    from engine.machine.model.inputs import Input


class Work(Protocol):
    """What workers take, hold and give back."""

    async def heartbeat(
        self,
        worker_id: str,
        host: str,
        pid: int,
        now: int,
        expires_at: int,
        *,
        process: str = "",
        dead: Sequence[str] = (),
        clock: ClockOffset | None = None,
    ) -> None:
        """Register a worker or prolong its leases.

        Leases count from the machine's start: so do `now` and `expires_at` here, and `now` of `claim`,
        `any_ready` and `any_busy`. Leases of the workers `dead` end at once. When `clock` says that the
        wall clock was set since the last heartbeat, timers and expiries move with it.
        """
        ...

    async def retire(self, worker_id: str) -> None:
        """Forget a worker that has given back all its runs."""
        ...

    async def workers(self) -> list[WorkerRow]:
        """Registered workers."""
        ...

    async def claim(self, worker_id: str, now: int, limit: int, run_id: str | None = None) -> list[Claim]:
        """Take leases on runs that have work to do."""
        ...

    async def release(self, run_id: str, epoch: int, *, ready: bool) -> None:
        """Give a lease back without a transition."""
        ...

    async def work_failed(self, run_id: str, epoch: int) -> int:
        """Count that the work on a run ended in a defect; how often it did since its last transition."""
        ...

    async def fire_timers(self, now: int, clock: ClockOffset | None = None) -> int:
        """Turn some due timers into mail, the oldest first; how many. See `heartbeat` for `clock`."""
        ...

    async def next_timer(self) -> int | None:
        """When the next timer is due."""
        ...

    async def mail_for(self, worker_id: str) -> list[tuple[int, str, Input]]:
        """Mail for the runs a worker holds: (mail id, run id, input)."""
        ...

    async def has_mail(self, run_id: str) -> bool:
        """Whether inputs wait in a run's mailbox."""
        ...

    async def any_ready(self, now: int) -> bool:
        """Whether `claim` would find a run: it has work, no living worker holds it, its slot is free."""
        ...

    async def any_busy(self, now: int) -> bool:
        """Whether a run could be claimed, is held by a worker, living or dead, or waits for its retry: all
        looked at in one moment."""
        ...
