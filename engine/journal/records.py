"""What is written together: one commit is one transition of one run, all of it or nothing."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from engine.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.contracts.runs.listed import WaitingFor
    from engine.contracts.status import RunStatus
    from engine.journal.known_states import KnownState
    from engine.journal.rows import RunRow
    from engine.journal.shown_cap import ShownCap
    from engine.journal.spend_rows import NewActRow
    from engine.machine.events.event import Event
    from engine.machine.model.inputs import Input


class Columns(Protocol):
    """A stored row by column name: SQLite's or a dict."""

    def __getitem__(self, name: str, /) -> Any:
        """The column's value."""
        ...


@frozen
class NewRun:
    """A run about to be queued, with the events that begin its history."""

    run_id: str
    tenant: str
    pack: str
    pack_version: str
    pack_digest: str
    flow: str
    flow_version: str
    requested_by: str
    status: RunStatus
    events: Sequence[Event]
    slot_limit: int | None = None
    parent_run_id: str | None = None
    parent_path: str | None = None
    depth: int = 0
    subject: str | None = None
    handed_off_from: str | None = None
    trace_id: str = ""
    session_id: str | None = None
    autonomy_level: str | None = None
    attachments: bool = False
    """Files may have to be copied before its first step."""
    error: dict[str, Any] | None = None
    idempotency_key: str | None = None
    request_digest: str | None = None
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    words: str | None = None
    """What it is found by (rules/rows/run_words.py); None until it ends."""
    worker_id: str | None = None
    """The worker that takes the run at once, with its `first` transition in the same commit."""
    first: Commit | None = None


@frozen
class RunHead:
    """The projection of a run's state on its row."""

    status: RunStatus
    current_step: str | None = None
    waiting_for: WaitingFor | None = None
    error: dict[str, Any] | None = None
    ending: dict[str, Any] | None = None
    """How it ends, `outcome` and `error`, while the steps run that do so however it ends."""
    steps_executed: int = 0
    tool_calls: int = 0
    tokens_used: int = 0
    cost: int = 0
    unpriced: int = 0
    cancel: str | None = None
    pause: bool = False


@frozen
class TreeUsage:
    """What a run has used together with those it was started by and those it started."""

    steps: int
    calls: int
    tokens: int


@frozen
class Commit:
    """One transition of one run."""

    run_id: str
    expected_seq: int
    """The run_seq that the transition was computed on."""
    epoch: int
    """The lease that it was computed under."""
    events: Sequence[Event]
    head: RunHead
    now: int
    release: bool = False
    """Give the lease back."""
    ready: bool = True
    """There is more to do; a run for which mail has come is ready in any case."""
    mail_seen: int | None = None
    """The newest mail it knows of: newer mail (a pause, say) is a conflict, so that what was acknowledged
    holds from then on."""
    consumed: Sequence[int] = ()
    timers: Mapping[str, int | None] = field(default_factory=dict)
    """Due by the wall clock as `clock` says that it stood; None cancels one."""
    clock: ClockOffset | None = None
    mail: Sequence[tuple[str, Input]] = ()
    children: Sequence[NewRun] = ()
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    snapshot: bytes | None = None
    words: str | None = None
    """What the run, which has ended, is found by from now on."""
    known: KnownState | None = None
    """What it leaves the run in, for this process to go on from."""


class Owner(NamedTuple):
    """Whose drafts and saved filters: a person's, in one tenant's view or (`*`) in that of every tenant."""

    tenant: str
    name: str


@frozen
class Decision:
    """An operator's answer to a request: one transaction, first valid one wins."""

    request_id: str
    kind: str
    actor: str
    now: int
    """By the wall clock as `clock` says that it stood: what waits is due by the same."""
    payload: Mapping[str, Any]
    """The event's payload; says what was decided."""
    digest: str | None = None
    """What the operator was shown; None: whatever is stored."""
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    """Values that the payload refers to."""
    clock: ClockOffset | None = None
    worker_id: str | None = None
    """This worker takes the run in the same transaction, if nobody works it and its flow is not capped."""
    uptime: int = 0
    """Now, by the time since the machine was started."""
    acts: Sequence[NewActRow] = ()
    """What happens to caps by it."""
    cap: ShownCap | None = None
    """The cap as it was shown: the decision is refused when it is another one by now."""
    weighed: frozenset[int] = frozenset()
    """Mail with other decisions that was seen to leave this one something to decide."""


@frozen
class Decided:
    """A decision that counts, and the run when the decision's worker has taken it."""

    run_id: str
    step_id: str
    claim: Claim | None = None


@frozen
class StoredEvent:
    """An event with its place in the journal and in its run."""

    seq: int
    run_id: str
    run_seq: int
    event: Event


@frozen
class StoredRun:
    """What is needed to go on with a run: its row, newest snapshot or the state that is `known` of it, events
    since, waiting mail."""

    row: RunRow
    snapshot: bytes | None
    events: Sequence[StoredEvent]
    mail: Sequence[tuple[int, Input]] = ()
    known: KnownState | None = None


@frozen
class Claim:
    """A run this worker holds now; `lost` when the worker before died with it."""

    run: StoredRun
    epoch: int
    lost: bool


@frozen
class ClockOffset:
    """How far the wall clock is `ahead` of the time since the machine was started, in microseconds."""

    boot_id: str
    ahead: int


@frozen
class WorkerRow:
    """A worker as registered."""

    worker_id: str
    host: str
    pid: int
    expires_at: int
    runs_held: int
    process: str = ""
