"""What is told of an event: enough to know whom it concerns. The event itself is read where it is shown."""

from __future__ import annotations

from engine.frozen import frozen


@frozen
class EventHead:
    """An event without what it holds. `seq` is its place in the journal, `run_seq` that in its run."""

    seq: int
    run_id: str
    run_seq: int
    kind: str
    step_id: str | None
    tenant: str
    handed_off_from: str | None = None
    """Of the first event of a run that took over from another one: that other one."""
