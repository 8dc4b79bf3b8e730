"""`vasini keys`: every action of the console with the keys it has now and the command that does the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vasini_tui.cli.arguments.options import ActAs, AsJson
from vasini_tui.cli.call import Invocation
from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from vasini_tui.wiring import Session


def keys(as_json: AsJson = False, act_as: ActAs = None) -> Invocation:
    """List the keys of the console as they are in force."""
    return Invocation(_keys, as_json, act_as)


async def _keys(session: Session) -> int:
    from screens.keys.bindings import action  # noqa: PLC0415  # loads Textual, which few commands need
    from screens.keys.keymap import read_keymap  # noqa: PLC0415  # loads Textual, which few commands need
    from screens.keys.registry import GROUPS  # noqa: PLC0415  # loads Textual, which few commands need

    keymap, _ = read_keymap(session.loaded.values.console.keys)
    entries = keymap.actions()
    out = session.out
    if out.as_json:
        rows = [
            {
                "id": entry.id,
                "group": GROUPS[entry.group],
                "keys": entry.keys.split(),
                "default_keys": action(entry.id).keys.split(),
                "does": entry.help,
                "command": entry.cli,
            }
            for entry in entries
        ]
        out.document({"keys": rows})
        return ExitCode.OK
    out.table(
        ("PART", "KEYS", "DOES", "ID", "COMMAND LINE"),
        ((GROUPS[entry.group], entry.keys, entry.help, entry.id, entry.cli) for entry in entries),
    )
    return ExitCode.OK
