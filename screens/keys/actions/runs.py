"""Actions on the list of runs and its filters."""

from __future__ import annotations

from screens.keys.action import Action

ACTIONS: tuple[Action, ...] = (
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
        "Filter as you type: words, status:, pack:, flow:, by:, error:, words:, age:, ended:",
        "vasini runs --status S",
        True,
    ),
    Action("runs.sort", "S", "sort", "Sort", "Next sort order", "vasini runs"),
    Action(
        "runs.mark",
        "space",
        "mark",
        "Mark",
        "Mark the run: pause, cancel, retry are about the marked ones",
    ),
    Action(
        "runs.unfold",
        "right",
        "unfold",
        "Unfold",
        "Show the runs that this one started",
        "vasini runs --parent RUN",
    ),
    Action("runs.fold", "left", "fold", "Fold", "Hide them, and go to the run that started them"),
    Action("runs.saved", "s", "saved", "Saved filters", "Pick, save or delete a filter with a name"),
    Action("runs.next_match", "n", "next_match", "Next match", "Next run that the filter found"),
    Action(
        "runs.previous_match", "N", "previous_match", "Previous match", "Previous run that the filter found"
    ),
    Action("saved.delete", "D", "delete", "Delete", "Delete the saved filter under the cursor", shown=True),
)
