"""The data pane: input, output, error of a run, and what a handoff told it, as a folding tree."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from screens.run.pane import RunMoment, RunPane
from screens.widgets.json.json_view import JsonView

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget


class DataPane(RunPane):
    """What the run was given and what it made."""

    title = "Data"

    def compose(self) -> ComposeResult:
        """One tree."""
        yield JsonView(id="values")

    @property
    def values(self) -> JsonView:
        """The values."""
        return self.query_one("#values", JsonView)

    async def load(self, moment: RunMoment) -> None:
        """The run holds them already."""
        run = moment.run
        values: dict[str, Any] = {"input": run.input, "output": run.output}
        if run.handoff is not None:
            values["handoff"] = run.handoff
        if run.error is not None:
            values["error"] = asdict(run.error)
        self.values.show(values)

    def target(self) -> Widget:
        """The tree."""
        return self.values

    def copied(self) -> str:
        """The value under the cursor."""
        return self.values.copied()
