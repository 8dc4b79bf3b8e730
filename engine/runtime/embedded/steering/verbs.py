"""The verbs on a run that an operator has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from engine.contracts.actor import Role
from engine.contracts.status import CancelMode, RunStatus
from engine.governance.access import AccessScoped
from engine.runtime.embedded.steering.narrowing import narrowing, require_choice

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from engine.contracts.actor import Actor
    from engine.contracts.runs.run import VerbResult
    from engine.governance.redactor import Redactor
    from engine.journal.port import Journal
    from engine.machine.model.inputs import Input
    from engine.runtime.clock import Clock
    from engine.runtime.pack_library.library import PackLibrary
    from engine.runtime.views.run_reader import RunReader


class Steering(AccessScoped, ABC):
    """Posts verbs to runs in view; `take_mail` lets a run that no worker holds take in its mail."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        take_mail: Callable[[str], Awaitable[None]],
        packs: PackLibrary,
        redactor: Redactor,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._take_mail = take_mail
        self._packs = packs
        self._redactor = redactor

    @property
    @abstractmethod
    def reader(self) -> RunReader:
        """Reads runs in view."""

    async def pause(self, run_id: str, *, actor: Actor) -> VerbResult:
        """See facade."""
        from engine.machine.model.inputs import Pause  # noqa: PLC0415 - lists need no machine

        return await self._steer(run_id, actor, Pause(now=self._clock.now(), actor=actor.name, via=actor.via))

    async def resume(self, run_id: str, *, actor: Actor) -> VerbResult:
        """See facade."""
        from engine.machine.model.inputs import Resume  # noqa: PLC0415 - lists need no machine

        return await self._steer(
            run_id, actor, Resume(now=self._clock.now(), actor=actor.name, via=actor.via)
        )

    async def cancel(
        self, run_id: str, *, actor: Actor, mode: CancelMode = CancelMode.BOUNDARY
    ) -> VerbResult:
        """See facade."""
        from engine.machine.model.inputs import Cancel  # noqa: PLC0415 - lists need no machine

        return await self._steer(
            run_id, actor, Cancel(now=self._clock.now(), actor=actor.name, via=actor.via, mode=mode)
        )

    async def retry(self, run_id: str, *, actor: Actor) -> VerbResult:
        """See facade."""
        from engine.machine.model.inputs import Retry  # noqa: PLC0415 - lists need no machine

        return await self._steer(run_id, actor, Retry(now=self._clock.now(), actor=actor.name, via=actor.via))

    async def narrow(
        self,
        run_id: str,
        *,
        actor: Actor,
        only: Sequence[str] | None = None,
        without: Sequence[str] = (),
        once: bool = False,
    ) -> VerbResult:
        """See facade."""
        verb = narrowing(self._clock.now(), actor, only, without, once=once)
        row = await self.reader.row(run_id)
        self.access.require(Role.OPERATOR, actor)
        await require_choice(self._packs, row)
        return await self._steer(run_id, actor, verb)

    async def tell(
        self, run_id: str, text: str, *, actor: Actor, data: Mapping[str, Any] | None = None
    ) -> VerbResult:
        """See facade."""
        row = await self.reader.row(run_id)
        self.access.require(Role.OPERATOR, actor)
        from engine.runtime.embedded.steering.telling import Telling  # noqa: PLC0415 - lists need no machine

        telling = Telling(self._journal, self._packs, self._redactor)
        verb = await telling.verb(self._clock.now(), actor, row, text, data)
        return await self._steer(run_id, actor, verb)

    async def _steer(self, run_id: str, actor: Actor, verb: Input) -> VerbResult:
        await self.reader.row(run_id)
        self.access.require(Role.OPERATOR, actor)
        _, changed = await self._journal.steer(run_id, verb)
        if changed:
            await self._take_mail(run_id)
        row = await self.reader.row(run_id)
        from engine.contracts.runs.run import VerbResult  # noqa: PLC0415 - lists steer nothing

        return VerbResult(run_id=run_id, status=RunStatus(row["status"]), changed=changed)
