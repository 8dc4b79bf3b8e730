"""What to do next in a workspace where nothing has run yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.safe_text import sanitize

if TYPE_CHECKING:
    from screens.keys.keymap import Keymap
    from screens.widgets.plain import Part

_STEPS = (
    ("runs.create", "start a run; hello/hello is a good first"),
    ("app.forms", "answer what a run asks with a form"),
    ("app.approvals", "approve or reject what a run will do"),
    ("app.palette", "any action by name"),
    ("app.help", "the keys of this screen"),
    ("screen.focus_help", "what has the focus, and its keys"),
)
_WIDTH = 8


def first_start(keymap: Keymap, *, label: str) -> list[Part]:
    """The hint, with the keys in force. It is shown while there is no run.

    `label` names a workspace that is not the operator's own: commands of a shell would not reach it.
    """
    head = "The first runs begin in a moment. Then:" if label else "No runs yet. What to do next:"
    parts: list[Part] = [sanitize(f"{head}\n\n", multiline=True)]
    for action_id, words in _STEPS:
        key = keymap.action(action_id).first_key()
        parts += [
            (sanitize(f"  {key:<{_WIDTH}}"), "bold $key"),
            sanitize(f"{words}\n", multiline=True),
        ]
    if label:
        return parts
    shell = "\nFrom a shell: vasini run hello/hello --set name=Ana\nA look around: vasini --demo"
    return [*parts, sanitize(shell, multiline=True)]
