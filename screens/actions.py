"""One registry of actions: it feeds the bindings, the footer, the help and the palette.

A letter keeps its meaning on every screen. `cli` is the command that does the same headless; an
empty one means that the action only moves the eye and exists in the console alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType
from textual.keys import _character_to_key

if TYPE_CHECKING:
    from collections.abc import Container

CONSOLE_ONLY = "console only"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing an operator can do. `key` is Textual's spelling, several divided by commas."""

    id: str
    key: str
    action: str
    title: str
    help: str
    cli: str = CONSOLE_ONLY
    shown: bool = False
    priority: bool = False

    @property
    def keys(self) -> str:
        """The keys as a person reads them."""
        return " ".join(_KEY_WORDS.get(key, key) for key in self.key.split(","))

    def first_key(self, active: Container[str]) -> str:
        """The first of its keys that is among the active ones (a field to type into takes letters)."""
        keys = self.key.split(",")
        chosen = next((key for key in keys if _textual_name(key) in active), keys[0])
        return _KEY_WORDS.get(chosen, chosen)


def _textual_name(key: str) -> str:
    return _character_to_key(key) if len(key) == 1 else key


_KEY_WORDS = {
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "space": "Space",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "f1": "F1",
    "f2": "F2",
    "ctrl+d": "Ctrl-d",
    "ctrl+u": "Ctrl-u",
    "ctrl+p": "Ctrl-p",
    "ctrl+c": "Ctrl-c",
    "pagedown": "PgDn",
    "pageup": "PgUp",
}

GROUPS = {
    "approvals": "Approvals",
    "form": "Form",
    "start": "Start",
    "runs": "Runs",
    "run": "Run",
    "app": "Everywhere",
    "screen": "Every screen",
    "list": "Lists",
    "text": "Text",
    "palette": "Palette",
    "dialog": "Dialog",
}
"""Words for the part of an id before the dot, in the order the help shows them."""

