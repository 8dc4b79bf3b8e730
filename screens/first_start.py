"""What to do next in a workspace where nothing has run yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.safe_text import SafeText, sanitize

if TYPE_CHECKING:
    from screens.keymap import Keymap

_STEPS = (
    ("runs.create", "start a run: pick a flow, fill its form; hello/hello is a good first one"),
    ("app.forms", "answer what a run asks with a form"),
    ("app.approvals", "approve or reject what a run is about to do"),
    ("app.palette", "any action by name, with its key and its command"),
    ("app.help", "the keys of this screen"),
    ("screen.focus_help", "what has the focus, and its keys"),
)
_WORDS = 6


def first_start(keymap: Keymap) -> SafeText:
    """The hint, with the keys in force. It is shown while there is no run."""
    steps = [f"  {keymap.action(action_id).first_key():<{_WORDS}}  {words}" for action_id, words in _STEPS]
    lines = (
        "Nothing has run here yet. What to do next:",
        "",
        *steps,
        "",
        "From a shell:  vasini run hello/hello --set name=Ana",
        "A look around: vasini --demo",
    )
    return sanitize("\n".join(lines), multiline=True)
