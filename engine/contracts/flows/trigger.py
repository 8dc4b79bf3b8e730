"""What starts runs of a flow without a person: moments of a calendar, and files that appear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from engine.contracts.flows.step import StepId
from engine.contracts.model import Contract
from engine.contracts.moment import TimeZoneName

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TRIGGERS = 20
_FIELDS = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SET_BACK = 3 * 3_600_000_000
"""Microseconds that are more than any clock is set back in the autumn."""


def _schedule(text: str) -> str:
    if len(text.split()) == _FIELDS and _comes_to_pass(text):  # a sixth field would be seconds
        return text
    expected = "a cron schedule of five fields that comes to pass, such as `0 8 * * 1-5`"
    raise PydanticCustomError("cron", "expected {expected}", {"expected": expected})


def _comes_to_pass(schedule: str) -> bool:
    try:
        next(CronSim(schedule, _EPOCH))
    except (CronSimError, StopIteration):
        return False
    return True


def _watched(path: str) -> str:
    if not path.startswith(("/", "~/")):
        expected = "an absolute path, or one that begins with `~/`; it may hold `*`, `?` and `[...]`"
        raise PydanticCustomError("watched", "expected {expected}", {"expected": expected})
    if "\0" in path:
        raise PydanticCustomError("watched", "expected {expected}", {"expected": "a path without NUL"})
    return path


class TriggerFields(Contract):
    """What every trigger has."""

    id: StepId
    enabled: bool = Field(default=True, description="False: it starts nothing.")
    payload: dict[str, Any] = Field(
        default_factory=dict, description="The start payload; its templates know `trigger`."
    )
    overlap: Literal["skip", "start"] = Field(
        default="skip", description="While the run before is not over: start no other, or start one."
    )


class CronTrigger(TriggerFields):
    """Starts a run at moments of a calendar."""

    type: Literal["cron"]
    schedule: Annotated[str, AfterValidator(_schedule)] = Field(
        max_length=200, description="Five fields: minute, hour, day of the month, month, day of the week."
    )
    time_zone: TimeZoneName = "UTC"
    misfire: Literal["once", "skip"] = Field(
        default="once",
        description="When nobody worked at the moment: start once for all that were missed, or not at all.",
    )

    def moments(self, after: int) -> Iterator[int]:
        """Its moments after one, microseconds UTC; they may end."""
        # in an hour that comes twice the search begins in the first of the two
        yield from (moment for moment in self._moments(after, reverse=False) if moment > after)

    def last(self, now: int) -> int | None:
        """Its last moment up to now."""
        # the moment itself counts, and its search begins a minute later
        starts = [now + 60_000_000 - now % 60_000_000]
        if self.local(now - _SET_BACK).utcoffset() != self.local(now + _SET_BACK).utcoffset():
            starts.append(now + _SET_BACK)  # on the wall a moment that is over may stand behind this one
        found = (next((m for m in self._moments(one, reverse=True) if m <= now), None) for one in starts)
        return max((moment for moment in found if moment is not None), default=None)

    def local(self, moment: int) -> datetime:
        """The moment in its time zone."""
        return (_EPOCH + moment * _MICROSECOND).astimezone(ZoneInfo(self.time_zone))

    def _moments(self, start: int, *, reverse: bool) -> Iterator[int]:
        for found in CronSim(self.schedule, self.local(start), reverse=reverse):
            yield (found - _EPOCH) // _MICROSECOND


class WatchTrigger(TriggerFields):
    """Starts a run for each file that appears."""

    type: Literal["watch"]
    path: Annotated[str, AfterValidator(_watched)] = Field(
        max_length=1_000, description="A file, or a pattern of files (`*`, `?`, `[...]`)."
    )


TRIGGER_TYPES = ("cron", "watch")

Trigger = Annotated[CronTrigger | WatchTrigger, Field(discriminator="type")]


class TriggerStart(Contract):
    """A start that a trigger will make."""

    at: datetime = Field(description="In the time zone of the trigger.")
    pack: str
    flow: str
    trigger: str
    schedule: str


class TriggerState(Contract):
    """One trigger of a pack in force."""

    pack: str
    flow: str
    trigger: str
    type: Literal["cron", "watch"]
    on: str = Field(description="Its schedule with the time zone, or the path.")
    off: str | None = Field(default=None, description="Why it starts nothing; None when it is on.")


class TriggerList(Contract):
    """The starts that come next, and every trigger."""

    starts: tuple[TriggerStart, ...]
    triggers: tuple[TriggerState, ...]
