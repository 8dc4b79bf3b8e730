"""What the demonstration has behind it: counts of a month of runs that it does not keep, and what they cost.

A pack in each state, one that has become slower, caps near their bounds. They are counted by the rules of the
journal, as ends of runs are that `vasini prune` removed since.
"""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from engine.contracts.governing.money import BILLIONTHS
from engine.contracts.status import RequestKind, RequestStatus, RunStatus
from engine.journal.rules.levels.levels import count_end, count_request
from engine.journal.spend_rows import SLOT
from engine.journal.sqlite.file.connection import open_writer
from engine.journal.sqlite.store import SqliteStore
from engine.journal.sqlite.transaction import Transaction
from engine.slo.buckets import DAY, HOUR, MINUTE, SECOND, start_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from engine.journal.rows import HeadRow, RequestColumns, RequestRow, RunColumns
    from engine.journal.spend_rows import SpendRow

DAYS = 30
OTHER_TENANT = "branch-office"


@dataclass(frozen=True, slots=True)
class PackHistory:
    """Runs of a pack: so many a day, of which `failed` at these times before now; `seconds` they work.

    `lately` is how long they work since yesterday, if that is other; `asked` requests a day wait `minutes`.
    """

    pack: str
    a_day: float
    seconds: float
    failed: tuple[tuple[int, str], ...] = ()
    lately: float | None = None
    asked: float = 0
    minutes: float = 10


def _ago(code: str, *moments: float) -> tuple[tuple[int, str], ...]:
    return tuple((round(moment), code) for moment in moments)


PASTS = (
    PackHistory(
        "on-call",
        14,
        22,
        failed=_ago("timeout", *(DAY * day for day in (3, 4, 6, 9, 11, 17, 20)), HOUR, 5 * HOUR, 30 * HOUR)
        + _ago("model_error", 2 * DAY, 13 * DAY, 26 * DAY),
        asked=9,
        minutes=18,
    ),
    PackHistory(
        "repo-steward",
        21,
        9,
        failed=_ago("tool_error", 4 * MINUTE, 11 * MINUTE, 19 * MINUTE, 26 * MINUTE)
        + _ago("timeout", 8 * DAY, 15 * DAY, 22 * DAY),
        asked=12,
        minutes=95,
    ),
    PackHistory(
        "log-triage", 32, 2.1, failed=_ago("tool_error", 7 * DAY, 19 * DAY), lately=7.4, asked=20, minutes=6
    ),
    PackHistory("hello", 30, 0.6, failed=_ago("work_failed", 5 * DAY, 12 * DAY, 24 * DAY)),
    PackHistory("senior-python-dev", 0.2, 48, failed=_ago("model_error", 6 * HOUR)),
)
"""In turn violated, at risk, met but slower than before, met, and too few to say."""
SPENT = (
    ("on-call", "triage", "look", "large", 9.15, 88.0),
    ("log-triage", "incident", "summary", "small", 0.42, 11.3),
    ("senior-python-dev", "change-survey", "survey", "large", 0.0, 16.9),
)
"""Pack, flow, step, model; dollars of today and of the days before."""


def write_history(database: Path, tenant: str, now: int, *, seed: int = 1) -> None:
    """Write it into a journal that nobody has open; blocks for about a second."""
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection, chance = open_writer(database), random.Random(seed)  # noqa: S311 - sample data
    with closing(connection), Transaction(connection) as transaction:
        store = SqliteStore(transaction)
        for past in PASTS:
            _count(store, past, tenant, now, chance)
        _count(store, PackHistory("hello", 6, 0.7), OTHER_TENANT, now, chance)
        for row in _spending(tenant, now):
            store.add_spending(row)


def _count(store: SqliteStore, past: PackHistory, tenant: str, now: int, chance: random.Random) -> None:
    of = {"tenant": tenant, "pack": past.pack}
    head = cast("HeadRow", {**of, "counted_at": None, "parent_run_id": None, "confidence": None})
    for moment, code in sorted(_ends(past, now, chance), key=itemgetter(0)):
        slower = (
            past.lately if past.lately is not None and moment >= start_of(now, DAY) - DAY else past.seconds
        )
        worked = round(slower * SECOND * chance.lognormvariate(0, 0.35))
        status = RunStatus.COMPLETED if code is None else RunStatus.FAILED
        columns: dict[str, Any] = {
            "finished_at": moment,
            "status": status,
            "error_code": code,
            "worked": worked,
        }
        count_end(store, head, cast("RunColumns", columns))
    for moment in _moments(past.asked, now, chance):
        waited = round(past.minutes * MINUTE * chance.lognormvariate(0, 0.8))
        late = chance.random() < 0.02
        decided = {"decided_at": moment, "status": RequestStatus.EXPIRED if late else RequestStatus.APPROVED}
        request = cast("RequestRow", {**of, "kind": RequestKind.APPROVAL, "requested_at": moment - waited})
        count_request(store, request, cast("RequestColumns", decided))


def _ends(past: PackHistory, now: int, chance: random.Random) -> Iterator[tuple[int, str | None]]:
    yield from ((moment, None) for moment in _moments(past.a_day, now, chance))
    yield from ((now - before, code) for before, code in past.failed)


def _moments(a_day: float, now: int, chance: random.Random) -> list[int]:
    """Evenly over the days, more in working hours, in order."""
    number = round(a_day * DAYS)
    moments = (now - round((place + chance.random()) * DAYS * DAY / number) for place in range(number))
    return sorted(moment for moment in moments if moment < now - MINUTE)


def _spending(tenant: str, now: int) -> Iterator[SpendRow]:
    """Today in a quarter of an hour of it, the rest a day before: on the first that is another month."""
    for pack, flow, step, model, today, before in SPENT:
        for slot, dollars in ((now // SLOT, today), ((now - DAY) // SLOT, before)):
            cost = round(dollars * BILLIONTHS)
            if not cost:
                continue
            yield {
                "tenant": tenant,
                "pack": pack,
                "flow": flow,
                "step": step,
                "model": model,
                "slot": slot,
                "calls": max(1, round(dollars * 40)),
                "unpriced": 2 if pack == "senior-python-dev" else 0,
                "estimated": 0,
                "input_tokens": round(dollars * 210_000),
                "output_tokens": round(dollars * 18_000),
                "cached_tokens": round(dollars * 90_000),
                "sent_bytes": round(dollars * 840_000),
                "cost": cost,
            }
