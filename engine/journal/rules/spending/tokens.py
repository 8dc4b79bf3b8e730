"""Tokens below the ceiling of a run: held for questions of all its tree, with their money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.journal.rules.store import Store


@dataclass(frozen=True, slots=True)
class OverTokenCeiling:
    """A question may not be put, or not yet (`waits`): of `limit` tokens so many are `used`, so many held for
    questions under way, and it may take `most`."""

    limit: int
    used: int
    held: int
    most: int
    waits: bool


def over_token_ceiling(store: Store, tree: str, limit: int, most: int) -> OverTokenCeiling | None:
    """What keeps a question that may take `most` tokens below the ceiling of its tree; None: nothing."""
    used = store.tokens_of(tree)
    held = sum(one["input_tokens"] + one["output_tokens"] for one in store.holds() if one["tree"] == tree)
    if used + held + most <= limit:
        return None
    return OverTokenCeiling(limit, used, held, most, waits=used + most <= limit)
