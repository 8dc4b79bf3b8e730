"""A run on a time axis: what each step did when."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.status import StepStatus
from engine.contracts.times import Timestamp


class SpanKind(StrEnum):
    """What a step did for a while."""

    WORKING = "working"
    WAITING = "waiting"
    RETRYING = "retrying"
    FAILED = "failed"


class TimelineSpan(Contract):
    """One stretch of time; `end` is None while it lasts. WAITING is for a person or a
    moment, FAILED a failed attempt."""

    kind: SpanKind
    start: Timestamp
    end: Timestamp | None = None


class FailedTry(Contract):
    """A try of a step that failed; `run_seq` is the event that says so."""

    attempt: int
    run_seq: int
    at: Timestamp
    code: str
    message: str


class TimelineRow(Contract):
    """One execution. Rows come parents first; `depth` counts branches, items and child runs above it,
    in a graph also what comes before it; its steps are there before they begin."""

    run_id: str
    step_id: str
    name: str
    type: str
    status: StepStatus
    depth: int = 0
    child_run_id: str | None = None
    needs: tuple[str, ...] | None = Field(default=None, description="In a graph: the steps it needs.")
    item: str | None = Field(
        default=None, description="In a `for_each`: the item it is for, in a few masked words."
    )
    recoveries: int = 0
    spans: tuple[TimelineSpan, ...] = ()


class Timeline(Contract):
    """Executions of a run and of the child runs below it: of a long run a page of them.

    They are those of which something is told by the events `since` + 1 to `until` of its `last`, with the
    steps around them: the first `above` rows stand there for that only. `older` and `newer` are events in the
    pages before and after, each of which has half of this one; None where there is none. `cut` counts child
    runs that are left out, or shown in part.
    """

    run_id: str
    start: Timestamp
    end: Timestamp | None = None
    rows: tuple[TimelineRow, ...] = ()
    since: int = 0
    until: int = 0
    last: int = 0
    above: int = 0
    older: int | None = None
    newer: int | None = None
    cut: int = 0
