"""Actions of parts that many screens have: lists, texts, dialogs, the palette."""

from __future__ import annotations

from screens.keys.action import Action

ACTIONS: tuple[Action, ...] = (
    Action("palette.down", "down", "down", "Next", "Next entry while typing"),
    Action("palette.up", "up", "up", "Previous", "Previous entry while typing"),
    Action("dialog.confirm", "f2", "confirm", "Confirm", "Do it, when the dialog is filled in", shown=True),
    Action("dialog.quit", "q,ctrl+c", "close", "Close", "Close what is only to be read"),
    Action("dialog.close", "escape", "close", "Close", "Close without doing anything", shown=True),
    Action(
        "dialog.leave",
        "q,ctrl+c",
        "leave",
        "Leave",
        "Leave the console; runs go on in other workers",
        shown=True,
    ),
    Action("list.down", "j,down", "cursor_down", "Down", "One row down"),
    Action("list.up", "k,up", "cursor_up", "Up", "One row up"),
    Action("list.top", "g,home", "cursor_top", "Top", "First row"),
    Action("list.bottom", "G,end", "cursor_bottom", "Bottom", "Last row"),
    Action("list.half_down", "ctrl+d,pagedown", "half_down", "Half page down", "Half a page down"),
    Action("list.half_up", "ctrl+u,pageup", "half_up", "Half page up", "Half a page up"),
    Action("list.open", "enter", "open", "Open", "Open what is under the cursor", "vasini show RUN", True),
    Action("text.down", "j,down", "scroll_down", "Down", "One line down"),
    Action("text.up", "k,up", "scroll_up", "Up", "One line up"),
    Action("text.top", "g,home", "scroll_home", "Top", "First line"),
    Action("text.bottom", "G,end", "scroll_end", "Bottom", "Last line"),
    Action("text.half_down", "ctrl+d,pagedown", "half_down", "Half page down", "Half a page down"),
    Action("text.half_up", "ctrl+u,pageup", "half_up", "Half page up", "Half a page up"),
)
