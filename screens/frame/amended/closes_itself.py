"""Screens that close themselves and no other, whatever has been opened above them by then."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import ScreenResultType

from screens.frame.amended.laid_out_once import LaidOutOnce


class ClosesItself(LaidOutOnce[ScreenResultType]):
    """Textual takes off what is on top: after a wait that may be the help, or the screen below."""

    _left_with: tuple[ScreenResultType | None] | None = None

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close, now or when what lies above has gone; one that is closed already stays so."""
        if self.is_active:
            return super().dismiss(result)
        self._left_with = (result,)
        return AwaitComplete()

    def on_screen_resume(self) -> None:
        """Nothing lies above any more."""
        if self._left_with is not None:
            self.dismiss(*self._left_with)
