"""Lists read to their end, of which no more is held than a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from engine.contracts.runs.listed import Page

T = TypeVar("T")


async def every_page(read: Callable[[str | None], Awaitable[Page[T]]]) -> AsyncIterator[Page[T]]:
    """All pages of a list; `read` gives the one after a cursor, or the first. Raises what it raises."""
    page = await read(None)
    yield page
    while page.next is not None:
        page = await read(page.next)
        yield page


async def first_of(read: Callable[[str | None], Awaitable[Page[T]]]) -> T | None:
    """The first that can be read; None of none."""
    async for page in every_page(read):
        if page.items:
            return page.items[0]
    return None
