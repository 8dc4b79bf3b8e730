"""The models of a worker as the settings name them now: a question ends with those that it began with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.budget.price_book import PriceBook
from engine.models.catalog import ModelCatalog
from engine.models.wire.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from engine.budget.settings import BudgetSettings
    from engine.machine.model.inputs import CallHeldBack, StepFinished
    from engine.machine.model.state import Execution, RunState
    from engine.models.settings import ModelSettings
    from engine.runtime.worker.steps.agents.model_call import ModelCalls
    from engine.runtime.worker.steps.calls.tool_call import CallSite


class LiveModels:
    """Hands each call to the ModelCalls made of the newest settings; connections are kept."""

    def __init__(
        self,
        models: ModelSettings,
        budget: BudgetSettings,
        secrets: Mapping[str, str],
        make_calls: Callable[[ModelCatalog, PriceBook], ModelCalls],
    ) -> None:
        self._make_calls = make_calls
        self.connections = Connections()
        self._use(models, budget, secrets)

    def _use(self, models: ModelSettings, budget: BudgetSettings, secrets: Mapping[str, str]) -> None:
        self._seen = models, budget.prices, {**secrets}
        self.catalog = ModelCatalog(models, self._seen[2], self.connections)
        self._calls = self._make_calls(self.catalog, PriceBook(models, budget))

    def use(self, models: ModelSettings, budget: BudgetSettings, secrets: Mapping[str, str]) -> bool:
        """Ask these from the next question on, with their prices and keys; whether anything is another.

        A model that failed too often rests no more then.
        """
        if self._seen == (models, budget.prices, secrets):
            return False
        self._use(models, budget, secrets)
        return True

    def call(
        self, site: CallSite, execution: Execution, state: RunState
    ) -> Coroutine[Any, Any, tuple[StepFinished | CallHeldBack, Mapping[str, bytes]]]:
        """See ModelCalls."""
        return self._calls.call(site, execution, state)

    def leave(self, usage: Mapping[str, Any]) -> Awaitable[None]:
        """See ModelCalls."""
        return self._calls.leave(usage)

    def left(self, run_id: str) -> Awaitable[list[dict[str, Any]]]:
        """See ModelCalls."""
        return self._calls.left(run_id)
