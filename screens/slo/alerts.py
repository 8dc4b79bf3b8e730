"""Alerts of service levels that begin and end, in the words of a notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from engine.contracts.governing.slo import AlertKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from engine.contracts.governing.slo import AlertView

    Severity = Literal["information", "warning", "error"]

AT_ONCE = 3
"""Notices shown of one moment."""
_URGENT = frozenset({AlertKind.PAGE, AlertKind.EXHAUSTED})


def notices_of(changed: Sequence[AlertView]) -> Iterator[tuple[str, Severity]]:
    """One of each pack and moment, of what began the most urgent; what is more than a few is counted."""
    together: dict[tuple[str, str, datetime, bool], list[AlertView]] = {}
    for alert in changed:
        place = alert.tenant, alert.pack, alert.ended or alert.began, alert.ended is None
        together.setdefault(place, []).append(alert)
    found = list(together.values())
    for alerts in found[:AT_ONCE]:
        first = alerts[0]
        if first.ended is None:
            yield first.title, "error" if first.kind in _URGENT else "warning"
        else:
            yield f"{first.pack}: {kinds_of(alerts)} ended", "information"
    if found[AT_ONCE:]:
        yield f"{len(found) - AT_ONCE} more packs with alerts that began or ended", "warning"


def kinds_of(alerts: Sequence[AlertView]) -> str:
    """`page, drift of time`."""
    return ", ".join(alert.kind.words for alert in alerts)
