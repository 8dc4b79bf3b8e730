"""Screens and widgets of the console: they show what the engine says and ask it for what keys mean.

The screens an operator goes to load when they are first used: the console paints sooner without them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from screens.approvals import ApprovalsScreen
    from screens.form_screen import FormScreen
    from screens.forms import FormsScreen
    from screens.help_screen import HelpScreen
    from screens.leave_dialog import LeaveDialog
    from screens.pack_notices import notices_of
    from screens.packs import PacksScreen
    from screens.palette import PaletteScreen
    from screens.run_detail import RunScreen
    from screens.runs import RunsScreen
    from screens.saved_filters import SavedFiltersDialog
    from screens.start_dialog import StartScreen
    from screens.theme_picker import ThemePicker

_HOMES = {
    "ApprovalsScreen": "screens.approvals",
    "FormScreen": "screens.form_screen",
    "FormsScreen": "screens.forms",
    "HelpScreen": "screens.help_screen",
    "LeaveDialog": "screens.leave_dialog",
    "PacksScreen": "screens.packs",
    "PaletteScreen": "screens.palette",
    "RunScreen": "screens.run_detail",
    "RunsScreen": "screens.runs",
    "SavedFiltersDialog": "screens.saved_filters",
    "StartScreen": "screens.start_dialog",
    "ThemePicker": "screens.theme_picker",
    "notices_of": "screens.pack_notices",
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
