"""The facade: everything screens, command line and servers may ask of an engine.

`Engine` is a port. The embedded engine (`engine.open_engine`) implements it on one SQLite file;
a distributed one would implement the same parts. Nothing here knows a word of any user interface.
All methods raise only errors of `engine.errors`. Times are UTC; ids sort by time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.contracts.run import RunSort
from engine.contracts.status import CancelMode, RequestStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.handoff import HandoffView
    from engine.contracts.notes import SavedFilter
    from engine.contracts.pack_version import PackNotice
    from engine.contracts.request import AnswerView, ApprovalView, DecisionView, FieldError, FormView
    from engine.contracts.run import (
        EventFilter,
        EventMatches,
        EventView,
        FileText,
        Page,
        RunCounts,
        RunDetail,
        RunFilter,
        RunSummary,
        RunView,
        StepView,
        VerbResult,
    )
    from engine.contracts.timeline import Timeline
    from engine.facade.packs import Packs


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """News since the last batch. `events` are durable and in order; `lagged` says some were skipped
    because the reader was slow (read the journal for them); `refresh` names lists that changed
    without an event of their own (`packs`, `workers`, `claims`); `packs` are those whose files
    changed."""

    events: tuple[EventView, ...] = ()
    lagged: bool = False
    refresh: frozenset[str] = field(default_factory=frozenset)
    packs: tuple[PackNotice, ...] = ()


class Runs(Protocol):
    """Start, look at and steer runs."""

    async def start(
        self,
        pack: str,
        flow: str,
        payload: Mapping[str, Any],
        *,
        actor: Actor,
        tenant: str = "default",
        idempotency_key: str | None = None,
        base_dir: Path | None = None,
    ) -> RunView:
        """Queue a run. The same key of the same tenant returns the same run.

        Relative values of input fields with `format: path` are resolved against `base_dir`.
        Raises NotFound (pack, flow), InvalidInput (schema, size; details name the refused run),
        Refused (policy, trust, `idempotency_conflict`), PackInvalid.
        """
        ...

    async def handoffs(self, run_id: str) -> tuple[HandoffView, ...]:
        """To which packs the run may be handed off, by the content it pinned, with what of them can be
        started now. Raises NotFound, PackInvalid (that content is not stored)."""
        ...

    async def hand_off(
        self,
        run_id: str,
        target: str,
        flow: str | None,
        payload: Mapping[str, Any],
        *,
        actor: Actor,
        note: str | None = None,
        idempotency_key: str | None = None,
        base_dir: Path | None = None,
    ) -> RunView:
        """Queue a run of another pack that takes over; the run itself goes on as it would have.

        The new run belongs to the same tenant and is told of the run, as it is now, as much as the
        handoff declares: its flow sees that as `handoff`. No `flow` is the only one of the target. The
        same key returns the same run. Raises NotFound, Refused (`handoff_undeclared`), InvalidInput (note,
        several flows), and as `start`.
        """
        ...

    async def successors(self, run_id: str) -> tuple[str, ...]:
        """Runs that took over from this one, oldest first; none for a run that is not there."""
        ...

    async def get(self, run_id: str) -> RunDetail:
        """One run with its steps, approvals, forms and files. Raises NotFound."""
        ...

    async def summary(self, run_id: str) -> RunView:
        """One run without its parts. Raises NotFound."""
        ...

    async def list(
        self,
        filters: RunFilter | None = None,
        *,
        sort: RunSort = RunSort.NEWEST,
        limit: int = 50,
        after: str | None = None,
        offset: int = 0,
    ) -> Page[RunSummary]:
        """In the order of `sort`, paged by the closed cursor `after` or by skipping `offset` runs.

        Raises InvalidInput on a bad cursor.
        """
        ...

    async def count(self, filters: RunFilter | None = None) -> int:
        """How many runs `list` would give in all."""
        ...

    async def position(
        self, run_id: str, filters: RunFilter | None = None, *, sort: RunSort = RunSort.NEWEST
    ) -> int | None:
        """How many runs `list` gives before this one; None when it does not give it at all."""
        ...

    async def counts(self, *, tenant: str | None = None) -> RunCounts:
        """Runs by status and requests pending of one tenant or of all, from counters (not by scanning)."""
        ...

    async def events(self, run_id: str, *, after_run_seq: int = 0, limit: int = 500) -> tuple[EventView, ...]:
        """History of one run in order. Raises NotFound."""
        ...

    async def find_events(
        self, run_id: str, filters: EventFilter, *, after_run_seq: int = 0, limit: int = 10_000
    ) -> EventMatches:
        """Look at the next `limit` events of a run for those that match. Raises NotFound."""
        ...

    async def as_of(self, run_id: str, run_seq: int) -> RunDetail:
        """The run as it was after the event `run_seq`; files are the ones it had written by then.

        Raises NotFound, InvalidInput (no such event).
        """
        ...

    async def timeline(self, run_id: str) -> Timeline:
        """What each step did when, child runs under the step that started them. Raises NotFound."""
        ...

    async def file_text(self, run_id: str, stored_name: str, *, limit: int = 200_000) -> FileText:
        """At most `limit` bytes of an output file or of `response.json`, as masked text.

        Raises NotFound (run, file), InvalidInput (limit), Unavailable.
        """
        ...

    async def steps(self, run_id: str) -> tuple[StepView, ...]:
        """Executions in the order they started."""
        ...

    async def step(self, run_id: str, step_id: str) -> StepView:
        """One execution with its full (masked) input and output. Raises NotFound."""
        ...

    async def pause(self, run_id: str, *, actor: Actor) -> VerbResult:
        """No new step starts; takes effect at the next boundary."""
        ...

    async def resume(self, run_id: str, *, actor: Actor) -> VerbResult:
        """Go on after a pause."""
        ...

    async def cancel(
        self, run_id: str, *, actor: Actor, mode: CancelMode = CancelMode.BOUNDARY
    ) -> VerbResult:
        """Stop the run: `boundary` after the current step, `now` at once."""
        ...

    async def retry(self, run_id: str, *, actor: Actor) -> VerbResult:
        """Continue a FAILED or DEAD_LETTER run at its failed step with a fresh retry budget."""
        ...

    async def wait(self, run_id: str, *, timeout: float | None = None) -> RunView:
        """Return when the run is terminal or waits for a person (or `timeout` seconds passed)."""
        ...


class Requests(Protocol):
    """Approvals and forms. A decision is one transaction; the first valid one wins."""

    async def approvals(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[ApprovalView]:
        """Oldest first. `status=None` lists all, `tenant=None` those of every tenant."""
        ...

    async def approval(self, approval_id: str) -> ApprovalView:
        """Raises NotFound."""
        ...

    async def approve(
        self, approval_id: str, *, actor: Actor, digest: str | None = None, comment: str | None = None
    ) -> DecisionView:
        """Approve exactly what was shown (`digest` of the view; None takes the stored one).

        Raises AlreadyDecided, Refused (`approval_changed`, `request_withdrawn`), NotFound.
        """
        ...

    async def reject(
        self, approval_id: str, *, actor: Actor, comment: str, digest: str | None = None
    ) -> DecisionView:
        """Reject with a comment. Raises as `approve`, and InvalidInput on an empty comment."""
        ...

    async def claim(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        """Tell every console that `actor` looks at it; ends by itself (`EngineConfig.claim_seconds`).

        One's own claim is prolonged. A claim is advice: it stops nobody's decision. Raises NotFound,
        Refused (`already_claimed`, `request_withdrawn`), AlreadyDecided.
        """
        ...

    async def release(self, approval_id: str, *, actor: Actor) -> ApprovalView:
        """End one's own claim; nothing happens without one. Raises NotFound."""
        ...

    async def earlier(self, approval_id: str, *, limit: int = 5) -> tuple[ApprovalView, ...]:
        """What was decided before on the same step of the same flow and tenant, newest first."""
        ...

    async def forms(
        self,
        *,
        status: RequestStatus | None = RequestStatus.PENDING,
        run_id: str | None = None,
        tenant: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page[FormView]:
        """Oldest first. `status=None` lists all, `tenant=None` those of every tenant."""
        ...

    async def form(self, request_id: str) -> FormView:
        """Raises NotFound."""
        ...

    def check(self, schema: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[FieldError, ...]:
        """All faults of `values` by field, from the same validator that `answer` uses.

        Pure, and may be called from any thread: a large schema takes its time.
        """
        ...

    async def answer(
        self, request_id: str, values: Mapping[str, Any], *, actor: Actor, comment: str = ""
    ) -> AnswerView:
        """Submit a form. Raises InvalidInput (`details["errors"]`), AlreadyDecided, Refused, NotFound."""
        ...


class Drafts(Protocol):
    """What an operator typed and did not send, kept across crashes. Texts that hold a secret are not kept."""

    async def get(self, owner: str, key: str) -> dict[str, Any] | None:
        """The draft of `owner` under `key`."""
        ...

    async def keep(self, owner: str, key: str, draft: Mapping[str, Any]) -> None:
        """Store it in place of the one before. Raises InvalidInput when it is too large."""
        ...

    async def drop(self, owner: str, key: str) -> None:
        """Forget it."""
        ...


class SavedFilters(Protocol):
    """Filters of the runs list that an operator gave a name."""

    async def list(self, owner: str) -> tuple[SavedFilter, ...]:
        """By name."""
        ...

    async def save(self, owner: str, saved: SavedFilter) -> None:
        """Store it in place of one of the same name. Raises InvalidInput past 100 filters."""
        ...

    async def drop(self, owner: str, name: str) -> None:
        """Forget it."""
        ...


class Feed(Protocol):
    """News from this process and every other one on the same journal."""

    def subscribe(
        self, *, run_id: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[FeedBatch]]:
        """Batches of news from now on; leaving the context unsubscribes."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerView:
    """A process that works runs."""

    worker_id: str
    host: str
    pid: int
    alive: bool
    runs_held: int


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
    def feed(self) -> Feed:
        """News."""
        ...

    @property
    def drafts(self) -> Drafts:
        """What operators typed and did not send."""
        ...

    @property
    def saved_filters(self) -> SavedFilters:
        """Filters with a name."""
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
        """Return when nothing moves on without a person: no run is ready, held by anyone, or in retry."""
        ...
