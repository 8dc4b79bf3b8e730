"""The one reading thread of a process: what it read while the event loop was busy comes in one turn."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence


@dataclass(slots=True)
class _Question:
    statement: str
    arguments: Sequence[Any] | Mapping[str, Any]
    answer: asyncio.Future[list[sqlite3.Row]]
    rows: list[sqlite3.Row] = field(default_factory=list)
    error: Exception | None = None


class Reader:
    """Reads on a connection that is its own from now on, in the order in which it is asked."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._asked: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._read: deque[_Question] = deque()
        self._answering = False
        self._thread = threading.Thread(target=self._main, name="journal-reader", daemon=True)
        self._thread.start()

    async def rows(self, statement: str, arguments: Sequence[Any] | Mapping[str, Any]) -> list[sqlite3.Row]:
        """All rows of a statement. Raises what SQLite raises."""
        answer: asyncio.Future[list[sqlite3.Row]] = self._loop.create_future()
        self._asked.put(_Question(statement, arguments, answer))
        return await answer

    async def close(self) -> None:
        """Answer what was asked, then close."""
        self._asked.put(None)
        await asyncio.to_thread(self._thread.join)

    def _main(self) -> None:
        while (question := self._asked.get()) is not None:
            try:
                question.rows = self._connection.execute(question.statement, question.arguments).fetchall()
            except Exception as error:  # noqa: BLE001 - handed to the one who asked
                question.error = error
            self._read.append(question)
            if not self._answering:
                self._answering = True
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    self._loop.call_soon_threadsafe(self._answer)
        self._connection.close()

    def _answer(self) -> None:
        self._answering = False  # before the last look, so that what is read after it is answered as well
        while self._read:
            question = self._read.popleft()
            if question.answer.done():  # its caller was cancelled
                continue
            if question.error is not None:
                question.answer.set_exception(question.error)
            else:
                question.answer.set_result(question.rows)
