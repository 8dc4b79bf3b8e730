"""Questions at soft caps whose window is not the one in force: clocks are set forward and back. Pure.

A window that is over by the clock takes its question along. When the clock is set back the window is in force
again, its soft cap still reached, and nobody would be asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.budget.caps import window_around
from engine.contracts.governing.budget import CapWindow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from engine.journal.spend_rows import ActRow

MOST = 50
"""So many are known, the newest ones: most windows that are over stay so."""


@dataclass(frozen=True, slots=True)
class LateQuestion:
    """A question whose window was not in force when it was looked at; it was asked `times` again since."""

    times: int
    stands: bool
    window: str
    since: int


@dataclass(slots=True)
class LateQuestions:
    """Those that are known, by the number of the act that each is about."""

    known: dict[int, LateQuestion] = field(default_factory=dict)

    def overtaken(self, act: ActRow) -> None:
        """Its window is not in force: there is no question any more, or there never was one."""
        late = self.known.get(act["act"])
        if late is None:
            late = LateQuestion(0, stands=True, window=act["cap_window"], since=act["since"])
        self.known[act["act"]] = replace(late, stands=False)

    def due(self, now: int, zone: ZoneInfo, standing: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Acts that are to be asked about, and how often they then were; none that people are asked about."""
        there = set(standing)
        for number, late in sorted(self.known.items()):
            if not late.stands and number not in there and is_current(late.window, late.since, now, zone):
                yield number, late.times + 1

    def asked(self, number: int, times: int) -> None:
        """It was asked again."""
        self.known[number] = replace(self.known[number], times=times, stands=True)

    def noted(self) -> dict[str, Any]:
        """As it is kept."""
        newest = sorted(self.known)[-MOST:]
        kept = {number: self.known[number] for number in newest}
        return {str(number): [one.times, one.stands, one.window, one.since] for number, one in kept.items()}

    @classmethod
    def read(cls, noted: dict[str, Any]) -> LateQuestions:
        """From what was kept."""
        return cls({int(number): LateQuestion(*one) for number, one in noted.items()})


def is_current(window: str, since: int, now: int, zone: ZoneInfo) -> bool:
    """Whether a window that began then is the one in force."""
    begins, _ = window_around(CapWindow(window), now, zone)
    return begins == since
