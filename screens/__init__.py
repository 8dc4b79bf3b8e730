"""Screens and widgets of the console: they show what the engine says and ask it for what keys mean.

The screens an operator goes to load when they are first used: the console paints sooner without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from screens.approvals.screen import ApprovalsScreen
    from screens.forms.list_screen import FormsScreen
    from screens.forms.screen import FormScreen
    from screens.overlays.help_screen import HelpScreen
    from screens.overlays.leave_dialog import LeaveDialog
    from screens.overlays.palette import PaletteScreen
    from screens.overlays.theme_picker import ThemePicker
    from screens.packs.list_screen import PacksScreen
    from screens.packs.notices import notices_of
    from screens.run.screen import RunScreen
    from screens.runs.saved_filters import SavedFiltersDialog
    from screens.runs.screen import RunsScreen
    from screens.runs.start import StartScreen

_HOMES = {
    "ApprovalsScreen": "screens.approvals.screen",
    "FormScreen": "screens.forms.screen",
    "FormsScreen": "screens.forms.list_screen",
    "HelpScreen": "screens.overlays.help_screen",
    "LeaveDialog": "screens.overlays.leave_dialog",
    "PacksScreen": "screens.packs.list_screen",
    "PaletteScreen": "screens.overlays.palette",
    "RunScreen": "screens.run.screen",
    "RunsScreen": "screens.runs.screen",
    "SavedFiltersDialog": "screens.runs.saved_filters",
    "StartScreen": "screens.runs.start",
    "ThemePicker": "screens.overlays.theme_picker",
    "notices_of": "screens.packs.notices",
}

__all__ = [
    "ApprovalsScreen",
    "FormScreen",
    "FormsScreen",
    "HelpScreen",
    "LeaveDialog",
    "PacksScreen",
    "PaletteScreen",
    "RunScreen",
    "RunsScreen",
    "SavedFiltersDialog",
    "StartScreen",
    "ThemePicker",
    "notices_of",
]


def __getattr__(name: str) -> Any:
    """Load it on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'screens' has no attribute {name!r}")
    return getattr(import_module(home), name)
