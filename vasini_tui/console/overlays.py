"""What lies above any screen on a key: help, the palette, themes, the question before leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from screens.frame.bound_actions import BoundAction, bound_actions
from screens.overlays.focus_help import focus_help
from screens.overlays.help_screen import HelpScreen
from screens.overlays.leave_dialog import LeaveDialog
from screens.overlays.palette import PaletteScreen
from screens.overlays.theme_picker import ThemePicker

if TYPE_CHECKING:
    from textual.app import App

    from screens.keys.keymap import Keymap
    from vasini_tui.console.themes.themes import Themes


class Overlays:
    """Opened above what the application shows; loaded when the first of them is."""

    def __init__(self, app: App[Any], keymap: Keymap, themes: Themes) -> None:
        self._app = app
        self._keymap = keymap
        self._themes = themes

    def help(self) -> None:
        """The keys of this screen."""
        actions = bound_actions(self._app.screen, self._keymap)
        self._app.push_screen(HelpScreen("Keys of this screen", actions))

    def focus_help(self) -> None:
        """What has the focus, and its keys; the keys of the screen when nothing has."""
        focused = self._app.screen.focused
        if focused is None:
            self.help()
            return
        found = focus_help(focused, self._keymap)
        its = {bound.action.id for bound in found.actions}
        rest = [one for one in bound_actions(self._app.screen, self._keymap) if one.action.id not in its]
        screen = HelpScreen("This part", found.actions, about=found.about, editing=found.editing, rest=rest)
        self._app.push_screen(screen)

    def themes(self) -> None:
        """Choose a theme, which is shown while the cursor is on it."""
        choices = self._themes.choices()
        for choice in choices:
            self._app.register_theme(self._themes.load(choice.name))
        self._app.push_screen(ThemePicker(choices, self._app.theme))

    def palette(self) -> None:
        """Every action by name; the chosen one is done."""
        self._app.push_screen(PaletteScreen(bound_actions(self._app.screen, self._keymap)), self._do)

    def leave(self) -> None:
        """Leave the console, after asking."""
        self._app.push_screen(LeaveDialog(), self._leave)

    async def _do(self, bound: BoundAction | None) -> None:
        if bound is not None and bound.node.is_attached:
            await self._app.run_action(bound.action.action, default_namespace=bound.node)

    def _leave(self, sure: bool | None) -> None:
        if sure:
            self._app.exit(0)
