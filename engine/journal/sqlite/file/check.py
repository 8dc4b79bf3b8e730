"""Whether a journal is whole: its pages, its waiting mail, and what its runs' events add up to.

Looks only. What is found is told run by run, so that the others can be worked and read.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import VasiniError
from engine.journal.encoding import decode, readable_input, stored_event
from engine.journal.rules.rows.run_head import run_head
from engine.journal.sqlite.file.connection import open_anywhere
from engine.journal.sqlite.file.failures import is_damage, unavailable
from engine.journal.sqlite.queries import query
from engine.machine.events.fold import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MOST = 20
"""Damages of one sort that are told."""
_STEPS = 100_000
"""Steps of SQLite's machine after which it is looked whether somebody still waits for the answer."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong, in words; `run_id` where it is a run's."""

    message: str
    run_id: str | None = None


def find_damage(path: Path, *, deep: bool, check: Callable[[], None] = lambda: None) -> list[Damage]:
    """What is wrong with the journal at `path`; `deep` also checks every index entry and every run that is
    over. Raises Unavailable when it cannot be opened or read, or when `check`, which is called between
    pieces, raises something."""
    with closing(open_anywhere(path)) as connection:
        connection.set_progress_handler(check, _STEPS)
        found: list[Damage] = []
        for look in (_pages, _mail, _timers, _requests, _runs):
            check()
            try:
                found += _first(look(connection, deep))
            except sqlite3.DatabaseError as error:
                check()  # who interrupted it is told so
                if not is_damage(error):
                    raise unavailable(error, path) from error
                found.append(Damage(f"not everything could be read: {error}"))
        return found


def _first(damages: Iterator[Damage]) -> list[Damage]:
    found: list[Damage] = []
    for damage in damages:
        if len(found) == MOST:
            return [*found, Damage(f"and more of this sort; {MOST} are told")]
        found.append(damage)
    return found


def _pages(connection: sqlite3.Connection, deep: bool) -> Iterator[Damage]:
    check = "integrity_check" if deep else "quick_check"
    for (words,) in connection.execute(f"PRAGMA {check}({MOST})"):
        if words != "ok":
            yield Damage(f"the file is damaged: {words}")


def _mail(connection: sqlite3.Connection, _deep: bool) -> Iterator[Damage]:
    for row in connection.execute(query("select_all_mail")):
        if row["unread"] or readable_input(row["input"]) is None:
            words = f"mail {row['mail_id']} of run {row['run_id']} cannot be read and reaches nobody"
            yield Damage(words, row["run_id"])


def _timers(connection: sqlite3.Connection, _deep: bool) -> Iterator[Damage]:
    for row in connection.execute(query("select_odd_timers")):
        run_id, timer = (bytes(part).decode(errors="replace") for part in row)
        yield Damage(f"a timer of run {run_id} cannot be read and never fires: {timer}", run_id)


def _requests(connection: sqlite3.Connection, deep: bool) -> Iterator[Damage]:
    for row in connection.execute(query("select_request_openings"), {"every": deep}):
        try:
            decode(row["payload"] or "")["body"]
        except (ValueError, KeyError, TypeError):
            words = f"{row['kind']} {row['request_id']} of run {row['run_id']} cannot be shown"
            yield Damage(f"{words}: the event that opened it cannot be read", row["run_id"])


def _runs(connection: sqlite3.Connection, deep: bool) -> Iterator[Damage]:
    """Every event of a run is there and can be read, and together they give what its row says."""
    for row in connection.execute(query("select_run_ends"), {"every": deep}):
        words = _fault_of(connection, row)
        if words is not None:
            yield Damage(f"run {row['run_id']}: {words}", row["run_id"])


def _fault_of(connection: sqlite3.Connection, row: sqlite3.Row) -> str | None:
    try:
        history = [
            stored_event(item) for item in connection.execute(query("events_after"), (row["run_id"], 0))
        ]
        numbers = [stored.run_seq for stored in history]
        if numbers != list(range(1, row["run_seq"] + 1)):
            return f"{len(numbers)} of its {row['run_seq']} events are there"
        status = run_head(fold(stored.event for stored in history)).status.value
    except VasiniError as error:
        return error.message
    except (ValueError, KeyError, TypeError, AttributeError, sqlite3.DatabaseError) as error:
        return f"its events cannot be followed: {type(error).__name__} {error}"
    if status != row["status"]:
        return f"its events make it {status}, its row says {row['status']}"
    return None
