"""Actions on the packs."""

from __future__ import annotations

from screens.keys.action import Action

ACTIONS: tuple[Action, ...] = (
    Action(
        "packs.diff",
        "d",
        "diff",
        "Changes",
        "What changed; again: the next comparison",
        "vasini pack diff A B",
        True,
    ),
    Action(
        "packs.talk",
        "T",
        "talk",
        "Talk",
        "Begin the pack's conversation: fill in its start form",
        'vasini ask PACK "..."',
    ),
    Action("packs.code", "C", "code", "Code", "The pack's own code", "vasini pack trust PACK"),
    Action(
        "packs.trust",
        "U",
        "trust",
        "Trust",
        "Let exactly the code that is shown run",
        "vasini pack trust PACK",
    ),
    Action(
        "packs.edit", "e", "edit", "Edit", "Open the file in $EDITOR; saving reloads the pack", shown=True
    ),
    Action(
        "packs.publish",
        "P",
        "publish",
        "Publish",
        "Publish what is in force as this version",
        "vasini pack publish PACK",
    ),
    Action(
        "packs.reload",
        "V",
        "reload",
        "Validate",
        "Look at all packs now",
        "vasini pack validate DIR",
        True,
    ),
    Action(
        "packs.next_pane",
        "tab,]",
        "next_pane",
        "Next pane",
        "Overview, layers, flows, problems, changes, code",
    ),
    Action("packs.previous_pane", "shift+tab,[", "previous_pane", "Previous pane", "The pane before"),
)
