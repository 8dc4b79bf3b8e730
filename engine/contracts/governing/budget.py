"""Money as people and programs see it. Amounts are whole billionths of a US dollar."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from engine.contracts.model import Contract
from engine.contracts.times import Timestamp


class SpendBy(StrEnum):
    """What sums of spending are told apart by."""

    TENANT = "tenant"
    PACK = "pack"
    STEP = "step"
    MODEL = "model"
    DAY = "day"


class SpendSum(Contract):
    """What some calls of models used and cost."""

    calls: int = Field(default=0, description="Answers, and calls that failed after a part of one.")
    unpriced: int = Field(default=0, description="Calls whose cost is unknown; they are not in `cost`.")
    estimated: int = Field(default=0, description="Calls whose tokens the server did not tell.")
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = Field(default=0, description="Of the input: what the server had kept.")
    cost: int = Field(default=0, description="Billionths of a US dollar.")

    def plus(self, other: SpendSum) -> SpendSum:
        """Both together."""
        return SpendSum(
            **{name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields}
        )


class SpendRow(Contract):
    """A sum with what it is of: a tenant, pack, `pack/flow/step`, model, or a day (`2026-11-28`)."""

    name: str
    sum: SpendSum


class Spending(Contract):
    """What models used and cost in a time, told apart by one thing; dearest first, days in order."""

    by: SpendBy
    since: Timestamp | None = Field(default=None, description="None: from the beginning.")
    until: Timestamp | None = Field(default=None, description="None: until now.")
    time_zone: str = Field(description="That of days and months.")
    total: SpendSum
    rows: tuple[SpendRow, ...] = ()


class CapScope(StrEnum):
    """What a cap is a cap of; always within one tenant."""

    TENANT = "tenant"
    PACK = "pack"
    MODEL = "model"
    RUN = "run"
    """A run together with those it was started by and those it starts."""


class CapWindow(StrEnum):
    """The time for which a cap holds anew."""

    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class CapOf:
    """Which cap is meant: there is one of each name in each window; `*` is each name by itself."""

    scope: CapScope
    name: str
    window: CapWindow


@dataclass(frozen=True, slots=True)
class CapTerms:
    """What a cap is to be, in billionths of a US dollar; with neither amount it is taken back."""

    soft: int | None = None
    hard: int | None = None
    pause: bool | None = None
    """Runs wait at the soft cap until a person has said how they go on; None: as it was before."""


def words_of_cap(scope: str, name: str, window: str) -> str:
    """Which cap it is, for people: `tenant acme of this month`."""
    return f"{scope} {name}" if window == CapWindow.TOTAL else f"{scope} {name} of this {window}"


class CapState(StrEnum):
    """How spending stands to a cap; exactly at it is reached."""

    OK = "ok"
    SOFT = "soft"
    HARD = "hard"


class CapView(Contract):
    """A cap as it holds now for one tenant, pack, model or run."""

    scope: CapScope
    tenant: str
    name: str = Field(description="The tenant, the pack, the model's name, or the outermost run.")
    window: CapWindow
    source: str = Field(description="`settings`, `person`, or `pack`: who wrote it.")
    soft: int | None = Field(default=None, description="Top-ups are part of it, as of `hard`.")
    hard: int | None = None
    pauses: bool = Field(
        default=False, description="Runs wait at the soft cap until a person has said how they go on."
    )
    topped_up: int = 0
    spent: int = 0
    held: int = Field(default=0, description="The most that calls under way may cost.")
    held_calls: int = 0
    unpriced: int = Field(default=0, description="Calls of unknown cost, which are not in `spent`.")
    left: int | None = Field(default=None, description="Of the hard cap, with what is held taken off.")
    state: CapState
    since: Timestamp | None = Field(default=None, description="When its window began; None for `total`.")
    until: Timestamp | None = Field(default=None, description="When its window ends.")
    runs_out_at: Timestamp | None = Field(
        default=None,
        description="When it is used up if spending goes on as in this window; None: not in it, or already.",
    )


class AsShown(Contract):
    """A cap as somebody saw it who changes it; both None where none held."""

    soft: int | None = Field(default=None, description="With its top-ups, as in `CapView`.")
    hard: int | None = None


class BudgetAct(Contract):
    """Something that happened to a cap: it was set, removed or topped up, its soft cap was reached, or it was
    said there how runs go on."""

    ts: Timestamp
    kind: str = Field(
        description="`cap_set`, `cap_removed`, `topped_up`, `soft_reached`, `lowered`, `stopped`."
    )
    scope: CapScope
    tenant: str
    name: str
    window: CapWindow
    actor: str
    account: str | None = Field(default=None, description="The account a person acted from.")
    via: str
    amount: int | None = Field(
        default=None, description="Of a top-up; of what was spent when it was reached."
    )
    soft: int | None = None
    hard: int | None = None
    comment: str = ""


class TokenCeiling(Contract):
    """The most tokens of a run together with all that hang together with it, as settings say."""

    pack: str = Field(description="Whose runs; `*`: those of every pack that has none of its own.")
    limit: int | None = Field(description="None: the runs of this pack have no ceiling, others have.")


class Caps(Contract):
    """All caps that hold, the one with the least left first, and what happened to them, newest first."""

    time_zone: str
    held: int = Field(default=0, description="The most that calls under way may cost, all together.")
    held_calls: int = 0
    price_table: str = Field(default="", description="The date of the shipped prices.")
    caps: tuple[CapView, ...] = ()
    acts: tuple[BudgetAct, ...] = ()
    run_tokens: tuple[TokenCeiling, ...] = ()
