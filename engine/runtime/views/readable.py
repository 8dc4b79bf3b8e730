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
            unreadable.append(id_of(row))
    return Page(items=tuple(items), next=following, unreadable=tuple(unreadable))
