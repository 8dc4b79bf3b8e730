"""Whether a call may begin: never past a hard cap, whatever the calls under way will cost. Pure.

A call is let in when three amounts fit together below every hard cap: what was spent, the most that the calls
under way may cost, and the most that it may cost itself. One that does not fit so waits while others are
under way, as long as it may be expected to fit when they have cost less than they might; when none is under
way any more it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.budget.caps import Limit


class Admission(StrEnum):
    """What becomes of a call that wants to begin."""

    GO = "go"
    WAIT = "wait"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Balance:
    """How spending stands to a limit: spent, and held for calls under way; billionths."""

    limit: Limit
    spent: int
    held: int

    @property
    def left(self) -> int | None:
        """What nothing was spent of and nothing is held for."""
        return None if self.limit.hard is None else max(self.limit.hard - self.spent - self.held, 0)


def admit(balances: Iterable[Balance], most: int, likely: int) -> tuple[Admission, Balance | None]:
    """Whether a call may begin that costs at the most, and probably, so much; and what is in its way."""
    waits: Balance | None = None
    for one in balances:
        hard = one.limit.hard
        if hard is None or one.spent + one.held + most <= hard:
            continue
        if not one.held or one.spent + likely > hard:
            return Admission.REFUSE, one
        waits = waits or one
    return (Admission.GO, None) if waits is None else (Admission.WAIT, waits)


def likely_tokens(sent: int, learned_bytes: int, learned_tokens: int) -> int:
    """Tokens that so many bytes probably make, by what was learned; never more than there are bytes.

    A token is at least one byte, so bytes bound tokens where nothing was learned.
    """
    if learned_bytes <= 0 or learned_tokens <= 0:
        return sent
    return min(sent, -(-sent * learned_tokens // learned_bytes))
