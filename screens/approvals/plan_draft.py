"""A plan while a person changes it: steps taken out, moved, with other parameters. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.contracts.runs.plan import PlanEdit, PlanEdits
from engine.values import is_same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.contracts.runs.plan import ShownStep


@dataclass(frozen=True, slots=True)
class DraftStep:
    """One step, as it was shown and as it is to be."""

    shown: ShownStep
    params: dict[str, Any]
    taken_out: bool = False

    @property
    def changed(self) -> bool:
        """Whether it has other parameters than were proposed."""
        return not is_same(self.params, self.shown.params)

    @property
    def words(self) -> str:
        """What became of it."""
        if self.taken_out:
            return "taken out"
        return "changed" if self.changed else ""


class PlanDraft:
    """The steps in their order; what is taken out stays where it is and can be put back."""

    def __init__(self, steps: Sequence[ShownStep]) -> None:
        self.steps = [DraftStep(step, step.params) for step in steps]
        self._proposed = [step.step_id for step in steps]

    def place_of(self, step_id: str) -> int:
        """Where the step stands now. Raises StopIteration when it is none of the plan."""
        return next(place for place, step in enumerate(self.steps) if step.shown.step_id == step_id)

    def toggle(self, step_id: str) -> None:
        """Take the step out, or put it back."""
        place = self.place_of(step_id)
        self.steps[place] = replace(self.steps[place], taken_out=not self.steps[place].taken_out)

    def move(self, step_id: str, by: int) -> None:
        """One place earlier or later, as far as there is one."""
        place = self.place_of(step_id)
        there = place + by
        if 0 <= there < len(self.steps):
            self.steps[place], self.steps[there] = self.steps[there], self.steps[place]

    def set_params(self, step_id: str, params: dict[str, Any]) -> None:
        """Other parameters of the step."""
        place = self.place_of(step_id)
        self.steps[place] = replace(self.steps[place], params=params)

    @property
    def kept(self) -> list[DraftStep]:
        """The steps that stay."""
        return [step for step in self.steps if not step.taken_out]

    @property
    def changed(self) -> bool:
        """Whether it is another plan than was shown."""
        names = [step.shown.step_id for step in self.kept]
        return names != self._proposed or any(step.changed for step in self.kept)

    def edits(self) -> PlanEdits:
        """As a decision takes them. There has to be a step that stays."""
        return PlanEdits(
            steps=tuple(
                PlanEdit(step_id=step.shown.step_id, params=step.params if step.changed else None)
                for step in self.kept
            )
        )
