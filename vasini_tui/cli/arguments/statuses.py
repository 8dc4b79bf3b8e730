"""Statuses as a person writes them: any case, `all` for every one."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from engine.contracts.status import RequestStatus, RunStatus
from screens.widgets.status_labels import RUN_WORDS
from vasini_tui.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL = "all"
REJECTED = "rejected"

OF_APPROVALS = tuple(status for status in RequestStatus if status is not RequestStatus.ANSWERED)
OF_QUESTIONS = (
    RequestStatus.PENDING,
    RequestStatus.ANSWERED,
    RequestStatus.EXPIRED,
    RequestStatus.WITHDRAWN,
)
"""Those of forms and of calls that were interrupted."""

S = TypeVar("S", bound=StrEnum)


def statuses_named(names: Iterable[str], kind: Iterable[S], also: tuple[str, ...] = ()) -> tuple[S, ...]:
    """The statuses; an empty tuple means all. Raises UsageError with the names there are."""
    known = {status.value: status for status in kind}
    found: list[S] = []
    for name in names:
        if name.lower() == ALL:
            return ()
        if name.upper() not in known:
            raise UsageError(f"--status knows {', '.join((*known, *also, ALL))}; not {name!r}")
        found.append(known[name.upper()])
    return tuple(dict.fromkeys(found))


def run_statuses(names: Iterable[str]) -> tuple[tuple[RunStatus, ...], bool | None]:
    """Statuses of runs, and of failed ones whether only the rejected (or only the others) are meant.

    They may be written as they are told. A run that a person rejected is `rejected`, not `failed`. Raises
    UsageError.
    """
    given = [RUN_WORDS.get(name.lower(), name) for name in names]
    rejected = [name for name in given if name.lower() == REJECTED]
    others = [RunStatus.FAILED.value if name in rejected else name for name in given]
    failed = [name for name in given if name.upper() == RunStatus.FAILED]
    only = None if bool(rejected) == bool(failed) else bool(rejected)
    return statuses_named(others, RunStatus, also=(REJECTED,)), only


def nothing_fits(what: str, status: RequestStatus | None, *, narrowed: bool) -> str:
    """What a person is told who finds none, by whether more was asked than which ones wait."""
    return f"no {what} fit" if narrowed or status is not RequestStatus.PENDING else f"no {what} wait"


def one_status(name: str, kind: Iterable[RequestStatus]) -> RequestStatus | None:
    """The status of requests that is meant, of those they can have; None for all. Raises UsageError."""
    found = statuses_named((name,), kind)
    return found[0] if found else None
