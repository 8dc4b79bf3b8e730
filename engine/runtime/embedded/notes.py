"""`engine.drafts` and `engine.saved_filters` on a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.actor import EVERY_TENANT
from engine.errors import InvalidInput
from engine.governance.access import AccessScoped
from engine.journal.encoding import decode
from engine.journal.records import Owner
from engine.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.notes import SavedFilter
    from engine.governance.redactor import Redactor
    from engine.journal.port import Journal
    from engine.runtime.clock import Clock

MAX_DRAFT_BYTES = 256 * 1024
MAX_DRAFTS = 200
"""Drafts of one owner; the oldest go."""
MAX_FILTERS = 100
MAX_NAME = 300


class Drafts(AccessScoped):
    """Implements `engine.facade.notes.Drafts`."""

    def __init__(self, journal: Journal, redactor: Redactor, clock: Clock) -> None:
        self._notes = journal.notes
        self._redactor = redactor
        self._clock = clock

    async def get(self, owner: str, key: str) -> dict[str, Any] | None:
        """See facade."""
        text = await self._notes.draft(_owner(self, owner), key)
        return None if text is None else dict(decode(text))

    async def keep(self, owner: str, key: str, draft: Mapping[str, Any]) -> None:
        """See facade."""
        _check_names(owner, key)
        try:
            raw = canonical_json(self._redactor.without_secrets(dict(draft)))
        except (ValueError, TypeError, RecursionError):
            raise InvalidInput("the draft is not JSON: only finite numbers and Unicode text") from None
        if len(raw) > MAX_DRAFT_BYTES:
            raise InvalidInput(
                f"the draft has {len(raw)} bytes, at most {MAX_DRAFT_BYTES} are kept",
                {"size_bytes": len(raw), "limit_bytes": MAX_DRAFT_BYTES},
            )
        now = self._clock.now()
        await self._notes.keep_draft(_owner(self, owner), key, raw.decode(), now, MAX_DRAFTS)

    async def drop(self, owner: str, key: str) -> None:
        """See facade."""
        await self._notes.drop_draft(_owner(self, owner), key)


class SavedFilters(AccessScoped):
    """Implements `engine.facade.notes.SavedFilters`."""

    def __init__(self, journal: Journal, redactor: Redactor) -> None:
        self._notes = journal.notes
        self._redactor = redactor

    async def list(self, owner: str) -> tuple[SavedFilter, ...]:
        """See facade."""
        found = await self._notes.filters(_owner(self, owner))
        from engine.contracts.notes import SavedFilter  # noqa: PLC0415 - few commands show any

        return tuple(SavedFilter.model_construct(name=name, text=text) for name, text in found)

    async def save(self, owner: str, saved: SavedFilter) -> None:
        """See facade."""
        _check_names(owner, saved.name)
        given = [saved.name, saved.text]
        if self._redactor.without_secrets(given) != given:
            raise InvalidInput("the filter holds a secret: it is not stored")
        if not await self._notes.save_filter(_owner(self, owner), saved.name, saved.text, MAX_FILTERS):
            words = f"there are {MAX_FILTERS} saved filters; delete one first"
            raise InvalidInput(words, {"limit": MAX_FILTERS})

    async def drop(self, owner: str, name: str) -> None:
        """See facade."""
        await self._notes.drop_filter(_owner(self, owner), name)


def _check_names(*names: str) -> None:
    for name in names:
        if not 1 <= len(name) <= MAX_NAME:
            raise InvalidInput(f"a name has 1 to {MAX_NAME} characters, not {len(name)}")


def _owner(part: AccessScoped, name: str) -> Owner:
    return Owner(part.access.tenant or EVERY_TENANT, name)
