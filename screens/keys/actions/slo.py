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
    Action(
        "slo.unit",
        "$",
        "unit",
        "Unit",
        "What was spent in money, in tokens or in time",
        "vasini budget show --by pack",
        True,
    ),
    Action(
        "slo.cap",
        "c",
        "cap",
        "Cap",
        "Set a cap, or top one up, with a comment",
        "vasini budget set | top-up",
        True,
    ),
    Action(
        "slo.all_tenants",
        "*",
        "all_tenants",
        "All tenants",
        "The packs of every tenant, or those of this console's own",
        "vasini slo --all-tenants",
    ),
    Action("slo.shorter", "<", "shorter", "Fewer", "Look at fewer days", _WINDOW, True),
    Action("slo.longer", ">", "longer", "More", "Look at more days", _WINDOW, True),
)
