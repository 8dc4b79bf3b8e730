"""What a run is to be told, in the order it came: mail, how its calls ended, what agents ask."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from engine.frozen import frozen

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

    from engine.machine.model.inputs import Input


@frozen
class Incoming:
    """An input of the run, its id when it was mail, and the blobs its values refer to."""

    given: Input
    mail_id: int | None = None
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    words: str | None = None
    """What the run is found by once it has ended."""


class Inbox:
    """Inputs that wait; `wake` is set when one comes. A mail counts once, however often it is delivered."""

    def __init__(self, mail: Sequence[tuple[int, Input]], wake: asyncio.Event) -> None:
        self._wake = wake
        self._waiting = [Incoming(given, mail_id) for mail_id, given in mail]
        self._delivered = {mail_id for mail_id, _ in mail}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def mail_seen(self) -> int:
        """The newest mail that came."""
        return max(self._delivered, default=0)

    def deliver(self, mail_id: int, given: Input) -> None:
        """Mail came."""
        if mail_id not in self._delivered:
            self._delivered.add(mail_id)
            self._waiting.append(Incoming(given, mail_id))
            self._wake.set()

    def tell(self, given: Input, blobs: Mapping[str, bytes]) -> None:
        """A call ended, or asks something."""
        self._waiting.append(Incoming(given, blobs=blobs))
        self._wake.set()

    def take(self) -> list[Incoming]:
        """All that waits."""
        taken, self._waiting = self._waiting, []
        return taken

    def take_results(self) -> list[Incoming]:
        """What calls told; mail stays."""
        taken = [one for one in self._waiting if one.mail_id is None]
        self._waiting = [one for one in self._waiting if one.mail_id is not None]
        return taken
