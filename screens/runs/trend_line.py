"""How many runs ended in each hour of the last day, where there is room for it. It comes after the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import VasiniError
from engine.safe_text import sanitize
from screens.widgets.numbers import percent
from screens.widgets.plain import Plain
from screens.widgets.sparkline import sparkline
from screens.widgets.working import begin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.governing.slo import Trend
    from screens.frame.console_state import ConsoleState

AGAIN_SECONDS = 60.0
_FIRST_SECONDS = 0.5
"""The list comes first."""
TALL = 32
"""Lines of a terminal that has room."""


class TrendLine(Plain):
    """Asks once a minute, and not where it is not shown."""

    def __init__(self, state: ConsoleState) -> None:
        super().__init__(id="trend")
        self._state = state

    def on_mount(self) -> None:
        """Nothing is shown before it is known."""
        self.display = False
        self.set_timer(_FIRST_SECONDS, self._look)
        self.set_interval(AGAIN_SECONDS, self._look)

    def _look(self) -> None:
        if self.screen.is_current and self.app.size.height >= TALL:
            begin(self, self._read, group="trend", exclusive=True)

    async def _read(self) -> None:
        try:
            trends = await self._state.engine.levels.trends()
        except VasiniError:  # the list says that nothing can be read
            return
        words = trend_words(trends, self.app.size.width)
        self.display = bool(words)
        self.show((sanitize(words), "$quiet"))


def trend_words(trends: Sequence[Trend], cells: int) -> str:
    """All packs together, as far as so many cells hold it; empty where no run ended."""
    if not trends:
        return ""
    by_hour = [sum(hour) for hour in zip(*(trend.runs for trend in trends), strict=True)]
    runs, failed = sum(by_hour), sum(sum(trend.failed) for trend in trends)
    if not runs:
        return ""
    line = sparkline(by_hour, len(by_hour))
    words = f" Ended, {len(by_hour)} h  {line}  {runs:,} runs · {percent((runs - failed) / runs)} % completed"
    most = f" · at most {max(by_hour):,} in an hour"
    return words + most if len(words + most) <= cells else words
