"""Packs on SQLite: last good contents, the registry, trusted code."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from engine.journal.changes import PACKS
from engine.journal.rules.publishing import GoodPack, PinnedRuns, PublishedPack, TrustedCode, check_published
from engine.journal.sqlite.file.connection import is_whole
from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Sequence

    from engine.journal.sqlite.transaction import Transaction
    from engine.journal.sqlite.writer import Writer


class SqlitePacks:
    """Implements `engine.journal.rules.publishing.PackStore`."""

    def __init__(
        self, writer: Writer, read: Callable[[str, Sequence[Any]], Awaitable[list[sqlite3.Row]]]
    ) -> None:
        self._writer = writer
        self._read = read

    async def keep_good(self, packs: Sequence[tuple[GoodPack, str]], now: int) -> None:
        """See port."""

        def write(transaction: Transaction) -> None:
            for pack, content in packs:
                transaction.execute(query("pin_content"), (pack.digest, content))
                row = (pack.directory, pack.pack, pack.digest, pack.read_at, now)
                transaction.execute(query("put_good_pack"), row)

        await self._writer.run(write)

    async def good(self) -> list[GoodPack]:
        """See port."""
        return [GoodPack(**dict(row)) for row in await self._read(query("select_good_packs"), ())]

    async def publish(self, version: PublishedPack, content: str) -> PublishedPack:
        """See port."""

        def write(transaction: Transaction) -> PublishedPack:
            key = (version.pack, version.version)
            row = transaction.execute(query("select_pack_version"), key).fetchone()
            if row is not None:
                return check_published(PublishedPack(**dict(row)), version)
            transaction.execute(query("pin_content"), (version.digest, content))
            transaction.execute(query("put_pack_version"), astuple(version))
            return version

        return await self._writer.run(write, PACKS)

    async def versions(self, pack: str) -> list[PublishedPack]:
        """See port."""
        rows = await self._read(query("select_pack_versions"), (pack,))
        return [PublishedPack(**dict(row)) for row in rows]

    async def published(self) -> dict[tuple[str, str], str]:
        """See port."""
        rows = await self._read(query("select_published"), ())
        return {(row["pack"], row["version"]): row["digest"] for row in rows}

    async def trust(self, code: TrustedCode) -> None:
        """See port."""
        await self._writer.run(lambda db: db.execute(query("put_trusted_code"), astuple(code)), PACKS)

    async def trusted(self) -> list[TrustedCode]:
        """See port."""
        return [TrustedCode(**dict(row)) for row in await self._read(query("select_trusted_code"), ())]

    async def pinned_runs(self, tenant: str | None) -> list[PinnedRuns]:
        """See port."""
        rows = [tuple(row) for row in await self._read(query("count_pinned"), (tenant, tenant))]
        return [PinnedRuns(*row) for row in rows if is_whole(row)]

    async def run_totals(self, tenant: str | None) -> dict[str, int]:
        """See port."""
        rows = await self._read(query("count_runs_of_packs"), (tenant, tenant))
        return {row["pack"]: row["runs"] for row in rows}

    async def written(self) -> int:
        """See port."""
        return int((await self._read(query("packs_written"), ()))[0][0])
