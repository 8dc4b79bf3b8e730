"""What the model of a turn says just now: the newest lines, the last one as far as it has come."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from screens.run.conversation.blocks import written

if TYPE_CHECKING:
    from engine.contracts.runs.run import OutputLine
    from engine.facade.runs import Runs
    from engine.safe_text import SafeText

LINES = 200
"""Of a turn that is under way; the pane Output has more, and the turn has all when it has ended."""
_AT_ONCE = 50
"""So many older lines go together: when some go, all that stay are laid out anew."""
_FROM_END = 64 * 1024


class Speech:
    """Of one step of a run. `lines` stand behind bars, as everything that a model writes."""

    def __init__(self, runs: Runs, run_id: str, step_id: str) -> None:
        self.step_id = step_id
        self.lines: tuple[SafeText, ...] = ()
        self._runs = runs
        self._run_id = run_id
        self._next = -_FROM_END
        self._attempt = self._same = 0
        self._ended: list[SafeText] = []
        self._coming: tuple[str, ...] = ()
        self._safe_coming: tuple[SafeText, ...] = ()

    async def look(self) -> int | None:
        """Read what has come since the last look: how many of the lines before stand where they stood, None
        when nothing is new. What was read before is not made harmless again. Raises NotFound, Unavailable.
        """
        before, ended = self.lines, False
        coming: tuple[str, ...] = ()
        self._same = len(self._ended)
        while not ended:
            page = await self._runs.output(self._run_id, step_id=self.step_id, after=self._next)
            self._next, ended, coming = page.next, page.ended, tuple(map(_fenced, page.coming))
            for line in page.lines:
                self._turn_to(line)
                self._ended += written((_fenced(line),))
            for line in page.coming:
                self._turn_to(line)
        if coming != self._coming:
            self._coming, self._safe_coming = coming, written(coming)
        if len(self._ended) > LINES + _AT_ONCE:
            del self._ended[:-LINES]
            self._same = 0
        self.lines = (*self._ended, *self._safe_coming)
        pairs = enumerate(zip_longest(before[self._same :], self.lines[self._same :]), self._same)
        return next((place for place, (old, new) in pairs if old != new), None)

    def _turn_to(self, line: OutputLine) -> None:
        if line.attempt > self._attempt:  # asked again: what it said before counts no more
            self._attempt, self._same = line.attempt, 0
            self._ended.clear()


def _fenced(line: OutputLine) -> str:
    text = line.text.replace("\t", "    ")
    return f"│! {text}" if line.stream == "err" else f"│ {text}"
