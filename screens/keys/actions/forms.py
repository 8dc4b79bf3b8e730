"""Actions on forms: of runs, of a start, of a handoff."""

from __future__ import annotations

from screens.keys.action import Action

ACTIONS: tuple[Action, ...] = (
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
        "start.filter",
        "/",
        "filter",
        "Filter",
        "Filter the flows: words of name or description",
        shown=True,
    ),
    Action(
        "handoff.submit",
        "f2",
        "submit",
        "Hand off",
        "Check every field and start the run that takes over",
        "vasini handoff RUN PACK/FLOW --input JSON",
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
    Action(
        "form.toggle",
        "space",
        "toggle_button",
        "Toggle",
        "Switch a yes/no field, or the one under the cursor",
    ),
    Action("form.choose", "space,enter,down,up", "show_overlay", "Choose", "Open the choices of a field"),
    Action(
        "form.editor",
        "ctrl+g",
        "editor",
        "Editor",
        "Open a text of several lines in $VISUAL or $EDITOR",
        shown=True,
    ),
    Action("form.add", "f3", "add", "Add", "Add an item to the list around the cursor", shown=True),
    Action("form.add_here", "enter,space", "add", "Add", "Add an item to the list"),
    Action(
        "form.remove",
        "f4",
        "remove",
        "Remove",
        "Take the item out of the list; twice when it is filled in",
        shown=True,
    ),
    Action("form.move_up", "f8", "move_up", "Move up", "Change places with the item before"),
    Action("form.move_down", "f9", "move_down", "Move down", "Change places with the next item"),
    Action("form.leave", "escape", "leave", "Leave", "Leave the form; what was typed is kept", shown=True),
)
