"""The facade: everything screens, command line and servers may ask of an engine.

`Engine` is a port. The embedded engine (`engine.open_engine`) implements it on one SQLite file;
a distributed one would implement the same parts. Nothing here knows a word of any user interface.
All methods raise only errors of `engine.errors`. Times are UTC; ids sort by time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from engine.contracts.actor import Actor
    from engine.facade.budget import Budget
    from engine.facade.feed import Feed
    from engine.facade.housekeeping import Housekeeping
    from engine.facade.levels import ServiceLevels
    from engine.facade.notes import Drafts, SavedFilters
    from engine.facade.packs import Packs
    from engine.facade.requests import Requests
    from engine.facade.runs import Runs


@dataclass(frozen=True, slots=True)
class RestingModel:
    """A model that a worker leaves alone since it failed too often; in so many seconds one call tries it."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A process that works runs. `resting` are models as of its last look, a second ago."""

    worker_id: str
    host: str
    pid: int
    alive: bool
    runs_held: int
    resting: tuple[RestingModel, ...] = ()


class Engine(Protocol):
    """The whole of it."""

    @property
    def runs(self) -> Runs:
        """Start, look at and steer runs."""
        ...

    @property
    def requests(self) -> Requests:
        """Approvals and forms."""
        ...

    @property
    def packs(self) -> Packs:
        """Packs and their problems."""
        ...

    @property
    def budget(self) -> Budget:
        """Money."""
        ...

    @property
    def feed(self) -> Feed:
        """News."""
        ...

    @property
    def housekeeping(self) -> Housekeeping:
        """Old runs gone, one run taken away whole."""
        ...

    @property
    def levels(self) -> ServiceLevels:
        """Whether packs keep what they promise."""
        ...

    @property
    def drafts(self) -> Drafts:
        """What operators typed and did not send."""
        ...

    @property
    def saved_filters(self) -> SavedFilters:
        """Filters with a name."""
        ...

    def for_(self, actor: Actor, *, tenant: str | None = None, all_tenants: bool = False) -> Engine:
        """The engine as the actor's account may use it: in `tenant`, else in its first one.

        What belongs to another tenant is not found, by whatever method or verb. Raises Refused
        (`role_missing`): no operator, or `all_tenants` for one who may not; NotFound (tenant).
        """
        ...

    def work(self, *, slots: int = 64) -> AbstractAsyncContextManager[Worker]:
        """Work runs in this process until the context is left (then drains: releases what is mid-step)."""
        ...

    async def workers(self) -> tuple[WorkerView, ...]:
        """Workers known to the journal."""
        ...


class Worker(Protocol):
    """This process as a worker."""

    worker_id: str

    async def idle(self) -> None:
        """Return when nothing moves on without a person: no run is ready, held by anyone, or in retry.

        Raises as `journal_lost`, and whatever has kept the worker from looking at the journal for a minute.
        """
        ...

    async def journal_lost(self) -> NoReturn:
        """Raise Unavailable once the journal was deleted or replaced, or changed by a later program, while
        it is open: nothing goes on before this process is started anew, or the file put back."""
        ...
