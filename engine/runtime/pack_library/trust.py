"""Showing a pack's code and trusting exactly what was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.packs.versions import CodeReview
from engine.contracts.times import from_micros
from engine.errors import ErrorCode, NotFound, Refused
from engine.journal.rules.publishing import TrustedCode

if TYPE_CHECKING:
    from engine.contracts.actor import Actor
    from engine.journal.port import Journal
    from engine.packs.loaded_pack import LoadedPack
    from engine.runtime.clock import Clock
    from engine.runtime.pack_library.catalog_source import CatalogSource
    from engine.runtime.pack_library.library import PackLibrary


class CodeTrust:
    """Trust in code, by digest, in the journal."""

    def __init__(self, journal: Journal, clock: Clock, source: CatalogSource, library: PackLibrary) -> None:
        self._journal = journal
        self._clock = clock
        self._source = source
        self._library = library

    async def code(self, pack: str) -> CodeReview:
        """See facade."""
        return await self._review(await self._found(pack))

    async def trust(self, pack: str, digest: str, actor: Actor) -> CodeReview:
        """See facade."""
        await self._source.refresh()
        found = await self._found(pack)
        review = await self._review(found)
        if review.digest != digest:
            raise Refused(
                ErrorCode.CODE_CHANGED,
                f"{review.file} of {pack} is not what was shown any more; look at it again",
                {"pack": pack, "shown": digest, "found": review.digest},
            )
        if not review.trusted:
            code = TrustedCode(found.pack_id, digest, self._clock.now(), actor.name)
            await self._journal.packs.trust(code)
        return await self._review(found)

    async def _found(self, pack: str) -> LoadedPack:
        from engine.packs.source.content import CODE  # noqa: PLC0415 - see CatalogSource

        found = await self._library.require(pack)
        if not found.has_code:
            raise NotFound(f"pack {pack} has no code of its own ({CODE})", {"pack": pack})
        return found

    async def _review(self, pack: LoadedPack) -> CodeReview:
        from engine.packs.code import code_digest, code_text  # noqa: PLC0415 - see CatalogSource
        from engine.packs.source.content import CODE  # noqa: PLC0415

        code = pack.content.code
        digest = code_digest(code)
        rows = await self._journal.packs.trusted()
        row = next((row for row in rows if (row.pack, row.digest) == (pack.pack_id, digest)), None)
        return CodeReview(
            pack=pack.pack_id,
            label=await self._library.label(pack),
            file=CODE,
            digest=digest,
            text=code_text(code),
            trusted=row is not None or pack.source == "shipped",
            trusted_by=row.trusted_by if row else None,
            trusted_at=from_micros(row.trusted_at) if row else None,
        )
