"""What the model of a turn says just now: the newest lines, the last one as far as it has come."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.runs.run import OutputLine
    from engine.facade.runs import Runs

LINES = 200
"""Of a turn that is under way; the pane Output has more, and the turn has all when it has ended."""
_FROM_END = 64 * 1024


class Speech:
    """Of one step of a run. Reads what has come since the last look."""

    def __init__(self, runs: Runs, run_id: str, step_id: str) -> None:
        self.step_id = step_id
        self._runs = runs
        self._run_id = run_id
        self._next = -_FROM_END
        self._attempt = 0
        self._lines: deque[str] = deque(maxlen=LINES)
        self._coming: tuple[str, ...] = ()

    async def look(self) -> bool:
        """Whether there is anything new. Raises NotFound, Unavailable."""
        fresh, ended = False, False
        before = self._coming
        while not ended:
            page = await self._runs.output(self._run_id, step_id=self.step_id, after=self._next)
            self._next, ended = page.next, page.ended
            for line in page.lines:
                self._turn_to(line)
                self._lines.append(_fenced(line))
            fresh |= bool(page.lines)
            for line in page.coming:
                self._turn_to(line)
            self._coming = tuple(_fenced(line) for line in page.coming)
        return fresh or self._coming != before

    def lines(self) -> Iterator[str]:
        """Behind bars, as everything that a model writes."""
        yield from self._lines
        yield from self._coming

    def _turn_to(self, line: OutputLine) -> None:
        if line.attempt > self._attempt:  # asked again: what it said before counts no more
            self._attempt = line.attempt
            self._lines.clear()


def _fenced(line: OutputLine) -> str:
    text = line.text.replace("\t", "    ")
    return f"│! {text}" if line.stream == "err" else f"│ {text}"
