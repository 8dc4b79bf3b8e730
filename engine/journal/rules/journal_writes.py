"""The writing half of a journal, the same for every store: rules as operations on its primitives.

The rules are loaded with the first write: a command that only lists needs none of them.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from engine.errors import Refused
from engine.frozen import replace
from engine.journal.changes import (
    ALERTS,
    CAPS,
    CLAIMED,
    MONEY,
    NOTHING,
    WORK,
    ChangeSet,
    change_of,
    created,
    decided,
)
from engine.journal.known_states import KnownStates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.contracts.status import RequestKind, RunStatus
    from engine.journal.records import Claim, ClockOffset, Commit, Decided, Decision, NewRun
    from engine.journal.rules.levels.alerts import AlertLook
    from engine.journal.rules.spending.holding import CallAdmission, PaidCall
    from engine.journal.rules.store import Store
    from engine.journal.shown_cap import ShownCap
    from engine.journal.spend_rows import CapRow, NewActRow
    from engine.machine.events.event import Fact
    from engine.machine.model.inputs import Input

logger = logging.getLogger(__name__)
T = TypeVar("T")
TIMERS_AT_ONCE = 200


class JournalWrites(ABC):
    """Implements what writes of `engine.journal.port.Journal`, for every store."""

    def __init__(self) -> None:
        self.damaged: dict[str, str] = {}
        """Runs that could not be read, and why; this process leaves them alone."""
        self._known = KnownStates()

    @abstractmethod
    async def write(
        self, operation: Callable[[Store], T], change: ChangeSet | Callable[[T], ChangeSet] = NOTHING
    ) -> T:
        """Run an operation in a transaction of the store; what it returned, once it is durable.

        `change` is what listeners are told when it succeeds; it may depend on what was returned.
        """

    async def create_run(self, run: NewRun) -> tuple[str, bool]:
        """See port."""
        from engine.journal.rules import commit as committing  # noqa: PLC0415 - see above

        made = await self.write(partial(committing.create_run, run=run), created(run))
        if run.first is not None and made[1]:
            self._remember(run.first)
        return made

    async def append(self, commit: Commit) -> None:
        """See port."""
        from engine.journal.rules import commit as committing  # noqa: PLC0415 - see above

        await self.write(partial(committing.append, commit=commit), partial(change_of, commit))
        self._remember(commit)

    def _remember(self, commit: Commit) -> None:
        if commit.known is not None:
            self._known.keep(commit.run_id, commit.known)

    async def begin_call(self, call: PaidCall) -> CallAdmission:
        """See port."""
        from engine.journal.rules.spending import soft_caps, waiting  # noqa: PLC0415 - see above

        def begun(answer: CallAdmission) -> ChangeSet:
            stops = isinstance(answer, soft_caps.HeldBack) and answer.stop
            return replace(MONEY, work=stops)

        return await self.write(partial(waiting.begin_or_wait, call=call), begun)

    async def lower_hold(self, hold_id: str, amount: int, tokens: tuple[int, int] = (0, 0)) -> None:
        """See port."""
        from engine.journal.rules.spending import holding  # noqa: PLC0415 - see above

        await self.write(partial(holding.lower, hold_id=hold_id, amount=amount, tokens=tokens), MONEY)

    async def end_wait(self, run_id: str) -> None:
        """See port."""
        await self.write(lambda store: store.drop_wait(run_id))

    async def change_cap(
        self, row: CapRow, act: NewActRow, shown: ShownCap | None = None, *, remove: bool = False
    ) -> None:
        """See port."""
        from engine.journal.rules.spending import changing  # noqa: PLC0415 - see above

        await self.write(partial(changing.change_cap, row=row, act=act, shown=shown, remove=remove), CAPS)

    async def record_act(self, act: NewActRow, shown: ShownCap | None = None) -> None:
        """See port."""
        from engine.journal.rules.spending import changing  # noqa: PLC0415 - see above

        await self.write(partial(changing.top_up, act=act, shown=shown), CAPS)

    async def decide(self, decision: Decision) -> Decided:
        """See port."""
        from engine.journal.rules import deciding  # noqa: PLC0415 - see above

        operation = partial(deciding.decide, decision=decision, known=self._known)
        answer = await self.write(operation, decided)
        if isinstance(answer, Refused):
            raise answer
        if answer.claim is not None:
            self._known.forget(answer.run_id)
        return answer

    async def claim_request(self, request_id: str, kind: RequestKind, by: str, now: int, until: int) -> None:
        """See port."""
        from engine.journal.rules import deciding  # noqa: PLC0415 - see above

        operation = partial(
            deciding.claim_request, request_id=request_id, kind=kind.value, by=by, now=now, until=until
        )
        await self.write(operation, CLAIMED)

    async def release_request(self, request_id: str, by: str) -> bool:
        """See port."""
        from engine.journal.rules import deciding  # noqa: PLC0415 - see above

        return await self.write(partial(deciding.release_request, request_id=request_id, by=by), CLAIMED)

    async def note(self, request_id: str, fact: Fact, by: str, via: str, now: int) -> bool:
        """See port."""
        from engine.journal.rules import deciding  # noqa: PLC0415 - see above

        return await self.write(
            partial(deciding.note, request_id=request_id, fact=fact, by=by, via=via, now=now)
        )

    async def exclude(self, run_id: str, reason: str, by: str, via: str, now: int) -> bool:
        """See port."""
        from engine.journal.rules.levels import excluding  # noqa: PLC0415 - see above

        operation = partial(excluding.exclude, run_id=run_id, reason=reason, by=by, via=via, now=now)
        return await self.write(operation)

    async def flag(self, run_id: str, comment: str, by: str, via: str, now: int, *, on: bool) -> bool:
        """See port."""
        from engine.journal.rules.levels import flagging  # noqa: PLC0415 - see above

        operation = partial(flagging.flag, run_id=run_id, comment=comment, by=by, via=via, now=now, on=on)
        return await self.write(operation)

    async def note_alerts(self, look: AlertLook) -> bool:
        """See port."""
        from engine.journal.rules.levels import alerts  # noqa: PLC0415 - see above

        return await self.write(
            partial(alerts.note_alerts, look=look), lambda done: ALERTS if done else NOTHING
        )

    async def steer(self, run_id: str, verb: Input) -> tuple[RunStatus, bool]:
        """See port."""
        from engine.journal.rules import working  # noqa: PLC0415 - see above

        return await self.write(partial(working.steer, run_id=run_id, verb=verb), WORK)

    async def move_counter(self, name: str, change: int) -> None:
        """See port."""
        await self.write(lambda store: store.count(name, change))

    async def pin_content(self, digest: str, content: str) -> None:
        """See port."""
        await self.write(lambda store: store.put_content(digest, content))

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
        """See port."""
        from engine.journal.rules import working  # noqa: PLC0415 - see above

        operation = partial(
            working.heartbeat,
            worker_id=worker_id,
            host=host,
            pid=pid,
            now=now,
            expires_at=expires_at,
            process=process,
            dead=dead,
            clock=clock,
        )
        await self.write(operation)

    async def retire(self, worker_id: str) -> None:
        """See port."""
        await self.write(lambda store: store.remove_worker(worker_id))

    async def claim(self, worker_id: str, now: int, limit: int, run_id: str | None = None) -> list[Claim]:
        """See port."""
        from engine.journal.rules import working  # noqa: PLC0415 - see above

        known = set(self.damaged)
        operation = partial(
            working.claim,
            worker_id=worker_id,
            now=now,
            limit=limit,
            run_id=run_id,
            damaged=self.damaged,
            known=self._known,
        )
        claims = await self.write(operation)
        for claimed in claims:
            self._known.forget(claimed.run.row["run_id"])
        for damaged in self.damaged.keys() - known:
            logger.error("run %s is left alone: %s", damaged, self.damaged[damaged])
        return claims

    async def release(self, run_id: str, epoch: int, *, ready: bool) -> None:
        """See port."""
        from engine.journal.rules import working  # noqa: PLC0415 - see above

        await self.write(partial(working.release, run_id=run_id, epoch=epoch, ready=ready), WORK)

    async def work_failed(self, run_id: str, epoch: int) -> int:
        """See port."""
        from engine.journal.rules import working  # noqa: PLC0415 - see above

        return await self.write(partial(working.work_failed, run_id=run_id, epoch=epoch))

    async def fire_timers(self, now: int, clock: ClockOffset | None = None) -> int:
        """See port."""
        from engine.journal.rules import working  # noqa: PLC0415 - see above

        operation = partial(working.fire_timers, now=now, limit=TIMERS_AT_ONCE, clock=clock)
        return await self.write(operation, WORK)

    async def any_busy(self, now: int) -> bool:
        """See port. Asked where it is written: between two reads a worker may claim."""
        from engine.journal.rules import working  # noqa: PLC0415 - see above

        return await self.write(partial(working.any_busy, now=now, damaged=self.damaged))
