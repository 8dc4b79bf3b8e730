"""The key that opens the start form filled in from a run."""

from __future__ import annotations

from screens.forms.known_values import known_values
from screens.frame.console import console
from screens.frame.current_run import CurrentRunScreen
from screens.keys.bindings import bindings


class AgainVerb(CurrentRunScreen):
    """Start the same flow, as its pack is now, with the run's input."""

    BINDINGS = bindings("run.again")

    def action_again(self) -> None:
        """Fill the form; nothing is started before it is sent."""
        if run_id := self.current_run():
            self.act(self._fill_again(run_id))

    async def _fill_again(self, run_id: str) -> None:
        engine = self.state.engine
        run = await engine.runs.summary(run_id)
        flow = await engine.packs.flow(run.pack, run.flow)
        values = await known_values(engine, flow.input_schema, run.input)
        given = run.input if isinstance(run.input, dict) else {}
        left_out = tuple(name for name in given if name not in values)
        if self.is_current:
            console(self).open_again(flow, run_id, values, left_out)
