"""A screen with a folding tree on it: long texts open above it, paths go to the clipboard."""

from __future__ import annotations

from textual import on

from screens.frame.screen import ConsoleScreen
from screens.overlays.text_screen import TextScreen
from screens.widgets.json.json_view import JsonView


class JsonScreen(ConsoleScreen):
    """What the trees of a screen ask for is done by the screen."""

    @on(JsonView.TextOpened)
    def _open_text(self, message: JsonView.TextOpened) -> None:
        self.app.push_screen(TextScreen(self.state, message.path, message.text))

    @on(JsonView.PathWanted)
    def _copy_path(self, message: JsonView.PathWanted) -> None:
        self.copy(message.path)
