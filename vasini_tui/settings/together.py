"""What can be wrong in settings only when all sources are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.budget.caps import EACH
from engine.contracts.governing.budget import CapScope
from engine.models.settings import ProviderName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine.budget.settings import BudgetSettings
    from engine.models.settings import ModelSettings
    from vasini_tui.settings.config_content import KeyPath
    from vasini_tui.settings.in_force import Settings


def faults_together(values: Settings) -> Iterator[Iterator[tuple[KeyPath, str]]]:
    """One subject after the other: its faults with their places."""
    yield _faulty_models(values.models)
    yield _faulty_prices(values.models, values.budget)
    if values.console.keys:
        yield _faulty_keys(values.console.keys)


def _faulty_keys(keys: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[KeyPath, str]]:
    """Keys that cannot be, or that are in each other's way."""
    from screens.keys.keymap import read_keymap  # noqa: PLC0415  # loads Textual, which most commands do not need

    _, faults = read_keymap(keys)
    for fault in faults:
        yield ("console", "keys", fault.action_id), fault.message


def _faulty_models(models: ModelSettings) -> Iterator[tuple[KeyPath, str]]:
    """Names of models and tiers that there are not."""
    for key, message in models.faults():
        yield ("models", *key), message


def _faulty_prices(models: ModelSettings, budget: BudgetSettings) -> Iterator[tuple[KeyPath, str]]:
    """Prices and caps of models that there are not, prices of those for which nobody is asked."""
    for cap in budget.caps:
        if cap.scope is CapScope.MODEL and cap.of not in {EACH, *models.all}:
            known = ", ".join(sorted(models.all))
            yield ("budget", "caps"), f"a cap is of a model {cap.of!r}, which is not there; there are {known}"
    for name in budget.prices:
        if name not in models.all:
            known = ", ".join(sorted(models.named)) or "none"
            yield (
                ("budget", "prices", name),
                f"there is no model {name!r} below models.named; there are {known}",
            )
        elif models.all[name].provider is ProviderName.SCRIPTED:
            yield (
                ("budget", "prices", name),
                f"the model {name!r} is scripted: nobody is asked, it costs nothing",
            )
