"""What two catalogs differ in, told pack by pack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.packs.versions import PackNotice, PackOutcome

if TYPE_CHECKING:
    from engine.packs.catalog.catalog import Catalog
    from engine.packs.catalog.entries import CatalogEntry
    from engine.packs.catalog.pack_views import PackStatus


def notices(before: Catalog, after: Catalog, status: PackStatus) -> tuple[PackNotice, ...]:
    """One notice for every pack directory that came, went or changed."""
    known = {found.reading.place.key: found for found in before.found}
    found_notices: list[PackNotice] = []
    for found in after.found:
        outcome = _outcome(known.pop(found.reading.place.key, None), found)
        if outcome is not None:
            found_notices.append(_notice(found, outcome, status))
    found_notices += [_notice(gone, PackOutcome.REMOVED, status) for gone in known.values()]
    return tuple(found_notices)


def _outcome(before: CatalogEntry | None, after: CatalogEntry) -> PackOutcome | None:
    if before is None:
        return PackOutcome.FAILED if after.problems else PackOutcome.ADDED
    if after.problems:
        same = before.problems == after.problems and _contents(before) == _contents(after)
        return None if same else PackOutcome.FAILED
    same = not before.problems and _contents(before) == _contents(after)
    return None if same else PackOutcome.CHANGED


def _contents(found: CatalogEntry) -> tuple[str, str, str]:
    return found.pack.pack_id, found.pack.content.digest, found.reading.files.content.digest


def _notice(found: CatalogEntry, outcome: PackOutcome, status: PackStatus) -> PackNotice:
    removed = outcome is PackOutcome.REMOVED
    problems = () if removed else found.problems
    return PackNotice(
        pack=found.pack.pack_id,
        label=status.label(found.pack),
        outcome=outcome,
        problems=len(problems),
        first_problem=problems[0] if problems else None,
    )
