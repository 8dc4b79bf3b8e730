"""The failed runs that the top line counts: those of the last day that the operator has not acknowledged.

Until when they are known is kept with the operator's drafts, by tenant: after a day it means nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from engine.contracts.times import rfc3339

if TYPE_CHECKING:
    from screens.frame.console_state import ConsoleState

DAY = timedelta(hours=24)
_KEY = "console/failures-known-until"
_FIELD = "until"


async def counted_since(state: ConsoleState) -> datetime:
    """From when on failed runs are counted."""
    day_ago = state.now() - DAY
    kept = await state.engine.drafts.get(state.actor.name, _KEY)
    try:
        known = datetime.fromisoformat(str((kept or {})[_FIELD]))
        return max(known, day_ago)
    except (KeyError, ValueError, TypeError):  # nothing is kept, or nothing that can be compared
        return day_ago


async def acknowledge(state: ConsoleState, until: datetime) -> None:
    """What failed up to a moment is known."""
    await state.engine.drafts.keep(state.actor.name, _KEY, {_FIELD: rfc3339(until)})
