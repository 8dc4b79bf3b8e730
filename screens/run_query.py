"""What is typed after `/` on the runs screen, as a filter of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.run import RunFilter
from screens.status_words import RUN_WORDS

if TYPE_CHECKING:
    from engine.contracts.status import RunStatus


def run_filter(typed: str, tenant: str) -> RunFilter:
    """Words are looked for in ids, packs, flows and names; `status:`, `pack:`, `flow:` name a field.

    A word that is a status (`failed`, `pending_human`) filters by it; several statuses are joined by or.
    A `status:` that is not complete yet takes every status that begins so.
    """
    statuses: list[RunStatus] = []
    fields: dict[str, str] = {}
    words: list[str] = []
    for word in typed.split():
        name, colon, value = word.partition(":")
        if colon and name in ("pack", "flow") and value:
            fields[name] = value
        elif colon and name == "status" and (begun := _beginning(value)) is not None:
            statuses += [status for status in begun if status not in statuses]
        elif word.lower() in RUN_WORDS:
            statuses.append(RUN_WORDS[word.lower()])
        else:
            words.append(word)
    return RunFilter(
        status=tuple(statuses),
        pack=fields.get("pack"),
        flow=fields.get("flow"),
        tenant=tenant,
        text=" ".join(words) or None,
    )


def _beginning(value: str) -> list[RunStatus] | None:
    """Statuses that begin so; none yet for an empty value, None when no status ever will."""
    begun = [status for word, status in RUN_WORDS.items() if value and word.startswith(value.lower())]
    return begun if begun or not value else None
