"""What an operator says about money: prices of models, and what may be spent."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.budget.caps import EACH, Cap
from engine.budget.price import PER, Price, Rates
from engine.contracts.governing.budget import CapScope, CapWindow
from engine.contracts.governing.money import BILLIONTHS, billionths, is_amount
from engine.contracts.moment import TimeZoneName
from engine.models.settings import ModelName

_MOST = 1_000_000_000
_MOST_PER_MILLION = 10_000 * BILLIONTHS
_TOKENS = {"1k": 1000, "1M": PER}


def _exact(amount: Decimal) -> Decimal:
    billionths(amount)
    return amount


def _written(given: object) -> object:
    """A text is an amount as people write one: `Decimal` would take `1_000` and digits of any script."""
    if isinstance(given, str) and (not is_amount(given) or "$" in given):
        raise ValueError("is no amount in dollars, such as 12 or 0.50")
    return given


Amount = Annotated[Decimal, BeforeValidator(_written), Field(ge=0, le=_MOST), AfterValidator(_exact)]
"""US dollars, at most nine places behind the point."""
PositiveAmount = Annotated[Decimal, BeforeValidator(_written), Field(gt=0, le=_MOST), AfterValidator(_exact)]


class _Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class ModelPrice(_Group):
    """US dollars for so many tokens. Without `cached` what a server had kept costs what any input does."""

    input: Amount
    output: Amount
    cached: Amount | None = None
    per: Literal["1k", "1M"] = "1M"

    @model_validator(mode="after")
    def _is_countable(self) -> ModelPrice:
        rates = self.price.rates[0]
        if max(rates.input, rates.cached, rates.output) > _MOST_PER_MILLION:
            raise ValueError("a price is at most 10,000 dollars for a million tokens")
        return self

    @property
    def price(self) -> Price:
        """In billionths per million tokens."""
        scale = PER // _TOKENS[self.per]
        fresh, output = (billionths(amount) * scale for amount in (self.input, self.output))
        cached = fresh if self.cached is None else billionths(self.cached) * scale
        return Price((Rates(0, fresh, cached, output),))


class CapSetting(_Group):
    """What may be spent of one scope in one window; always within a tenant. US dollars."""

    scope: CapScope
    of: Annotated[str, Field(min_length=1, max_length=200)] = EACH
    tenant: Annotated[str, Field(min_length=1, max_length=200)] = EACH
    window: CapWindow | None = None
    soft: PositiveAmount | None = None
    hard: PositiveAmount | None = None
    on_soft: Literal["warn", "pause"] = "warn"

    @model_validator(mode="after")
    def _can_hold(self) -> CapSetting:
        check_cap(self.soft, self.hard)
        if self.on_soft == "pause" and self.soft is None:
            raise ValueError("pauses at its soft cap: say `soft`")
        if self.scope is CapScope.RUN:
            if self.of != EACH or self.window not in {None, CapWindow.TOTAL}:
                raise ValueError(
                    "a cap of runs holds for each run as a whole: it has no `of`, no other window"
                )
        elif self.window is None:
            raise ValueError("says `window`: day, month or total")
        if self.scope is CapScope.TENANT and self.tenant != EACH:
            raise ValueError("names its tenant by `of`")
        return self

    @property
    def cap(self) -> Cap:
        """In billionths."""
        soft, hard = (None if one is None else billionths(one) for one in (self.soft, self.hard))
        tenant = self.of if self.scope is CapScope.TENANT else self.tenant
        window, pause = self.window or CapWindow.TOTAL, self.on_soft == "pause"
        return Cap(self.scope, window, tenant, self.of, soft, hard, pause=pause)


def check_cap(soft: Decimal | None, hard: Decimal | None) -> None:
    """Raises ValueError for a pair that cannot hold."""
    if soft is None and hard is None:
        raise ValueError("says `soft`, `hard` or both")
    if soft is not None and hard is not None and soft > hard:
        raise ValueError("the soft cap is above the hard one")


class BudgetSettings(_Group):
    """Money. `prices`: of models by the name they have below `models.named`, over the shipped table.

    `time_zone`: that of its days and months. `unpriced`: what becomes of calls of unknown cost where a hard
    cap holds. `answer_tokens`: bound of an answer there that has no other.
    """

    prices: dict[ModelName, ModelPrice] = Field(default_factory=dict)
    time_zone: TimeZoneName = "UTC"
    caps: tuple[CapSetting, ...] = ()
    unpriced: Literal["refuse", "allow"] = "refuse"
    answer_tokens: Annotated[int, Field(ge=1, le=10_000_000)] = 4096

    @model_validator(mode="after")
    def _one_of_a_kind(self) -> BudgetSettings:
        kinds = [(one.scope, one.of, one.tenant, one.cap.window) for one in self.caps]
        twice = next((kind for kind in kinds if kinds.count(kind) > 1), None)
        if twice is not None:
            raise ValueError(f"caps: two of {twice[0]} {twice[1]} for the same window")
        return self
