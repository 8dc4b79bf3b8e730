"""`vasini` without a command, and `vasini --demo`: the console"""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from engine.governance.access import access_of
from vasini_tui.exit_codes import TerminalError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vasini_tui.console.options import Workplace
    from vasini_tui.wiring import Session


async def open_console(session: Session, *, demo: bool = False) -> int:
    """Show the console until the operator leaves; the exit status.

    Raises TerminalError without a terminal, VasiniError for a tenant that the account may not look at.
    """
    # Textual takes longer to load than most commands take to run.
    from vasini_tui.console.terminal.usable import terminal_problem  # noqa: PLC0415  # only the console needs it

    problem = terminal_problem()
    if problem is not None:
        raise TerminalError(problem)
    gc.disable()  # until the first frame is shown (`ConsoleApp.on_ready`): it comes a tenth sooner
    from screens.keys.keymap import read_keymap  # noqa: PLC0415  # only the console needs it
    from vasini_tui.console.options import ConsoleOptions  # noqa: PLC0415  # only the console needs it
    from vasini_tui.console.running import run_console  # noqa: PLC0415  # only the console needs it
    from vasini_tui.console.themes.themes import find_themes  # noqa: PLC0415  # only the console needs it

    operators = {} if demo else session.loaded.values.identity.operators
    tenant = access_of(operators, session.actor, session.tenant, all_tenants=False).tenant or ""
    options = session.loaded.values.console
    shown = ConsoleOptions(
        theme=options.theme,
        grace_ms=options.grace_ms,
        bell=options.bell,
        time_zone=options.time_zone,
        keymap=read_keymap(options.keys)[0],
        themes=await asyncio.to_thread(find_themes, session.loaded.places.themes_dir),
    )
    if demo:
        from vasini_tui.demo.workspace import LABEL, demonstration  # noqa: PLC0415  # only --demo needs it

        workplace, shown = demonstration(session, tenant), replace(shown, label=LABEL)
    else:
        workplace = _workplace(session)
    return await run_console(workplace, actor=session.actor, tenant=tenant, settings=shown)


@asynccontextmanager
async def _workplace(session: Session) -> AsyncIterator[Workplace]:
    """The operator's own. An open console works runs like any worker."""
    from vasini_tui.console.options import Workplace  # noqa: PLC0415

    async with session.engine() as engine:
        yield Workplace(engine, engine.work(slots=session.loaded.values.engine.slots), Path.cwd())
