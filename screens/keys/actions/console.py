"""Actions that every screen has, and those that lead from one to another."""

from __future__ import annotations

from screens.keys.action import Action
from screens.keys.views import VIEWS

ACTIONS: tuple[Action, ...] = (
    Action(
        "screen.copy", "y", "copy", "Copy", "Copy the id, value or path under the cursor to the clipboard"
    ),
    Action("screen.back", "escape", "back", "Back", "Back to the screen before; never decides"),
    Action("screen.next", "tab", "focus_next", "Next pane", "Next pane or field", priority=True),
    Action(
        "screen.previous",
        "shift+tab",
        "focus_previous",
        "Previous pane",
        "Previous pane or field",
        priority=True,
    ),
    Action("screen.focus_help", "f1", "app.focus_help", "This part", "What has the focus, and its keys"),
    *(
        Action(f"app.{view.name}", view.key, f"view('{view.name}')", view.title, view.help, view.cli)
        for view in VIEWS
    ),
    Action("app.last", "-", "last_view", "Last view", "The screen you came from"),
    Action(
        "app.oldest",
        "!",
        "oldest_pending",
        "Oldest request",
        "Go to the approval or form that waits longest",
        "vasini approvals --limit 1",
    ),
    Action(
        "app.failed",
        "f",
        "failed",
        "Failed",
        "What failed within the last day; Enter opens it",
        "vasini runs --status failed --ended-since 24h",
    ),
    Action(
        "screen.acknowledge",
        "K",
        "acknowledge",
        "Acknowledge",
        "The failed runs that the top line counts are known: it counts those that fail from now on",
    ),
    Action("app.palette", ":,ctrl+p", "palette", "Palette", "Every action by name", "vasini --help", True),
    Action("app.help", "?", "help", "Help", "The keys of this screen", "vasini keys", True),
    Action("app.themes", "ctrl+t", "themes", "Themes", "Choose how the console looks"),
    Action("app.bell", "B", "bell_switch", "Bell", "Ring for a new approval or form, or be quiet"),
    Action(
        "app.quit", "q,ctrl+c", "quit_or_back", "Back/quit", "Back; at the first screen leave after asking"
    ),
)
