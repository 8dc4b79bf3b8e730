"""The part of the port that writes runs, and what people say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.contracts.status import RequestKind, RunStatus
    from engine.journal.records import Commit, Decided, Decision, NewRun
    from engine.journal.rules.levels.alerts import AlertLook
    from engine.machine.events.event import Fact
    from engine.machine.model.inputs import Input


class RunWrites(Protocol):
    """What is recorded of runs: each call is one transaction."""

    async def create_run(self, run: NewRun) -> tuple[str, bool]:
        """Queue a run: (run id, created). Raises Refused(idempotency_conflict)."""
        ...

    async def append(self, commit: Commit) -> None:
        """Append one transition. Raises SeqConflict, LeaseLost."""
        ...

    async def decide(self, decision: Decision) -> Decided:
        """Record a decision. Raises NotFound, AlreadyDecided, Refused, DecidedBefore."""
        ...

    async def steer(self, run_id: str, verb: Input) -> tuple[RunStatus, bool]:
        """Post an operator's verb: (status, changed). Raises NotFound, InvalidTransition."""
        ...

    async def claim_request(self, request_id: str, kind: RequestKind, by: str, now: int, until: int) -> None:
        """Note who looks at a request. Raises NotFound, AlreadyDecided, Refused (`already_claimed`)."""
        ...

    async def release_request(self, request_id: str, by: str) -> bool:
        """Forget one's own claim; whether there was one."""
        ...

    async def note(self, request_id: str, fact: Fact, by: str, via: str, now: int) -> bool:
        """Record a fact about an open request as an event of its run; False when it is open no more."""
        ...

    async def exclude(self, run_id: str, reason: str, by: str, via: str, now: int) -> bool:
        """Let a failed run not count; False when it does not already. Raises NotFound, InvalidInput."""
        ...

    async def flag(self, run_id: str, comment: str, by: str, via: str, now: int, *, on: bool) -> bool:
        """Flag a run, or take that back; False when it is so already. Raises NotFound, InvalidInput."""
        ...

    async def note_alerts(self, look: AlertLook) -> bool:
        """Record alerts that begin and end; False, with nothing recorded, when another was quicker."""
        ...

    async def pin_content(self, digest: str, content: str) -> None:
        """Keep a pack's content for the runs that pinned it."""
        ...

    async def move_counter(self, name: str, change: int) -> None:
        """Move a counter."""
        ...
