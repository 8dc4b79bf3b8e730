"""What an operator says about money: prices of models, and what may be spent."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from engine.budget.price import PER, Price, Rates
from engine.contracts.moment import TimeZoneName
from engine.contracts.money import billionths
from engine.models.settings import ModelName

_MOST_PER_MILLION = 1_000_000_000
_TOKENS = {"1k": 1000, "1M": PER}


def _exact(amount: Decimal) -> Decimal:
    billionths(amount)
    return amount


Amount = Annotated[Decimal, Field(ge=0, le=_MOST_PER_MILLION), AfterValidator(_exact)]
"""US dollars, at most nine places behind the point."""


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ModelPrice(_Group):
    """US dollars for so many tokens. Without `cached` what a server had kept costs what any input does."""

    input: Amount
    output: Amount
    cached: Amount | None = None
    per: Literal["1k", "1M"] = "1M"

    @property
    def price(self) -> Price:
        """In billionths per million tokens."""
        scale = PER // _TOKENS[self.per]
        fresh, output = (billionths(amount) * scale for amount in (self.input, self.output))
        cached = fresh if self.cached is None else billionths(self.cached) * scale
        return Price((Rates(0, fresh, cached, output),))


class BudgetSettings(_Group):
    """Money. `prices`: of models by the name they have below `models.named`, over the shipped table.

    `time_zone`: that of its days and months.
    """

    prices: dict[ModelName, ModelPrice] = Field(default_factory=dict)
    time_zone: TimeZoneName = "UTC"
