"""What the journal keeps about packs: the port, and its records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.errors import ErrorCode, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class GoodPack:
    """The last content of a directory that had no problems; `before` is the digest before that one."""

    directory: str
    pack: str
    digest: str
    read_at: int
    before: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedPack:
    """A version in the registry."""

    pack: str
    version: str
    digest: str
    published_at: int
    published_by: str
    author: str
    provenance: str | None
    signature: str | None
    signature_state: str
    signed_by: str | None
    sbom: str | None


@dataclass(frozen=True, slots=True)
class TrustedCode:
    """Code that may run."""

    pack: str
    digest: str
    trusted_at: int
    trusted_by: str


@dataclass(frozen=True, slots=True)
class PinnedRuns:
    """How many runs that are not over pinned a content."""

    pack: str
    version: str
    digest: str
    runs: int


class PackStore(Protocol):
    """Packs in the journal; contents are kept by digest beside those that runs pinned."""

    async def keep_good(self, packs: Sequence[tuple[GoodPack, str]], now: int) -> None:
        """Note each (pack, content) as its directory's last good one; an earlier reading changes nothing.

        One from after `now` was read before the clock was set back, so it is an earlier one.
        """
        ...

    async def good(self) -> list[GoodPack]:
        """The last good content of every directory."""
        ...

    async def publish(self, version: PublishedPack, content: str) -> PublishedPack:
        """Publish; the same content again gives what is stored. Raises Refused(`version_conflict`)."""
        ...

    async def versions(self, pack: str) -> list[PublishedPack]:
        """All published versions of a pack."""
        ...

    async def published(self) -> dict[tuple[str, str], str]:
        """(pack, version) -> digest, of everything published."""
        ...

    async def trust(self, code: TrustedCode) -> None:
        """Let code run."""
        ...

    async def trusted(self) -> list[TrustedCode]:
        """All code that may run."""
        ...

    async def pinned_runs(self, tenant: str | None) -> list[PinnedRuns]:
        """Runs of a tenant (None: of every one) that are not over, counted by content."""
        ...

    async def run_totals(self, tenant: str | None) -> dict[str, int]:
        """How many runs of a tenant (None: of every one) each pack has, also those that are over."""
        ...

    async def written(self) -> int:
        """Grows with every publication and every trust."""
        ...


def check_published(stored: PublishedPack, offered: PublishedPack) -> PublishedPack:
    """What is stored when it is the same content. Raises Refused."""
    if stored.digest == offered.digest:
        return stored
    raise Refused(
        ErrorCode.VERSION_CONFLICT,
        f"{offered.pack} {offered.version} is published with other content, which never changes; "
        "raise `version` in profession-pack.yaml",
        {
            "pack": offered.pack,
            "version": offered.version,
            "published": stored.digest,
            "found": offered.digest,
        },
    )
