"""Actions on the approvals: they decide, claim, mark."""

from __future__ import annotations

from screens.keys.action import Action

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
        "approvals.edit",
        "e",
        "edit",
        "Edit",
        "Change the plan that the card shows, then approve it; or the call, which asks again",
        "vasini approve ID --edit @FILE",
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
        "approvals.own",
        "o",
        "own",
        "Own/release",
        "Tell every console that you are on it, or no more; ends by itself",
        shown=True,
    ),
    Action("approvals.mark", "space", "mark", "Mark", "Mark for a decision on several", shown=True),
    Action(
        "approvals.decide_marked",
        "M",
        "decide_marked",
        "Decide marked",
        "Decide the marked ones, all of one step; asks for the count",
        "vasini approve ID",
        True,
    ),
    Action("approvals.sort", "S", "sort", "Sort", "Next sort order: by risk, by age", "vasini approvals"),
    Action(
        "plan.take_out",
        "x",
        "take_out",
        "Out/in",
        "Take the step out, or put it back",
        shown=True,
    ),
    Action("plan.earlier", "<", "earlier", "Earlier", "Move the step one place earlier"),
    Action("plan.later", ">", "later", "Later", "Move the step one place later"),
)
