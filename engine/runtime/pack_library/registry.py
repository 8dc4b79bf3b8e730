"""Publishing versions of packs: their content never changes again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.contracts.packs.versions import PackVersion, SignatureState
from engine.contracts.times import from_micros
from engine.errors import ErrorCode, InvalidInput, PackInvalid, Refused
from engine.journal.rules.publishing import PublishedPack
from engine.safe_text import is_unicode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.config import EngineConfig
    from engine.contracts.actor import Actor
    from engine.journal.port import Journal
    from engine.packs.catalog.entries import CatalogEntry
    from engine.packs.source.content import PackContent
    from engine.runtime.clock import Clock
    from engine.runtime.pack_library.catalog_source import CatalogSource
    from engine.runtime.pack_library.library import PackLibrary

MAX_SBOM_BYTES = 1024 * 1024


class PackRegistry:
    """Versions of packs in the journal."""

    def __init__(
        self,
        config: EngineConfig,
        journal: Journal,
        clock: Clock,
        source: CatalogSource,
        library: PackLibrary,
    ) -> None:
        self._keys = config.signing_keys
        self._journal = journal
        self._clock = clock
        self._source = source
        self._library = library

    async def versions(self, pack: str) -> tuple[PackVersion, ...]:
        """See facade."""
        return _views(await self._journal.packs.versions(pack))

    async def publish(
        self, pack: str, actor: Actor, sbom: str | None, digest: str | None = None
    ) -> PackVersion:
        """See facade."""
        if sbom is not None and not is_unicode(sbom):
            raise InvalidInput("the bill of materials holds half a character, which is no text")
        if sbom is not None and len(sbom.encode()) > MAX_SBOM_BYTES:
            words = f"the bill of materials is larger than {MAX_SBOM_BYTES:,} bytes"
            raise InvalidInput(words, {"limit_bytes": MAX_SBOM_BYTES})
        await self._source.refresh()
        found = await self._library.require_entry(pack)
        if digest not in {None, found.pack.content.digest}:
            raise Refused(
                ErrorCode.CODE_CHANGED,
                f"pack {pack} is not what was shown any more; look at it again",
                {"pack": pack, "shown": digest, "found": found.pack.content.digest},
            )
        if found.problems:
            problems = f"{len(found.problems)} problem{'' if len(found.problems) == 1 else 's'}"
            raise PackInvalid(
                f"pack {pack} has {problems}, so it is not published: {found.problems[0]}",
                {"problems": [problem.model_dump(mode="json") for problem in found.problems]},
            )
        record = await asyncio.to_thread(self._record, found, actor.name, sbom)
        stored = await self._journal.packs.publish(record, found.pack.content.to_json())
        versions = await self.versions(pack)
        return next(version for version in versions if version.version == stored.version)

    def _record(self, found: CatalogEntry, actor: str, sbom: str | None) -> PublishedPack:
        pack, manifest = found.pack, found.pack.manifest
        assert manifest is not None  # a pack without problems has one
        signature = manifest.author.signature
        signed_by = _signed_by(pack.content, signature, self._keys)
        return PublishedPack(
            pack=pack.pack_id,
            version=manifest.version,
            digest=pack.content.digest,
            published_at=self._clock.now(),
            published_by=actor,
            author=manifest.author.name,
            provenance=manifest.author.provenance,
            signature=signature,
            signature_state=_state(signature, signed_by),
            signed_by=signed_by,
            sbom=sbom,
        )


def _signed_by(content: PackContent, signature: str | None, keys: Mapping[str, str]) -> str | None:
    from engine.packs.publishing.signature import signer, signing_digest  # noqa: PLC0415 - see CatalogSource

    if not signature or not keys:
        return None
    digest = signing_digest(content)
    name = signer(digest, signature, keys)
    if name is None:
        raise Refused(
            ErrorCode.SIGNATURE_INVALID,
            f"the signature of {content.pack_id} was made by none of the keys in packs.signing_keys "
            f"({', '.join(sorted(keys))}), or for other content; what has to be signed is {digest}",
            {"pack": content.pack_id, "signing_digest": digest, "keys": sorted(keys)},
        )
    return name


def _state(signature: str | None, signed_by: str | None) -> SignatureState:
    if signed_by is not None:
        return SignatureState.VERIFIED
    return SignatureState.UNCHECKED if signature else SignatureState.NONE


def _views(rows: Sequence[PublishedPack]) -> tuple[PackVersion, ...]:
    from engine.packs.versions import newest_first  # noqa: PLC0415 - see CatalogSource

    by_version = {row.version: row for row in rows}
    ordered = newest_first(by_version)
    return tuple(_view(by_version[version], latest=version == ordered[0]) for version in ordered)


def _view(row: PublishedPack, *, latest: bool) -> PackVersion:
    return PackVersion(
        pack=row.pack,
        version=row.version,
        digest=row.digest,
        latest=latest,
        published_at=from_micros(row.published_at),
        published_by=row.published_by,
        author=row.author,
        provenance=row.provenance,
        signature=row.signature,
        signature_state=SignatureState(row.signature_state),
        signed_by=row.signed_by,
        sbom=row.sbom,
    )
