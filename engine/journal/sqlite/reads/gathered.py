"""Rows that are asked for in one turn of the event loop, read with one statement.

Each answer of the reading thread wakes the loop and takes the interpreter from the writing thread: to whoever
decides many requests at once that costs more than the reading.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

from engine.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

T = TypeVar("T")


class GatheredRows(Generic[T]):
    """Rows by their ids. `read` reads many at once, and leaves out those that are not there."""

    def __init__(self, read: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]) -> None:
        self._read = read
        self._asked: set[str] = set()
        self._beside: list[asyncio.Future[Mapping[str, T] | None]] = []
        """Those that asked beside the one that reads for all."""

    async def row(self, row_id: str) -> T | None:
        """The row of that id, None when there is none. Raises what `read` raises, as a rule Unavailable."""
        found: Mapping[str, T] | None = None
        while found is None:
            reads = not self._asked
            self._asked.add(row_id)
            found = await (self._read_for_all() if reads else self._read_beside())
        return found.get(row_id)

    async def _read_for_all(self) -> Mapping[str, T]:
        beside, failure = self._beside, None
        found: Mapping[str, T] | None = None
        try:
            try:
                await asyncio.sleep(0)  # whoever asks in this turn
            finally:
                asked, self._asked, self._beside = sorted(self._asked), set(), []
            found = await self._read(asked)
        except Unavailable as error:
            failure = error
            raise
        finally:
            for answer in beside:
                if answer.done():
                    continue
                if failure is not None:
                    answer.set_exception(failure)
                else:
                    answer.set_result(found)
        return found

    async def _read_beside(self) -> Mapping[str, T] | None:
        """What was read for all; None when the one that was to read it did not get to the end."""
        answer: asyncio.Future[Mapping[str, T] | None] = asyncio.get_running_loop().create_future()
        self._beside.append(answer)
        return await answer
