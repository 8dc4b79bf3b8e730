"""Lines of many calls on their way into their files: what comes within a moment goes together."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.runtime.files.live_output import LiveOutput, UnwrittenLines

if TYPE_CHECKING:
    from engine.runtime.files.call_outputs import CallOutputs

GATHER_SECONDS = 0.1


class LineWriter:
    """Writes the lines of each run in the order in which they came, in one thread, a moment after the first:
    a file that is opened for every call costs more than its lines. Until then `live_output` has them."""

    def __init__(self, outputs: CallOutputs, live_output: LiveOutput | None = None) -> None:
        self._outputs = outputs
        self._live_output = live_output or LiveOutput()
        self._waiting: dict[str, UnwrittenLines] = {}
        self._soon: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._hurried = False

    def keep(self, pack: str, run_id: str, lines: bytes) -> asyncio.Future[bool]:
        """False once the run's file has reached its size; the error of `CallOutputs.append`."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting.get(run_id)
        if waiting is None:
            waiting = self._waiting[run_id] = UnwrittenLines(pack, run_id, loop.create_future())
            self._live_output.lines.setdefault(run_id, []).append(waiting)
        waiting.lines.append(lines)
        if self._soon is None and self._writing is None:
            self._soon = loop.call_later(GATHER_SECONDS, self._begin)
        return waiting.kept

    async def written(self, run_id: str) -> None:
        """All lines of a run that came until now are in its file, or will never be."""
        if on_the_way := self._live_output.lines.get(run_id):
            self._hurried = True
            if self._writing is None:
                self._begin()
            await asyncio.wait([one.kept for one in on_the_way])

    def _begin(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        taken: dict[str, UnwrittenLines] = {}
        try:
            while self._waiting:
                taken, self._waiting, self._hurried = self._waiting, {}, False
                outcomes = await asyncio.to_thread(self._append, [*taken.values()])
                for one, outcome in zip(taken.values(), outcomes, strict=True):
                    self._live_output.written(one)
                    if isinstance(outcome, Exception):
                        one.kept.set_exception(outcome)
                    else:
                        one.kept.set_result(outcome)
                if self._waiting and not self._hurried:
                    self._soon = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._begin)
                    return
        except asyncio.CancelledError:  # the loop ends: nobody is left waiting
            for one in (*taken.values(), *self._waiting.values()):
                one.kept.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - such as no thread that can be started: nobody waits on
            left, self._waiting = [*taken.values(), *self._waiting.values()], {}
            for one in left:
                if not one.kept.done():
                    self._live_output.written(one)
                    one.kept.set_exception(error)
        finally:
            self._writing = None

    def _append(self, taken: list[UnwrittenLines]) -> list[bool | Exception]:
        return [self._appended(one) for one in taken]

    def _appended(self, one: UnwrittenLines) -> bool | Exception:
        try:
            return self._outputs.append(one.pack, one.run_id, b"".join(one.lines))
        except Exception as error:  # noqa: BLE001 - raised where its lines are waited for, others go on
            return error
