"""The prices in force: those of the settings, else the shipped table's; one that nobody has is unknown."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from engine.budget.price import FREE, Price, PriceSource
from engine.budget.price_table import shipped_table
from engine.frozen import frozen
from engine.models.settings import ProviderName
from engine.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.budget.settings import BudgetSettings
    from engine.models.settings import ModelSettings, NamedModel


@frozen
class QuotedPrice:
    """A model with its price; None is unknown. `listed` names the entry of the table that fits."""

    name: str
    provider: str
    model: str
    price: Price | None
    source: PriceSource
    listed: str = ""


class PriceBook:
    """Prices of the models that the settings name."""

    def __init__(self, models: ModelSettings, settings: BudgetSettings) -> None:
        self._models = models
        self._own = settings.prices
        self.loaded = False
        """Whether a price can be told without reading a file."""

    def load(self) -> None:
        """Read the shipped table (blocking)."""
        shipped_table()
        self.loaded = True

    @cached_property
    def digest(self) -> str:
        """That of all prices in force: the table's and the settings'."""
        own = {name: repr(price.price) for name, price in self._own.items()}
        return digest_of({"table": shipped_table().digest, "own": own})

    def quotes(self) -> Iterator[QuotedPrice]:
        """All models by name."""
        for name in sorted(self._models.all):
            yield self.quote(name)

    def quote(self, name: str) -> QuotedPrice:
        """What the model of that name costs now. The name is one of the settings."""
        named = self._models.all[name]
        price, source, listed = self._price(name, named)
        return QuotedPrice(name, named.provider.value, named.model, price, source, listed)

    def _price(self, name: str, named: NamedModel) -> tuple[Price | None, PriceSource, str]:
        if named.provider is ProviderName.SCRIPTED:
            return FREE, PriceSource.SCRIPTED, ""
        own = self._own.get(name)
        if own is not None:
            return own.price, PriceSource.SETTINGS, ""
        found = shipped_table().find(named.url, named.model)
        if found is None or found.price is None:
            return None, PriceSource.UNKNOWN, ""
        return found.price, PriceSource.TABLE, f"{found.provider}/{found.model}"
