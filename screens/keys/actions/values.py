"""Actions on values: folding trees, long texts, two runs beside each other."""

from __future__ import annotations

from screens.keys.action import Action

ACTIONS: tuple[Action, ...] = (
    Action("tree.toggle", "space", "toggle_fold", "Fold", "Fold or unfold"),
    Action("tree.unfold", "right", "unfold", "Unfold", "Unfold, then go to the first part inside"),
    Action("tree.fold", "left", "fold", "Fold", "Fold, then go to what it is part of"),
    Action("tree.copy_path", "Y", "copy_path", "Copy path", "Copy the path of the value under the cursor"),
    Action("lines.left", "left", "left", "Left", "Back along lines that are not wrapped"),
    Action("lines.right", "right", "right", "Right", "On along lines that are not wrapped"),
    Action("find.words", "/", "filter", "Search", "Words in the text or values that are shown", shown=True),
    Action("find.next_match", "n", "next_match", "Next match", "Next place with the words"),
    Action(
        "find.previous_match",
        "N",
        "previous_match",
        "Previous match",
        "Previous place with the words",
    ),
    Action("find.leave", "escape", "leave_search", "End search", "Look for nothing any more"),
    Action("compare.next_match", "n", "next_match", "Next", "Next difference", shown=True),
    Action("compare.previous_match", "N", "previous_match", "Previous", "Previous difference"),
)
