"""Lines of many calls on their way into their files: what came while others were written goes together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.runtime.files.call_outputs import CallOutputs


@dataclass(slots=True)
class _Lines:
    pack: str
    run_id: str
    lines: bytes
    kept: asyncio.Future[bool]


class LineWriter:
    """Writes lines in the order in which they came, in one thread: a thread for each call costs more than
    its lines."""

    def __init__(self, outputs: CallOutputs) -> None:
        self._outputs = outputs
        self._waiting: list[_Lines] = []
        self._writing: asyncio.Task[None] | None = None

    def keep(self, pack: str, run_id: str, lines: bytes) -> asyncio.Future[bool]:
        """False once the run's file has reached its size; the error of `CallOutputs.append`."""
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(_Lines(pack, run_id, lines, kept))
        if self._writing is None:
            self._writing = loop.create_task(self._write())
        return kept

    async def _write(self) -> None:
        taken: list[_Lines] = []
        try:
            while self._waiting:
                taken, self._waiting = self._waiting, []
                outcomes = await asyncio.to_thread(self._append, taken)
                for one, outcome in zip(taken, outcomes, strict=True):
                    if one.kept.done():
                        continue
                    if isinstance(outcome, Exception):
                        one.kept.set_exception(outcome)
                    else:
                        one.kept.set_result(outcome)
        finally:
            self._writing = None
            for one in (*taken, *self._waiting):  # the loop ends: nobody is left waiting
                one.kept.cancel()
            self._waiting = []

    def _append(self, taken: list[_Lines]) -> list[bool | Exception]:
        return [self._appended(one) for one in taken]

    def _appended(self, one: _Lines) -> bool | Exception:
        try:
            return self._outputs.append(one.pack, one.run_id, one.lines)
        except Exception as error:  # noqa: BLE001 - raised where its lines are waited for, others go on
            return error
