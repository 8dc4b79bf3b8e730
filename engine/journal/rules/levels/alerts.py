"""Alerts of service levels as the journal keeps them: a row when one begins, and one when it ends.

Whoever looks says which ones it saw standing. When they are others by now, somebody else was quicker and
nothing is written: so each begins and ends once, however many processes look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from engine.journal.alert_rows import NewAlertRow
    from engine.journal.rules.store import Store


class NewAlert(NamedTuple):
    """An alert that begins: what it is, and the words for it."""

    kind: str
    title: str
    told: str


class AlertLook(NamedTuple):
    """What somebody found who looked at a pack: `seen` are the numbers of those that stood before."""

    tenant: str
    pack: str
    seen: frozenset[int]
    begun: Sequence[NewAlert]
    ended: Collection[int]
    now: int
    quiet: bool = False


def note_alerts(store: Store, look: AlertLook) -> bool:
    """Record what began and ended; False, with nothing recorded, when others stand than were seen."""
    standing = {row["alert"]: row for row in store.standing_alerts(look.tenant, look.pack)}
    if standing.keys() != look.seen:
        return False
    for number, row in standing.items():
        if number in look.ended:
            moment = max(look.now, row["began"])  # a clock that was set back
            alert = NewAlert(row["kind"], row["title"], row["told"])
            store.add_alert(_row(look, alert, began=row["began"], ts=moment, ends=number))
    for alert in look.begun:
        store.add_alert(_row(look, alert, began=look.now, ts=look.now, ends=None))
    return True


def _row(look: AlertLook, alert: NewAlert, *, began: int, ts: int, ends: int | None) -> NewAlertRow:
    return {
        "ts": ts,
        "began": began,
        "ends": ends,
        "tenant": look.tenant,
        "pack": look.pack,
        "kind": alert.kind,
        "title": alert.title,
        "told": alert.told,
        "quiet": int(look.quiet),
    }
