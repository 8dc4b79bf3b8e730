"""What is typed after `/` on the runs screen, as a filter of the engine, with its faults in words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RunStatus
from engine.safe_text import sanitize
from screens.widgets.status_labels import REJECTED, RUN_LABELS, RUN_WORDS

if TYPE_CHECKING:
    from datetime import datetime

EXAMPLE = "words  status:failed,paused pack: flow: by: error: words: age:<2h ended:<12h"
FAILED_LATELY = "status:failed,dead_letter ended:<24h"
"""What failed within the last day."""

_NAMES = {"pack": "pack", "flow": "flow", "by": "requested_by", "error": "error"}
_BOUNDS = {"age": ("created_after", "created_before"), "ended": ("ended_after", "ended_before")}
_WORDS = {**RUN_WORDS, REJECTED.word: RunStatus.FAILED}
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
    """The filter of all that was understood, words for what was not and so does not count, and for what
    looks like a field and is looked for as a word."""

    filters: RunFilter
    faults: tuple[str, ...]
    no_fields: tuple[str, ...] = ()


def run_query(typed: str, tenant: str, now: datetime) -> RunQuery:
    """Read a filter. Never raises.

    Words are looked for in ids, packs, flows and requesters, but a word that is a status filters by it.
    `status:` takes statuses or their beginnings, divided by commas; several are joined by or. `pack:`,
    `flow:` (also as pack/flow), `by:` and `error:` name one exactly, `words:` looks for words of title,
    input, error and output. `age:<2h` are runs younger than that, `age:>3d` older ones
    (s, m, h, d, w), `ended:` likewise runs by when they ended. Without a filter runs that another one
    started are left out: they are folded under it.
    """
    reading = _Reading(now)
    for word in sanitize(typed).split():
        reading.take(word)
    text = " ".join(reading.words) or None
    asked: dict[str, Any] = {
        "status": tuple(reading.statuses),
        "text": text,
        **reading.names,
        **reading.moments,
    }
    nested = None if any(asked.values()) else False
    rejected = next(iter(reading.rejected)) if len(reading.rejected) == 1 else None
    filters = RunFilter(**asked, rejected=rejected, nested=nested, tenant=tenant)
    return RunQuery(filters, tuple(reading.faults), tuple(reading.no_fields))


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    now: datetime
    statuses: list[RunStatus] = field(default_factory=list)
    rejected: set[bool] = field(default_factory=set)
    """Of those that failed: whether the rejected ones are meant, the others, or both."""
    names: dict[str, str] = field(default_factory=dict)
    moments: dict[str, datetime] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    no_fields: list[str] = field(default_factory=list)

    def take(self, word: str) -> None:
        """One word of the filter."""
        name, colon, value = word.partition(":")
        if colon and name == "status":
            for part in value.split(","):
                self._status(part)
        elif colon and name == "words":
            self._looked_for(value)
        elif colon and name in _BOUNDS:
            self._age(name, value)
        elif colon and name in _NAMES:
            self._name(name, value)
        elif word.lower() in _WORDS:
            self._add(word.lower())
        else:
            if colon and name.isalpha():
                self.no_fields.append(f"{name}: is no field, so {word} is a word to find")
            self.words.append(word)

    def _status(self, value: str) -> None:
        fitting = [word for word in _WORDS if value and word.startswith(value.lower())]
        for word in fitting:
            self._add(word)
        if not fitting:
            labels = (*RUN_LABELS.values(), REJECTED)
            known = ", ".join(label.word.replace(" ", "_") for label in labels)
            self.faults.append(
                f"no status begins with {value}: {known}" if value else f"status: takes {known}"
            )

    def _add(self, word: str) -> None:
        status = _WORDS[word]
        if status not in self.statuses:
            self.statuses.append(status)
        if status is RunStatus.FAILED:
            self.rejected.add(word == REJECTED.word)

    def _looked_for(self, value: str) -> None:
        if any(character.isalnum() for character in value):
            self.names["words"] = " ".join(filter(None, (self.names.get("words"), value)))
        else:
            self.faults.append("words: wants a word of the title, the input, the error or the output")

    def _name(self, name: str, value: str) -> None:
        if name == "flow" and "/" in value:  # as the column has it, and the command line
            pack, _, value = value.partition("/")
            self._name("pack", pack)
        if not value:
            self.faults.append(f"{name}: wants a name")
        elif self.names.setdefault(_NAMES[name], value) != value:
            self.faults.append(f"{name}: takes one name, {value} is left out")

    def _age(self, name: str, value: str) -> None:
        found = _AGE.fullmatch(value)
        if found is None:
            self.faults.append(f"{name}: wants < or >, a number and s, m, h, d or w, as in {name}:<2h")
            return
        sign, number, unit = found.groups()
        bound = _BOUNDS[name][sign != "<"]
        moment = self.now - int(number) * _UNITS[unit]
        if self.moments.setdefault(bound, moment) != moment:
            self.faults.append(f"{name}:{sign} stands twice, {value} is left out")
