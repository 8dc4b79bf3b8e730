"""What a run has cost, may cost until its end, and may cost at all: a part of every decision."""

from __future__ import annotations

from pydantic import Field

from engine.contracts.governing.budget import CapScope, CapView, CapWindow, SpendSum
from engine.contracts.governing.money import cost_text, short_dollars
from engine.contracts.model import Contract


class SpendOutlook(Contract):
    """Money of one run from a step on. Amounts are whole billionths of a US dollar."""

    spent: SpendSum = Field(description="So far, of the run and all that belong to it.")
    runs: int = Field(description="Completed runs that went through the step, of the newest of the flow.")
    to_finish: int | None = Field(
        default=None,
        description="What those cost on average after the step; None: too few, or one of unknown cost.",
    )
    to_finish_most: int | None = Field(default=None, description="The dearest of them.")
    tightest: CapView | None = Field(
        default=None, description="Of the hard caps that hold for the run the one with the least left."
    )

    @property
    def words(self) -> str:
        """In one line for a card; empty where no model has to do with the run."""
        nothing_to_say = self.to_finish is not None or self.tightest is None
        if not self.spent.calls and not self.to_finish_most and nothing_to_say:
            return ""
        parts = [f"cost so far {cost_text(self.spent.cost, self.spent.unpriced) or 'nothing'}"]
        if self.to_finish is None:
            parts.append("to finish unknown")
        else:
            parts.append(f"to finish about {short_dollars(self.to_finish)}")
        if self.tightest is not None:
            parts.append(f"{short_dollars(self.tightest.left or 0)} left of {_cap_words(self.tightest)}")
        return ", ".join(parts)


def _cap_words(cap: CapView) -> str:
    what = "the run" if cap.scope is CapScope.RUN else f"{cap.scope} {cap.name}"
    return what if cap.window is CapWindow.TOTAL else f"{what} this {cap.window}"
