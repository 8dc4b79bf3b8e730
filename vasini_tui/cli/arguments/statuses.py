"""Statuses as a person writes them: any case, `all` for every one."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from engine.contracts.status import RequestStatus
from vasini_tui.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL = "all"

S = TypeVar("S", bound=StrEnum)


def statuses_named(names: Iterable[str], kind: type[S]) -> tuple[S, ...]:
    """The statuses; an empty tuple means all. Raises UsageError with the names there are."""
    found: list[S] = []
    for name in names:
        if name.lower() == ALL:
            return ()
        try:
            found.append(kind(name.upper()))
        except ValueError:
            known = ", ".join((*(status.value for status in kind), ALL))
            raise UsageError(f"--status knows {known}; not {name!r}") from None
    return tuple(dict.fromkeys(found))


def one_status(name: str) -> RequestStatus | None:
    """The status of requests that is meant; None for all. Raises UsageError."""
    found = statuses_named((name,), RequestStatus)
    return found[0] if found else None
