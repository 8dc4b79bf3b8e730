"""The shipped prices: a file made once from published data, with its date and digest. Nothing is fetched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from engine.budget.price import Price, Rates

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = "prices.json"


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """A model of the table that fits; `price` is None for one that is charged for by more than tokens."""

    provider: str
    model: str
    price: Price | None


class PriceTable:
    """Prices by the URL of a server and the name of a model there."""

    def __init__(self, data: bytes) -> None:
        found = from_json(data)
        self.source = str(found["source"])
        self.date = str(found["date"])
        self.digest = sha256(data).hexdigest()
        self._providers: Mapping[str, Any] = {one["id"]: one for one in found["providers"]}

    def find(self, url: str, model: str) -> ListedPrice | None:
        """The price of a model that is asked there; None when the table does not have it."""
        for provider in self._providers.values():
            if re.match(provider["urls"], url):
                names = (provider["id"], *provider["also"])
                listed = (self._listed(name, model.lower()) for name in names)
                return next((one for one in listed if one is not None), None)
        return None

    def _listed(self, provider: str, model: str) -> ListedPrice | None:
        for one in self._providers[provider]["models"]:
            if _fits(one["match"], model):
                rates = one["rates"]
                price = Price(tuple(Rates(*row) for row in rates)) if rates is not None else None
                return ListedPrice(provider, one["id"], price)
        return None


@cache
def shipped_table() -> PriceTable:
    """The table that is part of this program; read once, when it is first asked."""
    return PriceTable(resources.files(__package__).joinpath(_FILE).read_bytes())


def _fits(clause: Mapping[str, Any], model: str) -> bool:
    ((kind, value),) = clause.items()
    match kind:
        case "any":
            return any(_fits(part, model) for part in value)
        case "all":
            return all(_fits(part, model) for part in value)
        case "regex":
            return re.search(value, model) is not None
        case "starts":
            return model.startswith(value.lower())
        case "ends":
            return model.endswith(value.lower())
        case "contains":
            return value.lower() in model
    return bool(model == value.lower())
