"""What is typed after `/` on the runs screen, as a filter of the engine, with its faults in words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from engine.contracts.run import RunFilter
from engine.safe_text import sanitize
from screens.widgets.status_labels import RUN_LABELS, RUN_WORDS

if TYPE_CHECKING:
    from datetime import datetime

    from engine.contracts.status import RunStatus

EXAMPLE = "words  status:failed,paused  pack:NAME  flow:NAME  by:NAME  age:<2h  age:>3d"

_NAMES = {"pack": "pack", "flow": "flow", "by": "requested_by"}
_AGE = re.compile(r"([<>])([0-9]{1,5})([smhdw])")
"""No more digits: 99,999 weeks ago is still a date."""
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


@dataclass(frozen=True, slots=True)
class RunQuery:
    """The filter of all that was understood, and words for what was not and so does not count."""

    filters: RunFilter
    faults: tuple[str, ...]


def run_query(typed: str, tenant: str, now: datetime) -> RunQuery:
    """Read a filter. Never raises.

    Words are looked for in ids, packs, flows and requesters, but a word that is a status filters by it.
    `status:` takes statuses or their beginnings, divided by commas; several are joined by or. `pack:`,
    `flow:` and `by:` name one exactly. `age:<2h` are runs younger than that, `age:>3d` older ones
    (s, m, h, d, w).
    """
    reading = _Reading(now)
    for word in sanitize(typed).split():
        reading.take(word)
    text = " ".join(reading.words) or None
    named = {"status": tuple(reading.statuses), "tenant": tenant, "text": text}
    filters = RunFilter.model_validate(named | reading.names | reading.moments)
    return RunQuery(filters, tuple(reading.faults))


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    now: datetime
    statuses: list[RunStatus] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    moments: dict[str, datetime] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def take(self, word: str) -> None:
        """One word of the filter."""
        name, colon, value = word.partition(":")
        if colon and name == "status":
            for part in value.split(","):
                self._status(part)
        elif colon and name == "age":
            self._age(value)
        elif colon and name in _NAMES:
            self._name(name, value)
        elif word.lower() in RUN_WORDS:
            self._add(RUN_WORDS[word.lower()])
        else:
            if colon and name.isalpha():
                self.faults.append(f"{name}: is no field, so {word} is a word to find")
            self.words.append(word)

    def _status(self, value: str) -> None:
        fitting = [status for word, status in RUN_WORDS.items() if value and word.startswith(value.lower())]
        for status in fitting:
            self._add(status)
        if not fitting:
            known = ", ".join(label.word.replace(" ", "_") for label in RUN_LABELS.values())
            self.faults.append(
                f"no status begins with {value}: {known}" if value else f"status: takes {known}"
            )

    def _add(self, status: RunStatus) -> None:
        if status not in self.statuses:
            self.statuses.append(status)

    def _name(self, name: str, value: str) -> None:
        if not value:
            self.faults.append(f"{name}: wants a name")
        elif self.names.setdefault(_NAMES[name], value) != value:
            self.faults.append(f"{name}: takes one name, {value} is left out")

    def _age(self, value: str) -> None:
        found = _AGE.fullmatch(value)
        if found is None:
            self.faults.append("age: wants < or >, a number and s, m, h, d or w, as in age:<2h")
            return
        sign, number, unit = found.groups()
        bound = "created_after" if sign == "<" else "created_before"
        moment = self.now - int(number) * _UNITS[unit]
        if self.moments.setdefault(bound, moment) != moment:
            self.faults.append(f"age:{sign} stands twice, {value} is left out")
