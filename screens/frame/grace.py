"""When a key may decide: not before a person can have seen what is on the card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

Token = tuple[str, ...]
"""What is shown, exactly: id, digest, status. Another token is other content."""


@dataclass(slots=True)
class DecisionGate:
    """Open for one token only, `grace` seconds after it was drawn. `clock` is monotonic seconds.

    `answered`: whether the terminal has told that it shows the content; one that never does proves nothing.
    """

    clock: Callable[[], float]
    grace: float
    answered: bool = False
    _token: Token | None = None
    _drawn_at: float | None = None

    def close(self) -> None:
        """Nothing may be decided."""
        self._token = self._drawn_at = None

    def appearing(self, token: Token) -> None:
        """This content is about to be drawn: closed until `drawn`."""
        self._token, self._drawn_at = token, None
        self.answered = False

    def drawn(self, token: Token, answered: bool) -> None:
        """This content is on the screen now; the first word on it counts."""
        if token == self._token and self._drawn_at is None:
            self._drawn_at = self.clock()
            self.answered = answered

    def knows(self, token: Token) -> bool:
        """Whether this very content is the one that appeared last."""
        return token == self._token

    def is_open(self, token: Token) -> bool:
        """Whether this very content has been on the screen for the time of grace."""
        if token != self._token or self._drawn_at is None:
            return False
        return self.clock() - self._drawn_at >= self.grace
