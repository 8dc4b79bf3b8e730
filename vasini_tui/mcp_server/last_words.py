"""What a client asked before it closed its end, which it still hears the answers of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from vasini_tui.mcp_server.desk import Desk


class LastWords:
    """Requests that have no answer yet.

    After the last one the `desk` asks people no more; `give_up` is called when answers take longer than
    `patience` seconds then, such as those that nobody reads.
    """

    def __init__(self, desk: Desk, patience: float, *, give_up: Callable[[], None]) -> None:
        self._desk = desk
        self._patience = patience
        self._give_up = give_up
        self._open: set[Any] = set()
        self._unheard = False
        self._none_open = asyncio.Event()
        self._none_open.set()

    def heard(self, message: Any) -> None:
        """A message of the client; what it takes back is not answered."""
        method = getattr(message, "method", None)
        if method == "notifications/cancelled":
            self._close((message.params or {}).get("requestId"))
        elif method is not None and hasattr(message, "id") and not self._unheard:
            self._open.add(message.id)
            self._none_open.clear()

    def answered(self, message: Any) -> None:
        """A message of the server."""
        self._close(getattr(message, "id", None))

    def nobody_listens(self) -> None:
        """No answer reaches the client any more."""
        self._unheard = True
        self._none_open.set()

    async def said(self) -> None:
        """The client says no more: return when all that it asked is answered, or has taken too long."""
        self._desk.hang_up()
        asyncio.get_running_loop().call_later(self._patience, self._give_up)
        try:
            async with asyncio.timeout(self._patience):
                await self._none_open.wait()
        except TimeoutError:
            return

    def _close(self, request_id: Any) -> None:
        if isinstance(request_id, str | int):  # a client may take back what is no id
            self._open.discard(request_id)
        if not self._open:
            self._none_open.set()
