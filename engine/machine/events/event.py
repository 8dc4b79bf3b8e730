"""Events: what a kind of them is, and one event.

A kind is a frozen class: its fields are the payload, `apply` is what it does to a run's state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

from engine.frozen import frozen

if TYPE_CHECKING:
    from engine.machine.model.state import RunState


ENGINE = "engine"
VERSION_KEY = "v"
"""Payload key of an event's version at rest; left out for the first one."""
VIA_KEY = "via"
"""Payload key of where it was done from (cli, console, ...); left out when the engine did it."""

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


def doc(words: str) -> dict[str, str]:
    """Metadata of a payload field: what it means, for docs/events.md."""
    return {"doc": words}


@frozen
class Fact(ABC):
    """What happened: one class per kind, its fields are the payload (None and False are left out)."""

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    upgrades: ClassVar[Mapping[int, Upgrade]] = {}
    """From an earlier version of the payload to the next one."""

    @abstractmethod
    def apply(self, state: RunState, event: Event) -> RunState:
        """The state after it, not yet counted. Raises InvalidTransition when it does not fit."""


@frozen
class Record(Fact):
    """A fact that is kept for whoever reads the history: the state stays as it was."""

    def apply(self, state: RunState, event: Event) -> RunState:
        """The same state."""
        return state


@frozen
class Event:
    """One fact: when (microseconds UTC), by whom and from where, and of which execution or branch."""

    fact: Fact
    ts: int
    actor: str
    step_id: str | None = None
    via: str = ENGINE

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return self.fact.kind

    @property
    def payload(self) -> dict[str, Any]:
        """Its data as the journal keeps them, with version and origin where they are not the usual."""
        fact = self.fact
        names, values = _payload_of(type(fact))
        found = {
            name: value
            for name, value in zip(names, values(fact), strict=True)
            if value is not None and value is not False
        }
        if fact.version > 1:
            found[VERSION_KEY] = fact.version
        if self.via != ENGINE:
            found[VIA_KEY] = self.via
        return found


@cache
def payload_names(kind: type[Fact]) -> tuple[str, ...]:
    """The keys of its payload."""
    return tuple(field.name for field in fields(kind))


@cache
def _payload_of(kind: type[Fact]) -> tuple[tuple[str, ...], Callable[[Fact], tuple[Any, ...]]]:
    """The same with what reads all their values at once: the journal and the feed read each event."""
    names = payload_names(kind)
    if len(names) < 2:  # `attrgetter` gives one value by itself, and takes no empty list
        return names, lambda fact: tuple(getattr(fact, name) for name in names)
    return names, attrgetter(*names)
