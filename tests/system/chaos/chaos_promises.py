"""The promises that chaos tries, read from the journal, the effects and the acknowledgments it leaves."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.contracts.status import RUN_TERMINAL, RunStatus
from engine.machine.events.request_facts import ApprovalDecided
from tests.system.chaos.chaos_roles import acknowledged_file
from tests.system.drill import effects_file
from tests.system.history import Journal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path


@dataclass(slots=True)
class Promises:
    """Promise to (tries, breaches)."""

    tried: dict[str, int] = field(default_factory=dict)
    breaches: dict[str, list[str]] = field(default_factory=dict)

    def keep(self, promise: str, what: str, *, kept: bool) -> None:
        """It was tried once."""
        self.tried[promise] = self.tried.get(promise, 0) + 1
        found = self.breaches.setdefault(promise, [])
        if not kept:
            found.append(what)

    @property
    def broken(self) -> int:
        """How often any of them was broken."""
        return sum(map(len, self.breaches.values()))

    def table(self) -> str:
        """For people."""
        lines = [f"{'promise':<52} {'tries':>7} {'broken':>7}"]
        for promise, tries in self.tried.items():
            lines.append(f"{promise:<52} {tries:>7} {len(self.breaches[promise]):>7}")
            lines += [f"    {what}" for what in self.breaches[promise][:5]]
        return "\n".join(lines)


def check_promises(home: Path, guilty: Collection[str]) -> Promises:
    """All of them."""
    journal, promises = Journal(home), Promises()
    _decisions(journal, home, promises)
    _transitions(journal, promises)
    _gated_effects(journal, home, promises)
    _times(journal, promises)
    for run_id, row in journal.runs.items():
        where = (
            f"{run_id} {row['flow']}: {row['status']} at {row['current_step']}, held by {row['lease_worker']}"
        )
        promises.keep("a run ends, and nobody holds it", where, kept=_is_over(row))
        dead = row["status"] == RunStatus.DEAD_LETTER.value
        expired = row["status"] == RunStatus.FAILED.value and "expired" in (row["error"] or "")
        promises.keep("no request expires because a clock was set", run_id, kept=not expired)
        if run_id in guilty:
            promises.keep("a step that kills its workers is a dead letter", row["status"], kept=dead)
        else:
            promises.keep("no innocent run is a dead letter", run_id, kept=not dead)
    return promises


def decided_by_keys(home: Path) -> int:
    """How many decisions were made in consoles."""
    events = (stored.event for events in Journal(home).events.values() for stored in events)
    return sum(event.kind == ApprovalDecided.kind and event.via == "console" for event in events)


def _is_over(row: Mapping[str, Any]) -> bool:
    return RunStatus(row["status"]) in RUN_TERMINAL and row["lease_worker"] is None


def _decisions(journal: Journal, home: Path, promises: Promises) -> None:
    decided = journal.decided()
    file = acknowledged_file(home)
    for line in file.read_text().splitlines() if file.exists() else ():
        request_id, decision = line.split("\t")
        kept = decided.get(request_id) == decision
        promises.keep("an acknowledged decision is in the journal", f"{request_id} {decision}", kept=kept)
    for request_id, times in journal.times_decided().items():
        promises.keep("a request is decided once", f"{request_id}: {times}", kept=times == 1)


def _transitions(journal: Journal, promises: Promises) -> None:
    for run_id in journal.runs:
        try:
            journal.check_history(run_id)
        except AssertionError as breach:
            promises.keep("a run is the fold of its history", f"{run_id}: {breach}", kept=False)
        else:
            promises.keep("a run is the fold of its history", run_id, kept=True)
    try:
        journal.check_projections()
    except AssertionError as breach:
        promises.keep("lists and counters say what the events say", str(breach), kept=False)
    else:
        promises.keep("lists and counters say what the events say", "", kept=True)


def _gated_effects(journal: Journal, home: Path, promises: Promises) -> None:
    """A gated step acts once for its approval: operators look before they let it run again."""
    file = effects_file(home)
    made = Counter(line.split("\t")[0] for line in file.read_text().splitlines()) if file.exists() else {}
    acted, allowed = journal.acted_and_allowed()
    promises.keep(
        "other programs' agents act only on approvals", f"{acted} of {allowed}", kept=acted <= allowed
    )
    for key in journal.gated_calls():
        promises.keep("an approval lets its step act once", f"{key}: {made[key]}", kept=made[key] <= 1)


def _times(journal: Journal, promises: Promises) -> None:
    for run_id, events in journal.events.items():
        times = [stored.event.ts for stored in events]
        promises.keep("the history of a run goes forward in time", run_id, kept=times == sorted(times))
