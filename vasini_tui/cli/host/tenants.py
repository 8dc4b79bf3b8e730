"""A tenant that was named and of which there is no run: it is said, since a typo looks like peace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.facade.engine import Engine
    from vasini_tui.wiring import Session


async def note_unknown_tenant(session: Session, engine: Engine) -> None:
    """Say on stderr that no run is of the tenant that was named, if that is so."""
    if session.tenant is not None and not sum((await engine.runs.counts()).runs.values()):
        session.out.note(f"no run is of the tenant {session.tenant}: what is told of it is empty")
