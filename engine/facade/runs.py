"""The facade's part for runs: start, look at and steer them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from engine.contracts.runs.listed import RunSort
from engine.contracts.status import CancelMode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from engine.contracts.actor import Actor
    from engine.contracts.packs.handoff import HandoffView
    from engine.contracts.runs.conversation import Conversation
    from engine.contracts.runs.listed import Page, RunFilter, RunSummary, RunView
    from engine.contracts.runs.run import (
        EventFilter,
        EventMatches,
        EventPage,
        EventView,
        FileText,
        OutputPage,
        RunCounts,
        RunDetail,
        RunFile,
        StepView,
        VerbResult,
    )
    from engine.contracts.runs.snapshot import RunSnapshot
    from engine.contracts.runs.timeline import Timeline


class Runs(Protocol):
    """Start, look at and steer runs."""

    async def start(
        self,
        pack: str,
        flow: str,
        payload: Mapping[str, Any],
        *,
        actor: Actor,
        tenant: str | None = None,
        idempotency_key: str | None = None,
        base_dir: Path | None = None,
        traceparent: str | None = None,
        session_id: str | None = None,
    ) -> RunView:
        """Queue a run. The same key of the same tenant returns the same run.

        Without `tenant` it belongs to the one in view (`Engine.for_`), or to `default`.
        Relative values of input fields with `format: path` are resolved against `base_dir`, and so are
        names of image files in a field with `format: images`, which takes none without it.
        Runs of one `session_id` (a name of up to 36 characters) are found together.
        The run goes on in the trace of a `traceparent` (W3C Trace Context), else it begins one.
        Raises NotFound (pack, flow), InvalidInput (schema, size; details name the refused run),
        Refused (policy, trust, `idempotency_conflict`), PackInvalid.
        """
        ...

    async def session(self, session_id: str) -> tuple[RunView, ...]:
        """The runs in view that were started with that `session_id`, oldest first. Raises InvalidInput."""
        ...

    async def start_again(
        self,
        run_id: str,
        changes: Mapping[str, Any],
        *,
        actor: Actor,
        idempotency_key: str | None = None,
        base_dir: Path | None = None,
    ) -> RunView:
        """Queue a run of the same flow, as its pack is now, with the run's input and `changes` in it.

        Objects in `changes` are merged into those of the input, anything else takes the place of what was
        there. Raises as `start`, NotFound for the run, InvalidInput when its input was not kept or holds
        a secret, which is never kept, that `changes` does not give.
        """
        ...

    async def all_events(self, *, after_seq: int = 0, limit: int = 500) -> EventPage:
        """Events of every run in view, in the order of the journal, after a place in it.

        At most `limit` (up to 1000) are looked at; those of runs that are not in view are left out.
        """
        ...

    async def find_id(self, part: str, kind: Literal["run", "request"] = "run") -> str:
        """The id of the only run, or of the only request, whose id is, begins or ends with `part`.

        Its first word (`run_`) may be left out. Raises NotFound, InvalidInput when there are several
        (`details["ids"]`, the newest).
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
        """Runs that took over from this one, oldest first. Raises NotFound."""
        ...

    async def get(self, run_id: str, *, steps: bool = True) -> RunDetail:
        """One run with its approvals, forms, outcomes and files, and with all its steps: those of a long run
        are better read by pages. Raises NotFound."""
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

    async def counts(self, *, tenant: str | None = None, failed_after: datetime | None = None) -> RunCounts:
        """Runs by status and requests pending of one tenant or of all, from counters (not by scanning).

        With `failed_after` also how many runs failed since then.
        """
        ...

    async def events(self, run_id: str, *, after_run_seq: int = 0, limit: int = 500) -> tuple[EventView, ...]:
        """History of one run in order. Raises NotFound, InvalidInput (a number out of range)."""
        ...

    async def find_events(
        self, run_id: str, filters: EventFilter, *, after_run_seq: int = 0, limit: int = 10_000
    ) -> EventMatches:
        """Look at the next `limit` events of a run for those that match. Raises NotFound."""
        ...

    async def as_of(self, run_id: str, run_seq: int, *, steps: bool = True) -> RunDetail:
        """As `get`, of the run as it was after the event `run_seq`, with the files written by then.

        Raises NotFound, InvalidInput (no such event).
        """
        ...

    async def timeline(self, run_id: str, *, at: int | None = None) -> Timeline:
        """What each step did when, child runs under the step that started them: of a long run the page in
        which the event `at` stands, else the newest one. Raises NotFound."""
        ...

    async def files(self, run_id: str) -> tuple[RunFile, ...]:
        """The files that the run has written. Raises NotFound, Unavailable."""
        ...

    async def file_text(self, run_id: str, stored_name: str, *, limit: int = 200_000) -> FileText:
        """At most `limit` bytes of an output file or of `response.json`, as masked text.

        Raises NotFound (run, file), InvalidInput (limit), Unavailable.
        """
        ...

    async def output(self, run_id: str, *, step_id: str | None = None, after: int = 0) -> OutputPage:
        """What the calls of a run wrote while they ran, of one step or of all below it; lines are masked.

        `after` is `next` of the page before; a negative one is counted from the end, in bytes. At most a
        megabyte is looked at. Raises NotFound, Unavailable.
        """
        ...

    async def steps(
        self, run_id: str, *, of_type: str | None = None, limit: int = 500, after: str | None = None
    ) -> Page[StepView]:
        """Executions in the order they started, or those of a step type such as `agent`; paged by the closed
        cursor `after`. Raises NotFound, InvalidInput on a bad cursor."""
        ...

    async def steps_at(
        self, run_id: str, paths: Sequence[str], *, as_of: int | None = None
    ) -> tuple[StepView, ...]:
        """Executions of some paths in any order, those that there are; as they were after the event `as_of`.

        Raises NotFound, InvalidInput (no such event).
        """
        ...

    async def step(self, run_id: str, step_id: str) -> StepView:
        """One execution with its full (masked) input and output. Raises NotFound."""
        ...

    async def conversation(
        self, run_id: str, step_id: str, *, after: int = 0, limit: int | None = None, calls: bool = True
    ) -> Conversation:
        """What the agent of that path was told, what it said, and what its calls brought (masked).

        Of its turns `limit`, or all, that come after so many; a negative `after` counts from the end. Without
        `calls` a turn tells how many it wanted and which one asks a person, and what its model said.
        Raises NotFound, InvalidInput for a step that is no agent.
        """
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

    async def narrow(
        self,
        run_id: str,
        *,
        actor: Actor,
        only: Sequence[str] | None = None,
        without: Sequence[str] = (),
        once: bool = False,
    ) -> VerbResult:
        """Models of the run choose among fewer tools from their next turn on; it takes the place of what was
        said before, and widens nothing. Names, `*` in them any characters. `once`: the next turn of the run
        alone, beside what holds anyway. Without names all is taken back.

        Raises InvalidInput, also for a run whose models choose among none; else as `pause`.
        """
        ...

    async def snapshot(self, run_id: str) -> RunSnapshot:
        """What its agents stand at, masked and bounded, whoever works it. Raises NotFound."""
        ...

    async def tell(
        self, run_id: str, text: str, *, actor: Actor, data: Mapping[str, Any] | None = None
    ) -> VerbResult:
        """Say something that a model of the run is told in its next question alone, or give `data` to the
        pack's own tools in the calls of that turn; both are masked first.

        Raises InvalidInput for nothing, too much, or a run that asks no model; else as `pause`.
        """
        ...

    async def wait(self, run_id: str, *, timeout: float | None = None) -> RunView:
        """Return when the run is terminal or waits for a person (or `timeout` seconds passed)."""
        ...
