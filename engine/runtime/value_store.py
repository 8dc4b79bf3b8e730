"""Values of runs: how one is kept, loaded whole and shown masked. Large ones lie in the journal by digest."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from engine.errors import ErrorCode, Unavailable
from engine.governance.redactor import MAX_DEPTH
from engine.journal.encoding import decode
from engine.runtime.large_values import off_loop_if_large
from engine.values import (
    IMAGE_KEY,
    BlobNeeded,
    digests_in,
    follow,
    is_blob,
    is_list_ref,
    resolve_value,
    with_images,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from engine.governance.redactor import Redactor, StoredValue
    from engine.journal.port import Journal

LIMIT_BYTES = 64 * 1024 * 1024
_IMAGE = f'"{IMAGE_KEY}"'.encode()


class ValueStore:
    """Reads through to the journal and holds what was read or made last, up to `limit_bytes` of JSON.

    Held values are shared and never changed: templates cannot change them.
    """

    def __init__(self, journal: Journal, redactor: Redactor, limit_bytes: int = LIMIT_BYTES) -> None:
        self._journal = journal
        self._redactor = redactor
        self._limit = limit_bytes
        self._held: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._size = 0

    def store(self, value: Any, *, levels: int = MAX_DEPTH) -> StoredValue:
        """The form of a value that an event holds; its `blobs` have to be in the event's commit.

        Raises InvalidInput for what is not JSON or nested deeper than `levels`.
        """
        stored = self._redactor.storable(value, levels=levels)
        self._hold(stored.blobs)
        return stored

    def store_joined(self, joined: Any, value: Any, *, levels: int = MAX_DEPTH) -> StoredValue:
        """The same for a `value` that is `joined` from stored ones, under names that say nothing."""
        stored = self._redactor.storable_joined(joined, value, levels=levels)
        self._hold(stored.blobs)
        return stored

    async def store_any(self, value: Any) -> StoredValue:
        """The same for a value that may be large."""
        stored = await off_loop_if_large(value, lambda: self._redactor.storable(value))
        self._hold(stored.blobs)
        return stored

    async def load(self, value: Any) -> Any:
        """A stored value whole: every reference is replaced by what it refers to.

        Raises Unavailable(journal_corrupt) when the journal does not have it as it was stored.
        """
        return await self.with_loaded(lambda: resolve_value(value, self.resolve))

    async def load_stored(self, value: Any) -> Any:
        """The same for a value as `store` gave it: if it refers to anything, then as a whole."""
        return await self.with_loaded(lambda: follow(value, self.resolve))

    async def load_many(self, values: Sequence[Any]) -> list[Any]:
        """The same for many: what they refer to is read at once."""
        referring = (value for value in values if is_blob(value) or is_list_ref(value))
        missing = {digest for value in referring for digest in digests_in(value)} - self._held.keys()
        if len(missing) > 1:
            found = await self._journal.blobs(list(missing))
            self._hold({digest: _as_stored(digest, data) for digest, data in found.items()})
        return [await self.load_stored(value) for value in values]

    async def image(self, digest: str) -> bytes:
        """The bytes of an image that a value refers to. Raises Unavailable as `load`."""
        return _as_stored(digest, await self._journal.blob(digest))

    def scrubbed(self, value: Any) -> Any:
        """A whole value as it will be found where it is stored: secrets replaced."""
        return self._redactor.scrubbed(value)

    def redact(self, value: Any) -> Any:
        """A whole value as errors, titles, screens and the run's folder may hold it: masked."""
        return self._redactor.redact(value)

    def redact_beginning(self, text: str) -> str:
        """The masked beginning of a longer text, without what its cut may have made unrecognizable."""
        return self._redactor.redact_beginning(text)

    async def redacted(self, value: Any) -> Any:
        """A stored value whole and masked."""
        if value is None:
            return None
        return self.redact(await self.load(value))

    def preview(self, value: Any) -> Any:
        """A masked, shortened form of a value without secrets."""
        return self._redactor.preview(value)

    def resolve(self, digest: str) -> Any:
        """The value behind a digest. Raises BlobNeeded when it has to be loaded first."""
        held = self._held.get(digest)
        if held is None:
            raise BlobNeeded(digest)
        self._held.move_to_end(digest)
        return held[0]

    async def with_loaded(self, compute: Callable[[], Any]) -> Any:
        """`compute()`, loading whatever values it turns out to need."""
        while True:
            try:
                return compute()
            except BlobNeeded as needed:
                await self._fetch(needed.digest)

    async def _fetch(self, digest: str) -> None:
        self._hold({digest: _as_stored(digest, await self._journal.blob(digest))})

    def _hold(self, blobs: Mapping[str, bytes]) -> None:
        for digest, data in blobs.items():
            if digest not in self._held:
                value = decode(data)
                self._held[digest] = (with_images(value) if _IMAGE in data else value, len(data))
                self._size += len(data)
        while self._size > self._limit and len(self._held) > 1:
            _, (_, size) = self._held.popitem(last=False)
            self._size -= size


def _as_stored(digest: str, data: bytes | None) -> bytes:
    if data is None or hashlib.sha256(data).hexdigest() != digest:
        what = "is missing" if data is None else "is not what was stored"
        message = f"the stored value {digest} {what}"
        raise Unavailable(ErrorCode.JOURNAL_CORRUPT, message, {"digest": digest})
    return data
