"""Writes docs/keys.md from the registry of actions. Run by `make keys`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from screens.keys.action import CONSOLE_ONLY
from screens.keys.registry import ACTIONS, GROUPS

if TYPE_CHECKING:
    from screens.keys.action import Action

PAGE = Path(__file__).with_name("keys.md")
INTRODUCTION = """\
# Keys

Written by `make keys` from `screens/keys/`; bindings, help, palette and `vasini keys` are made of
the same list. `?` shows the keys of a screen, F1 what has the focus and its keys, `:` every action by name.

## Other keys

```yaml settings
# config.yaml
console:
  keys:
    approvals.approve: A
    run.cancel: X Del
    list.half_down: Ctrl-d Ctrl-n
```

The id is that of the tables below; the keys replace all the action has. They are written as in the tables or
as Textual names them (`ctrl+n`, `f5`), several divided by spaces. `vasini keys` shows what is in force.

Refused when the settings are read, with file, line and the actions (`config_invalid`, exit 2):

- an id or a key that there is not;
- a key of two actions that can be in use at the same time;
- Enter, Esc, Ctrl-c or Ctrl-d for an action that does not have it here: Enter only opens, Esc only leaves,
  Ctrl-d only scrolls;
- Alt, Ctrl-s, Ctrl-q, Ctrl-a, Ctrl-b and Shift-Enter, which terminals keep to themselves; Ctrl-i, Ctrl-m,
  Ctrl-j and Ctrl-h, which a terminal cannot tell from Tab, Enter and Backspace;
- only letters, or keys that edit text, for an action that is used while typing, such as submitting a form.
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for group, title in GROUPS.items():
        rows = [_row(entry) for entry in ACTIONS if entry.group == group]
        parts.append(
            "\n".join(
                (f"## {title}", "", "| key | does | id | command line |", "|---|---|---|---|", *rows, "")
            )
        )
    return "\n".join(parts)


def _row(entry: Action) -> str:
    command = entry.cli if entry.cli == CONSOLE_ONLY else f"`{entry.cli}`"
    cells = (f"`{entry.keys}`", entry.help, f"`{entry.id}`", command)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
