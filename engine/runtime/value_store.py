"""Values of runs: how one is kept, loaded whole and shown masked. Large ones lie in the journal by digest."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from engine.errors import ErrorCode, Unavailable, VasiniError
from engine.governance.redactor import MAX_DEPTH, StoredValue
from engine.journal.encoding import decode, encode
from engine.large_values import LARGE_BYTES, is_large, off_loop_if_large
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

    from engine.governance.redactor import Redactor
    from engine.journal.port import Journal

LIMIT_BYTES = 64 * 1024 * 1024
_IMAGE = f'"{IMAGE_KEY}"'.encode()
T = TypeVar("T")
_Held = dict[str, tuple[Any, int]]
"""Values by digest, with the bytes of their JSON."""


@dataclass(slots=True)
class _Done:
    """Work on a large value that was done in a thread: what came of it."""

    name: str
    value: Any
    result: Any = None
    error: VasiniError | None = None


class _WorkNeeded(Exception):
    """A large value has to be worked on in a thread first."""

    def __init__(self, name: str, value: Any, work: Callable[[], Any]) -> None:
        super().__init__(name)
        self.name, self.value, self.work = name, value, work

    def do(self) -> _Done:
        """The work; what is wrong with the value is told where it is wanted."""
        try:
            return _Done(self.name, self.value, result=self.work())
        except VasiniError as error:
            return _Done(self.name, self.value, error=error)


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
        self._done: list[_Done] | None = None
        """Of the computation that is under way, in its order; None where there is none."""
        self._place = 0
        self._read: _Held = {}
        """What was read or made for it, however much that is: else one would drive out the other for ever."""

    def store(self, value: Any, *, levels: int = MAX_DEPTH) -> StoredValue:
        """The form of a value that an event holds; its `blobs` have to be in the event's commit.

        Raises InvalidInput for what is not JSON or nested deeper than `levels`.
        """
        return self._stored(value, f"store {levels}", lambda: self._redactor.storable(value, levels=levels))

    def store_joined(self, joined: Any, value: Any, *, levels: int = MAX_DEPTH) -> StoredValue:
        """The same for a `value` that is `joined` from few stored ones, under names that say nothing."""
        if self._redactor.holds_whole(encode(joined).encode()):
            return StoredValue(value)
        return self.store(value, levels=levels)

    async def store_any(self, value: Any) -> StoredValue:
        """The same for a value that may be large."""
        if not is_large(value):
            return self.store(value)
        stored, held = await asyncio.to_thread(lambda: _with_values(self._redactor.storable(value)))
        self._hold(held)
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
            await self._take(found)
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

    def redact_lines(self, lines: list[str]) -> list[str]:
        """The same for texts without line ends, of which there may be many."""
        return self._redactor.redact_lines(lines)

    def redact_beginning(self, text: str) -> str:
        """The masked beginning of a longer text, without what its cut may have made unrecognizable."""
        return self._redactor.redact_beginning(text)

    async def redacted(self, value: Any) -> Any:
        """A stored value whole and masked."""
        if value is None:
            return None
        whole = await self.load(value)
        return await off_loop_if_large(whole, lambda: self.redact(whole))

    def preview(self, value: Any) -> Any:
        """A masked, shortened form of a value without secrets."""
        return self._redactor.preview(value)

    def resolve(self, digest: str) -> Any:
        """The value behind a digest. Raises BlobNeeded when it has to be loaded first."""
        held = self._held.get(digest)
        if held is not None:
            self._held.move_to_end(digest)
            return held[0]
        if digest in self._read:
            return self._read[digest][0]
        raise BlobNeeded(digest)

    async def with_loaded(
        self, compute: Callable[[], Any], unsaved: Mapping[str, bytes] = MappingProxyType({})
    ) -> Any:
        """`compute()`, loading whatever values it turns out to need: it is computed again with these, and
        with what was made of large values in a thread. Those that are `unsaved` the journal does not have."""
        done: list[_Done] = []
        read: _Held = {}
        while True:
            self._done, self._place, self._read = done, 0, read
            try:
                return compute()
            except BlobNeeded as needed:
                digest, work = needed.digest, None
            except _WorkNeeded as needed:
                digest, work = "", needed
            finally:
                self._done, self._read = None, {}
            if work is not None:
                done.append(await asyncio.to_thread(work.do))
            else:
                data = unsaved.get(digest) or await self._journal.blob(digest)
                read |= await self._take({digest: data})

    def apart(self, value: Any, name: str, work: Callable[[], T], *, heavy: bool = False) -> T:
        """`work()`, which looks at all of `value`: within `with_loaded` in a thread when that is large, or it
        is `heavy` work. `name` tells it from other work on the same value."""
        if self._done is None or not (heavy or is_large(value)):
            return work()
        self._place += 1
        if self._place > len(self._done):
            raise _WorkNeeded(name, value, work)
        one = self._done[self._place - 1]
        if one.name != name or one.value != value:  # not what was computed before: no end of it
            return work()
        if one.error is not None:
            raise one.error
        result: T = one.result
        return result

    def _stored(self, value: Any, name: str, storable: Callable[[], StoredValue]) -> StoredValue:
        if self._done is None or not is_large(value):
            stored = storable()
            if stored.blobs:
                new = stored.blobs.keys() - self._held.keys()
                self._made({digest: _value_of(stored.blobs[digest]) for digest in new})
            return stored
        stored, held = self.apart(value, name, lambda: _with_values(storable()))
        self._made(held)
        return stored

    def _made(self, values: _Held) -> None:
        self._hold(values)
        if self._done is not None:  # no journal has them yet
            self._read |= values

    async def _take(self, blobs: Mapping[str, bytes | None]) -> _Held:
        """Hold what was read of the journal. Raises Unavailable as `load`."""

        def read() -> _Held:
            return {digest: _value_of(_as_stored(digest, data)) for digest, data in blobs.items()}

        large = sum(len(data) for data in blobs.values() if data) > LARGE_BYTES
        values = await asyncio.to_thread(read) if large else read()
        self._hold(values)
        return values

    def _hold(self, values: _Held) -> None:
        for digest, (value, size) in values.items():
            if digest not in self._held:
                self._held[digest] = value, size
                self._size += size
        while self._size > self._limit and len(self._held) > 1:
            _, (_, size) = self._held.popitem(last=False)
            self._size -= size


def _with_values(stored: StoredValue) -> tuple[StoredValue, _Held]:
    return stored, {digest: _value_of(data) for digest, data in stored.blobs.items()}


def _value_of(data: bytes) -> tuple[Any, int]:
    value = decode(data)
    return with_images(value) if _IMAGE in data else value, len(data)


def _as_stored(digest: str, data: bytes | None) -> bytes:
    if data is None or hashlib.sha256(data).hexdigest() != digest:
        what = "is missing" if data is None else "is not what was stored"
        message = f"the stored value {digest} {what}"
        raise Unavailable(ErrorCode.JOURNAL_CORRUPT, message, {"digest": digest})
    return data
