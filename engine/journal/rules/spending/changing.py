"""Caps that people change, bound to the cap that they saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.budget.caps import Subject, limits_of
from engine.errors import ErrorCode, Refused
from engine.journal.rules.spending.acts import record_act, topped_up
from engine.journal.rules.spending.holding import set_cap

if TYPE_CHECKING:
    from engine.journal.rules.store import Store
    from engine.journal.shown_cap import ShownCap
    from engine.journal.spend_rows import CapRow, NewActRow


def change_cap(
    store: Store, row: CapRow, act: NewActRow, shown: ShownCap | None = None, *, remove: bool = False
) -> None:
    """Set a cap, or take it back, and record it. Raises Refused (`cap_changed`)."""
    require_as_shown(store, shown)
    (store.drop_cap if remove else store.put_cap)(row)
    store.add_act(act)


def top_up(store: Store, act: NewActRow, shown: ShownCap | None = None) -> None:
    """Record a top-up, which counts from then on. Raises as `record_act`, and Refused (`cap_changed`)."""
    require_as_shown(store, shown)
    record_act(store, act)


def require_as_shown(store: Store, shown: ShownCap | None) -> None:
    """Raises Refused (`cap_changed`) when the cap is not any more as it was shown."""
    if shown is None:
        return
    caps = (*shown.caps, *map(set_cap, store.caps()))
    holds = limits_of(
        (one for one in caps if (one.scope, one.window) == (shown.scope, shown.window)),
        Subject(shown.tenant, shown.name, shown.name, shown.name),
        shown.now,
        shown.zone,
    )
    now = topped_up(store, holds[0]) if holds else None
    bounds = (None, None) if now is None else (now.soft, now.hard)
    if bounds != (shown.soft, shown.hard):
        raise Refused(
            ErrorCode.CAP_CHANGED,
            f"somebody changed the cap of {shown.scope} {shown.name} meanwhile: nothing was done",
            {"scope": shown.scope, "name": shown.name, "window": shown.window},
        )
