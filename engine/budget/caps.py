"""Which caps hold for a call: of each scope and window the one that names its subject most exactly. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from engine.contracts.governing.budget import CapScope, CapWindow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

EACH = "*"
"""In place of a name: every one by itself."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Cap:
    """A cap as somebody wrote it; `source` is settings, person or pack. Amounts in billionths.

    With `pause` runs wait at its soft cap until a person has said how they go on.
    """

    scope: CapScope
    window: CapWindow
    tenant: str = EACH
    name: str = EACH
    soft: int | None = None
    hard: int | None = None
    source: str = "settings"
    pause: bool = False

    @property
    def exactness(self) -> tuple[bool, bool, bool]:
        """The greater one counts: a name before each one, a tenant likewise, a person before the settings."""
        return self.name != EACH, self.tenant != EACH, self.source == "person"

    def may_hold(self, subject: Subject) -> bool:
        """Whether it is one of those of which the most exact one counts for the subject."""
        return self.tenant in {EACH, subject.tenant} and self.name in {EACH, subject.name(self.scope)}


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a call is made for; `tree` is the outermost run."""

    tenant: str
    pack: str
    model: str
    tree: str

    def name(self, scope: CapScope) -> str:
        """What the scope is called here."""
        names = {
            CapScope.TENANT: self.tenant,
            CapScope.PACK: self.pack,
            CapScope.MODEL: self.model,
            CapScope.RUN: self.tree,
        }
        return names[scope]


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap as it holds for one subject now: from `since` (microseconds; 0 of `total`) until `until`."""

    scope: CapScope
    window: CapWindow
    tenant: str
    name: str
    soft: int | None
    hard: int | None
    source: str
    since: int = 0
    until: int | None = None
    topped_up: int = 0
    pause: bool = False

    def raised(self, by: int) -> Limit:
        """The same after top-ups of so much."""
        soft = None if self.soft is None else self.soft + by
        hard = None if self.hard is None else self.hard + by
        return replace(self, soft=soft, hard=hard, topped_up=by)


def caps_of_pack(cost_limit: int | None) -> tuple[Cap, ...]:
    """What a pack's tools layer lets each of its runs cost (billionths); nothing where it does not say."""
    return () if cost_limit is None else (Cap(CapScope.RUN, CapWindow.TOTAL, hard=cost_limit, source="pack"),)


def limits_of(caps: Iterable[Cap], subject: Subject, now: int, zone: ZoneInfo) -> list[Limit]:
    """What holds for a call of the subject at a moment (microseconds). A pack's own cap of a run holds beside
    another one: the smaller hard cap of the two counts."""
    chosen: dict[tuple[CapScope, CapWindow], Cap] = {}
    of_pack: Cap | None = None
    for cap in caps:
        if not cap.may_hold(subject):
            continue
        key = (cap.scope, cap.window)
        if cap.source == "pack":
            of_pack = cap
        elif key not in chosen or cap.exactness > chosen[key].exactness:
            chosen[key] = cap
    if of_pack is not None:
        key = (of_pack.scope, of_pack.window)
        chosen[key] = _smaller(chosen.get(key), of_pack)
    bounds = (cap for cap in chosen.values() if cap.soft is not None or cap.hard is not None)
    return [_limit(cap, subject, now, zone) for cap in bounds]


def _smaller(written: Cap | None, of_pack: Cap) -> Cap:
    if written is None or written.hard is None or (of_pack.hard or 0) < written.hard:
        if written is None or written.soft is None or written.soft > (of_pack.hard or 0):
            return of_pack
        return replace(of_pack, soft=written.soft, pause=written.pause)
    return written


def _limit(cap: Cap, subject: Subject, now: int, zone: ZoneInfo) -> Limit:
    since, until = window_around(cap.window, now, zone)
    name = subject.name(cap.scope)
    return Limit(
        cap.scope,
        cap.window,
        subject.tenant,
        name,
        cap.soft,
        cap.hard,
        cap.source,
        since,
        until,
        pause=cap.pause,
    )


def window_around(window: CapWindow, now: int, zone: ZoneInfo) -> tuple[int, int | None]:
    """When the window that holds a moment began, and when it ends; microseconds. `total` has no end."""
    if window is CapWindow.TOTAL:
        return 0, None
    day = (_EPOCH + now * _MICROSECOND).astimezone(zone).date()
    if window is CapWindow.DAY:
        first, following = day, day + timedelta(days=1)
    else:
        first = day.replace(day=1)
        following = (first + timedelta(days=32)).replace(day=1)
    begins, ends = (datetime(one.year, one.month, one.day, tzinfo=zone) for one in (first, following))
    return (begins - _EPOCH) // _MICROSECOND, (ends - _EPOCH) // _MICROSECOND
