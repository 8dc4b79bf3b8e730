"""Actions on the service levels."""

from __future__ import annotations

from screens.keys.action import Action

_WINDOW = "vasini slo --window DAYS"

ACTIONS: tuple[Action, ...] = (
    Action(
        "slo.filter", "/", "filter", "Filter", "Filter as you type: pack, tenant, state", "vasini slo", True
    ),
    Action(
        "slo.exclude",
        "x",
        "exclude",
        "Exclude",
        "Let failed runs of the pack not count, with a reason",
        "vasini exclude RUN --reason TEXT",
        True,
    ),
    Action("exclude.mark", "space", "mark", "Mark", "Mark a run: the marked ones are excluded", shown=True),
    Action("slo.shorter", "<", "shorter", "Fewer days", "Look at fewer days", _WINDOW, True),
    Action("slo.longer", ">", "longer", "More days", "Look at more days", _WINDOW, True),
)
