"""The rows of a page that can be read, and the ids of those that are damaged."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from engine.contracts.runs.listed import Page
from engine.errors import ErrorCode, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

logger = logging.getLogger(__name__)
R = TypeVar("R")
T = TypeVar("T")


async def page_of(
    rows: Sequence[R], view: Callable[[R], Awaitable[T]], id_of: Callable[[R], str], following: str | None
) -> Page[T]:
    """A page of views. A damaged row is named and spoils no other; other failures are raised."""
    items: list[T] = []
    unreadable: list[str] = []
    for row in rows:
        try:
            items.append(await view(row))
        except Unavailable as error:
            if error.code is not ErrorCode.JOURNAL_CORRUPT:
                raise
            logger.warning("left out of a list: %s", error.message)
            unreadable.append(_named(id_of(row)))
    following = None if following is None else _named(following)
    return Page(items=tuple(items), next=following, unreadable=tuple(unreadable))


def _named(row_id: str | bytes) -> str:
    """An id, which may be what is damaged."""
    return row_id if isinstance(row_id, str) else row_id.decode(errors="backslashreplace")
