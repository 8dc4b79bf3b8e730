"""The key that compares two runs: the two marked ones, or this one with another."""

from __future__ import annotations

from screens.compare.dialog import CompareDialog
from screens.compare.screen import CompareScreen
from screens.frame.console import show_notice
from screens.frame.current_run import CurrentRunScreen
from screens.keys.bindings import bindings


class CompareVerbs(CurrentRunScreen):
    """Compare runs side by side."""

    BINDINGS = bindings("run.diff")

    def action_diff(self) -> None:
        """Compare the two marked runs, or this one with another."""
        marked = self.selected_runs()
        if len(marked) == 2:
            self.act(self._compare(*marked))
        elif marked:
            are = "is" if len(marked) == 1 else "are"
            show_notice(self, f"Two marked runs are compared; {len(marked)} {are} marked.")
        elif run_id := self.current_run():
            self.act(self._ask_other(run_id))

    async def _ask_other(self, run_id: str) -> None:
        run = await self.state.engine.runs.summary(run_id)

        def chosen(other: str | None) -> None:
            if other:
                self.act(self._compare(run_id, other))

        self.app.push_screen(CompareDialog(self.state, run), chosen)

    async def _compare(self, left: str, right: str) -> None:
        await self.state.engine.runs.summary(right)
        self.app.push_screen(CompareScreen(self.state, left, right, view=self.view))
