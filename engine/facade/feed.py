"""The facade's part for news: what happened, here and in every other process on the same journal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from contextlib import AbstractAsyncContextManager

    from engine.contracts.governing.slo import AlertView
    from engine.contracts.packs.versions import PackNotice
    from engine.contracts.runs.event_head import EventHead


class Topic(StrEnum):
    """What news can be about."""

    EVENTS = "events"
    CLAIMS = "claims"
    CAPS = "caps"
    ALERTS = "alerts"
    PACKS = "packs"


ALL_NEWS = frozenset(Topic)


@dataclass(frozen=True, slots=True)
class ClaimsChanged:
    """Somebody began or ended to look at a request."""

    topic: ClassVar[Topic] = Topic.CLAIMS
    key: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class CapsChanged:
    """A cap was set, taken back, topped up, or reached its warning."""

    topic: ClassVar[Topic] = Topic.CAPS
    key: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class AlertChanged:
    """An alert of a service level began, or ended: then `alert.ended` says when."""

    alert: AlertView
    topic: ClassVar[Topic] = Topic.ALERTS

    @property
    def key(self) -> str:
        """The alert, and which of both."""
        return f"{self.alert.number} {self.alert.ended is None}"


@dataclass(frozen=True, slots=True)
class PackListChanged:
    """A version was published, code was trusted, or files of packs changed."""

    topic: ClassVar[Topic] = Topic.PACKS
    key: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class PackChanged:
    """The files of one pack changed on disk."""

    pack: PackNotice
    topic: ClassVar[Topic] = Topic.PACKS

    @property
    def key(self) -> str:
        """The pack."""
        return self.pack.pack


Notice = ClaimsChanged | CapsChanged | AlertChanged | PackListChanged | PackChanged
"""News that are no event: they are kept nowhere. Of one kind and key the latest counts, an earlier one may be
dropped."""

N = TypeVar("N", ClaimsChanged, CapsChanged, AlertChanged, PackListChanged, PackChanged)


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """News since the last batch. `events` are durable and in order, and only say whom they concern: what they
    hold is read where it is shown. `lagged` says some were skipped because the reader was slow (read the
    journal for them); `notices` have one of each kind and key."""

    events: tuple[EventHead, ...] = ()
    lagged: bool = False
    notices: tuple[Notice, ...] = ()

    def about(self, topic: Topic) -> bool:
        """Whether something of the topic is new, or may be."""
        if topic is Topic.EVENTS and self.events:
            return True
        return self.lagged or any(notice.topic is topic for notice in self.notices)

    def of(self, kind: type[N]) -> tuple[N, ...]:
        """The notices of one kind."""
        return tuple(notice for notice in self.notices if isinstance(notice, kind))


def latest(notices: Collection[Notice]) -> tuple[Notice, ...]:
    """The newest notice of each kind and key, in the order in which they first came."""
    return tuple({(type(notice), notice.key): notice for notice in notices}.values())


class Feed(Protocol):
    """News from this process and every other one on the same journal."""

    def subscribe(
        self, *, run_id: str | None = None, topics: Collection[Topic] = ALL_NEWS
    ) -> AbstractAsyncContextManager[AsyncIterator[FeedBatch]]:
        """Batches of news about `topics` from now on, events of `run_id` only where it is given; leaving the
        context unsubscribes."""
        ...
