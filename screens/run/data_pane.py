"""The data pane: input, output, error of a run, and what a handoff told it, as a folding tree."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from screens.frame.searched import SearchedTree
from screens.run.pane import RunMoment, RunPane

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget


class DataPane(RunPane):
    """What the run was given and what it made."""

    title = "Data"

    def compose(self) -> ComposeResult:
        """One tree."""
        yield SearchedTree(tree_id="values")

    @property
    def searched(self) -> SearchedTree:
        """The values, and the line for words."""
        return self.query_one(SearchedTree)

    async def load(self, moment: RunMoment) -> None:
        """The run holds them already."""
        run = moment.run
        values: dict[str, Any] = {"input": run.input, "output": run.output}
        if run.handoff is not None:
            values["handoff"] = run.handoff
        if run.error is not None:
            values["error"] = asdict(run.error)
        self.searched.show(values)

    def target(self) -> Widget:
        """The line to type into while it is in use, else the tree."""
        return self.searched.target()

    def leave(self) -> bool:
        """Look for nothing any more."""
        return self.searched.leave_search()

    def copied(self) -> str:
        """The value under the cursor."""
        return self.searched.view.copied()
