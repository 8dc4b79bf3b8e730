"""What is counted of the runs that ended in a stretch of time, and how old stretches become longer ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.slo.sketch import add_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.slo.sketch import Sketch

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
"""Microseconds."""
SHORTEST = 5 * MINUTE
AGES = ((SHORTEST, 8 * HOUR), (HOUR, 4 * DAY))
"""Length of a bucket, and how old it becomes before it is folded into the next length, at last a day."""
LENGTHS = (SHORTEST, HOUR, DAY)
MOST_DAYS = 100
"""So many of the longest are kept: counted, so that a clock that was set drops none."""


@dataclass(frozen=True, slots=True)
class RoleCounts:
    """Requests that ask for one role: decided or past their time, and how long people took."""

    asked: int = 0
    expired: int = 0
    waits: Sketch = field(default_factory=dict)

    def plus(self, other: RoleCounts) -> RoleCounts:
        """Both together."""
        waits = {**self.waits}
        add_all(waits, other.waits)
        return RoleCounts(self.asked + other.asked, self.expired + other.expired, waits)


@dataclass(slots=True)
class Bucket:
    """Counts of one stretch."""

    start: int
    """In microseconds, as `width`."""
    width: int = SHORTEST
    good: int = 0
    """Runs, as `bad` and `excluded`."""
    bad: int = 0
    excluded: int = 0
    """Those that a person took out of either."""
    asked: int = 0
    """Requests that people decided, or that passed their time."""
    expired: int = 0
    """Those of them that passed it."""
    codes: dict[str, int] = field(default_factory=dict)
    """Why runs were bad."""
    times: Sketch = field(default_factory=dict)
    """Working times of good runs."""
    waits: Sketch = field(default_factory=dict)
    """How long people took."""
    cost: int = 0
    """Of `priced` good runs, in billionths; runs that ended before this was counted are in neither."""
    priced: int = 0
    tokens: int = 0
    """Those of `metered` good runs, likewise."""
    metered: int = 0
    flagged: int = 0
    """Runs that people flagged."""
    stated: int = 0
    """Runs whose agents told how sure they were."""
    doubtful: int = 0
    """Those of them that were not sure enough; none of these is `flagged`."""
    roles: dict[str, RoleCounts] = field(default_factory=dict)
    """The same of requests, by who is asked."""

    def add(self, other: Bucket) -> None:
        """Count what another one counted, too."""
        self.good += other.good
        self.bad += other.bad
        self.excluded += other.excluded
        self.asked += other.asked
        self.expired += other.expired
        self.cost += other.cost
        self.priced += other.priced
        self.tokens += other.tokens
        self.metered += other.metered
        self.flagged += other.flagged
        self.stated += other.stated
        self.doubtful += other.doubtful
        for code, count in other.codes.items():
            self.codes[code] = self.codes.get(code, 0) + count
        for role, counts in other.roles.items():
            self.roles[role] = self.roles[role].plus(counts) if role in self.roles else counts
        add_all(self.times, other.times)
        add_all(self.waits, other.waits)

    @property
    def end(self) -> int:
        """The first microsecond after it."""
        return self.start + self.width

    @property
    def total(self) -> int:
        """Runs that count."""
        return self.good + self.bad

    @property
    def wrong(self) -> int:
        """Runs that told what is not so, as far as people or their agents say."""
        return self.flagged + self.doubtful


def start_of(moment: int, width: int = SHORTEST) -> int:
    """Where the stretch begins that holds a moment."""
    return moment // width * width


def merged(buckets: Sequence[Bucket], start: int, width: int) -> Bucket:
    """One bucket with what all of them counted."""
    whole = Bucket(start, width)
    for bucket in buckets:
        whole.add(bucket)
    return whole


def since(buckets: Iterable[Bucket], moment: int) -> list[Bucket]:
    """Those that end after a moment: the window is as exact as the bucket that it begins in."""
    return [bucket for bucket in buckets if bucket.start + bucket.width > moment]


def folded(buckets: Iterable[Bucket], width: int) -> list[Bucket]:
    """The same counts in buckets of a greater width, ordered by time."""
    groups: dict[int, list[Bucket]] = {}
    for bucket in buckets:
        groups.setdefault(start_of(bucket.start, width), []).append(bucket)
    return [merged(found, start, width) for start, found in sorted(groups.items())]