ACTIONS: tuple[Action, ...] = (
    Action(
        "approvals.approve",
        "a",
        "approve",
        "Approve",
        "Approve exactly what the card shows",
        "vasini approve ID",
        True,
    ),
    Action(
        "approvals.reject",
        "r",
        "reject",
        "Reject",
        "Reject; asks for a comment",
        "vasini reject ID --comment TEXT",
        True,
    ),
    Action(
        "start.submit",
        "f2",
        "submit",
        "Start",
        "Check every field and start the run",
        "vasini run PACK/FLOW --input JSON",
        True,
    ),
    Action(
        "form.submit",
        "f2",
        "submit",
        "Submit",
        "Check every field and submit",
        "vasini answer RUN --values JSON",
        True,
    ),
    Action("form.toggle", "space", "toggle_button", "Toggle", "Switch a yes/no field"),
    Action("form.choose", "space,enter,down,up", "show_overlay", "Choose", "Open the choices of a field"),
    Action("form.leave", "escape", "leave", "Leave", "Leave the form; what was typed is kept", shown=True),
    Action(
        "runs.create",
        "c",
        "create",
        "Create",
        "Start a run: pick a flow, fill its form",
        "vasini run PACK/FLOW",
        True,
    ),
    Action(
        "runs.filter",
        "/",
        "filter",
        "Filter",
        "Filter as you type: words, status:, pack:, flow:",
        "vasini runs --status S",
        True,
    ),
    Action("runs.sort", "S", "sort", "Sort", "Next sort order", "vasini runs"),
    Action("runs.next_match", "n", "next_match", "Next match", "Next run that the filter found"),
    Action(
        "runs.previous_match", "N", "previous_match", "Previous match", "Previous run that the filter found"
    ),
    Action(
        "run.pause",
        "p",
        "pause",
        "Pause/resume",
        "Pause at the next step boundary, or resume",
        "vasini pause RUN | resume RUN",
        True,
    ),
    Action(
        "run.cancel",
        "x",
        "cancel",
        "Cancel",
        "Cancel menu: after this step, or now",
        "vasini cancel RUN [--now]",
        True,
    ),
    Action(
        "run.retry",
        ".",
        "retry",
        "Retry",
        "Continue a failed run at its failed step",
        "vasini retry RUN",
        True,
    ),
    Action("run.logs", "l", "logs", "Log", "Event log of the run", "vasini events RUN --follow", True),
    Action(
        "run.pending",
        "i",
        "pending",
        "Its request",
        "The approval or form the run waits for",
        "vasini show RUN",
        True,
    ),
    Action("run.next_pane", "tab,]", "next_pane", "Next pane", "Steps, log, data, files"),
    Action("run.previous_pane", "shift+tab,[", "previous_pane", "Previous pane", "The pane before"),
    Action("palette.down", "down", "down", "Next", "Next entry while typing"),
    Action("palette.up", "up", "up", "Previous", "Previous entry while typing"),
    Action("dialog.confirm", "f2", "confirm", "Confirm", "Do it, when the dialog is filled in", shown=True),
    Action("dialog.close", "escape", "close", "Close", "Close without doing anything", shown=True),
    Action(
        "dialog.leave", "q", "leave", "Leave", "Leave the console; runs go on in other workers", shown=True
    ),
    Action("list.down", "j,down", "cursor_down", "Down", "One row down"),
    Action("list.up", "k,up", "cursor_up", "Up", "One row up"),
    Action("list.top", "g", "cursor_top", "Top", "First row"),
    Action("list.bottom", "G", "cursor_bottom", "Bottom", "Last row"),
    Action("list.half_down", "ctrl+d,pagedown", "half_down", "Half page down", "Half a page down"),
    Action("list.half_up", "ctrl+u,pageup", "half_up", "Half page up", "Half a page up"),
    Action("list.open", "enter", "open", "Open", "Open what is under the cursor", "vasini show RUN", True),
    Action("text.down", "j,down", "scroll_down", "Down", "One line down"),
    Action("text.up", "k,up", "scroll_up", "Up", "One line up"),
    Action("text.top", "g", "scroll_home", "Top", "First line"),
    Action("text.bottom", "G", "scroll_end", "Bottom", "Last line"),
    Action("text.half_down", "ctrl+d,pagedown", "half_down", "Half page down", "Half a page down"),
    Action("text.half_up", "ctrl+u,pageup", "half_up", "Half page up", "Half a page up"),
    Action("screen.copy", "y", "copy", "Copy id", "Copy the id under the cursor to the clipboard"),
    Action("screen.back", "escape", "back", "Back", "Back to the screen before; never decides"),
    Action("screen.next", "tab", "focus_next", "Next pane", "Next pane or field"),
    Action("screen.previous", "shift+tab", "focus_previous", "Previous pane", "Previous pane or field"),
    Action("app.runs", "1", "view('runs')", "Runs", "Runs, newest first", "vasini runs"),
    Action(
        "app.approvals",
        "2",
        "view('approvals')",
        "Approvals",
        "Approvals that wait, oldest first",
        "vasini approvals",
    ),
    Action("app.forms", "3", "view('forms')", "Forms", "Forms that wait, oldest first", "vasini forms"),
    Action("app.last", "-", "last_view", "Last view", "The screen you came from"),
    Action(
        "app.oldest",
        "!",
        "oldest_pending",
        "Oldest request",
        "Go to the approval or form that waits longest",
        "vasini approvals --limit 1",
    ),
    Action("app.palette", ":,ctrl+p", "palette", "Palette", "Every action by name", "vasini --help", True),
    Action("app.help", "?,f1", "help", "Help", "The keys of this screen", "vasini --help", True),
    Action(
        "app.quit", "q,ctrl+c", "quit_or_back", "Back/quit", "Back; at the first screen leave after asking"
    ),
)

_BY_ID = {action.id: action for action in ACTIONS}


def action(action_id: str) -> Action:
    """The registered action; KeyError names one that is not registered."""
    return _BY_ID[action_id]


def find(action_id: str | None) -> Action | None:
    """The registered action of a binding, None for a widget's own key."""
    return _BY_ID.get(action_id or "")


def bindings(*action_ids: str) -> list[BindingType]:
    """Textual bindings of the named actions; a name that ends in `.` takes the whole group."""
    chosen = [
        entry
        for wanted in action_ids
        for entry in ACTIONS
        if entry.id == wanted or (wanted.endswith(".") and entry.id.startswith(wanted))
    ]
    return [
        Binding(entry.key, entry.action, entry.title, show=entry.shown, id=entry.id, tooltip=entry.help)
        for entry in chosen
    ]
