"""Stored values at hand: decoded blobs, least recently used ones forgotten."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from engine.errors import ErrorCode, Unavailable
from engine.values import BlobNeeded, resolve_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.journal.port import Journal

LIMIT_BYTES = 64 * 1024 * 1024


class Blobs:
    """Reads through to the journal. Decoded values are shared: templates cannot change them."""

    def __init__(self, journal: Journal, limit_bytes: int = LIMIT_BYTES) -> None:
        self._journal = journal
        self._limit = limit_bytes
        self._held: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._size = 0

    def resolve(self, digest: str) -> Any:
        """The value behind a digest. Raises BlobNeeded when it has to be loaded first."""
        held = self._held.get(digest)
        if held is None:
            raise BlobNeeded(digest)
        self._held.move_to_end(digest)
        return held[0]

    def keep(self, blobs: Mapping[str, bytes]) -> None:
        """Hold values that were just made."""
        for digest, data in blobs.items():
            if digest not in self._held:
                self._held[digest] = (from_json(data), len(data))
                self._size += len(data)
        while self._size > self._limit and len(self._held) > 1:
            _, (_, size) = self._held.popitem(last=False)
            self._size -= size

    async def load(self, digest: str) -> None:
        """Fetch a value. Raises Unavailable(journal_corrupt) when the store does not have it."""
        data = await self._journal.blob(digest)
        if data is None:
            raise Unavailable(
                ErrorCode.JOURNAL_CORRUPT, f"the stored value {digest} is missing", {"digest": digest}
            )
        self.keep({digest: data})

    async def with_loaded(self, compute: Callable[[], Any]) -> Any:
        """`compute()`, loading whatever values it turns out to need."""
        while True:
            try:
                return compute()
            except BlobNeeded as needed:
                await self.load(needed.digest)

    async def full(self, value: Any) -> Any:
        """`value` with every reference replaced by what it refers to."""
        return await self.with_loaded(lambda: resolve_value(value, self.resolve))
