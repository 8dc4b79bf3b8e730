"""What two runs have in common and what not, read by pages until there is as much as is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.facade.pages import every_page
from screens.compare.rows import compared_steps, compared_values

if TYPE_CHECKING:
    from engine.contracts.runs.listed import Page
    from engine.contracts.runs.run import StepView
    from engine.facade.runs import Runs
    from screens.compare.rows import Compared

MOST_ROWS = 5_000
PAGE = 500


async def read_compared(
    runs: Runs, left: str, right: str, *, most: int = MOST_ROWS, page: int = PAGE
) -> tuple[list[Compared], bool]:
    """Inputs, outputs, errors, then every step of either run in the order of the left one, then of the right
    one: at most so much, and whether that is all. Raises as the engine does."""
    found = compared_values(await runs.summary(left), await runs.summary(right))
    async for read in every_page(lambda after: runs.steps(left, limit=page, after=after)):
        found += compared_steps(read.items, await runs.steps_at(right, _paths(read)))
        if len(found) > most:
            return found[:most], False
    async for read in every_page(lambda after: runs.steps(right, limit=page, after=after)):
        both = {step.step_id for step in await runs.steps_at(left, _paths(read))}
        found += compared_steps((), [step for step in read.items if step.step_id not in both])
        if len(found) > most:
            break
    return found[:most], len(found) <= most


def _paths(page: Page[StepView]) -> list[str]:
    return [step.step_id for step in page.items]
