"""The registry of actions: every key of the console.

A letter keeps its meaning on every screen; x takes out, after asking. Bindings, palette, help and
docs/keys.md are made of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.keys.actions import approvals, console, forms, packs, parts, run, runs, slo, values

if TYPE_CHECKING:
    from screens.keys.action import Action

GROUPS = {
    "approvals": "Approvals",
    "plan": "A plan",
    "form": "Form",
    "start": "Start",
    "handoff": "Handoff",
    "runs": "Runs",
    "saved": "Saved filters",
    "run": "Run",
    "flag": "Flag a run",
    "time": "Timeline",
    "log": "Event log",
    "talk": "Conversation",
    "tree": "Folding",
    "lines": "Long text",
    "find": "Search a text",
    "file": "A file",
    "compare": "Compare",
    "packs": "Packs",
    "slo": "Service levels",
    "exclude": "Exclude runs",
    "app": "Everywhere",
    "screen": "Every screen",
    "list": "Lists",
    "text": "Text",
    "palette": "Palette",
    "dialog": "Dialog",
}
"""Words for the part of an id before the dot, in the order the help shows them."""

ACTIONS: tuple[Action, ...] = (
    *approvals.ACTIONS,
    *forms.ACTIONS,
    *runs.ACTIONS,
    *run.ACTIONS,
    *values.ACTIONS,
    *parts.ACTIONS,
    *packs.ACTIONS,
    *slo.ACTIONS,
    *console.ACTIONS,
)
"""In the order of the key bar."""
