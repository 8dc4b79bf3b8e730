"""The views: screens with a number, each with a stack of its own. One entry here makes a screen known.

Header, modes, keys, palette and help are made of this list; the screen itself loads when it is first shown.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """One view. `home` is `module:class` of its screen, which takes the ConsoleState alone.

    `group`: the part before the dot in the ids of actions whose keys hold in this view only; empty for none.
    """

    name: str
    key: str
    title: str
    help: str
    cli: str
    home: str
    group: str = ""


VIEWS: tuple[View, ...] = (
    View("runs", "1", "Runs", "Runs, newest first", "vasini runs", "screens.runs.screen:RunsScreen", "runs"),
    View(
        "approvals",
        "2",
        "Approvals",
        "Approvals that wait, riskiest first",
        "vasini approvals",
        "screens.approvals.screen:ApprovalsScreen",
        "approvals",
    ),
    View(
        "forms",
        "3",
        "Forms",
        "Forms that wait, oldest first",
        "vasini forms",
        "screens.forms.list_screen:FormsScreen",
        "form",
    ),
    View(
        "slo",
        "4",
        "SLO",
        "Service levels, worst first",
        "vasini slo",
        "screens.slo.screen:SloScreen",
        "slo",
    ),
    View(
        "packs",
        "5",
        "Packs",
        "Packs, versions, problems",
        "vasini packs",
        "screens.packs.list_screen:PacksScreen",
        "packs",
    ),
)
"""In the order of the header; the first is the one the console opens with."""
