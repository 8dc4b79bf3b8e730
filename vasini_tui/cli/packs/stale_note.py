"""What a person has to know before a stale pack is used: it is not what its files say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.packs.pack import PackState
from vasini_tui.output import format_count

if TYPE_CHECKING:
    from engine.contracts.packs.pack import PackView
    from engine.facade.engine import Engine
    from vasini_tui.output import Output


async def pack_in_force(engine: Engine, pack: str, out: Output) -> PackView | None:
    """The pack, if there is one; on stderr a line when its files are not what is in force."""
    view = next((found for found in await engine.packs.list() if found.pack == pack), None)
    if view is not None and view.state is PackState.STALE:
        first = view.problems[0] if view.problems else ""
        out.note(
            f"vasini: the files of {pack} have {format_count(len(view.problems), 'problem')} ({first}); "
            f"the last good version {view.label or view.version} is used"
        )
    return view
