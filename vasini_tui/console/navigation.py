"""Where the console goes: its views, each with a stack of screens, and screens above what is shown."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from screens.frame.console import attempt, show_notice
from screens.frame.screen import ConsoleScreen
from screens.keys.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual.app import App

    from engine.contracts.packs.pack import FlowView, PackView
    from engine.contracts.runs.request import FormView
    from screens.frame.console_state import ConsoleState
    from screens.keys.views import View


class Navigation:
    """`state` is asked for when a screen is made: the first frame comes before it."""

    def __init__(self, app: App[Any], state: Callable[[], ConsoleState]) -> None:
        self._app = app
        self._state = state
        self._last = VIEWS[1].name
        self._led_from: dict[str, str] = {}
        """From which view a key led to a list of another one, which Esc leaves for it."""
        for view in VIEWS:
            app.add_mode(view.name, partial(self._made, view))

    async def start(self) -> None:
        """Open the first view."""
        await self._switch(VIEWS[0].name)

    async def view(self, name: str) -> None:
        """Go to a view, which is as it was left; its own number again goes to its list."""
        self._led_from.pop(name, None)
        if name == self._app.current_mode:
            self._app.run_worker(self._root(name), group="view", exit_on_error=False)
        else:
            self._last = self._app.current_mode
            await self._switch(name)

    async def back(self) -> None:
        """From a list that a key led to, to where it was pressed; who came by its number stays."""
        came_from = self._led_from.pop(self._app.current_mode, None)
        if came_from is not None:
            self._last = self._app.current_mode
            await self._switch(came_from)

    async def last(self) -> None:
        """The view before."""
        await self.view(self._last)

    def show(self, name: str, key: str) -> None:
        """Go to the list of a view, with the cursor on this row as soon as it is there."""
        self._app.run_worker(self._show(name, key), group="view", exit_on_error=False)

    async def failed(self) -> None:
        """Go to the list of runs, with what failed within the last day."""
        from screens.runs.query import FAILED_LATELY  # noqa: PLC0415 - loaded with its view

        await self.runs(FAILED_LATELY)

    async def runs(self, typed: str) -> None:
        """Go to the list of runs with this filter."""
        from screens.runs.screen import RunsScreen  # noqa: PLC0415 - loaded with its view

        await self._lead(VIEWS[0].name)
        if isinstance(self._app.screen, RunsScreen):
            self._app.screen.show_found(typed)

    def open_run(self, run_id: str, pane: str) -> None:
        """Open the detail of a run on the current view."""
        from screens.run.screen import RunScreen  # noqa: PLC0415 - when it is first needed

        self._app.push_screen(RunScreen(self._state(), run_id, view=self._app.current_mode, pane=pane))

    def open_form(self, form: FormView) -> None:
        """Open a form to fill in, above what is shown."""
        from screens.forms.screen import FormScreen  # noqa: PLC0415 - when it is first needed

        self._app.push_screen(FormScreen(self._state(), form))

    def open_again(
        self, flow: FlowView, run_id: str, values: Mapping[str, Any], left_out: Sequence[str]
    ) -> None:
        """Open the start form of a flow, filled in from a run, above what is shown."""
        from screens.runs.start import Again, StartFormScreen  # noqa: PLC0415 - when it is first needed

        again = Again(run_id, values, tuple(left_out))
        self._app.push_screen(StartFormScreen(self._state(), flow, again))

    def open_start(self, flow: FlowView) -> None:
        """Open the start form of a flow above what is shown."""
        from screens.runs.start import StartFormScreen  # noqa: PLC0415 - when it is first needed

        self._app.push_screen(StartFormScreen(self._state(), flow))

    def oldest_pending(self) -> None:
        """Whatever waits longest for a person."""
        work = attempt(self._app.screen, self._oldest_pending())
        self._app.run_worker(work, group="view", exit_on_error=False)

    def _made(self, view: View) -> ConsoleScreen:
        module, _, name = view.home.partition(":")
        return cast("ConsoleScreen", getattr(import_module(module), name)(self._state()))

    async def _switch(self, name: str) -> None:
        # A view that opens for the first time is drawn when all of it is there.
        with self._app.batch_update():
            await self._app.switch_mode(name)
        self._app.screen.refresh()

    async def _lead(self, name: str) -> None:
        """To the list of a view, and remember from where."""
        before = self._app.current_mode
        if before != name:
            await self.view(name)
            self._led_from[name] = before
        await self._root(name)

    async def _show(self, name: str, key: str) -> None:
        await self._lead(name)
        screen = self._app.screen
        if isinstance(screen, ConsoleScreen):
            screen.point_at(key)

    async def _root(self, name: str) -> None:
        while self._app.current_mode == name and len(self._app.screen_stack) > 1:
            await self._app.pop_screen()

    async def _oldest_pending(self) -> None:
        from engine.contracts.runs import request  # noqa: PLC0415 - after the first frame
        from engine.facade.pages import first_of  # noqa: PLC0415 - after the first frame

        requests = self._state().engine.requests
        approval = await first_of(lambda after: requests.approvals(limit=1, after=after))
        form = await first_of(lambda after: requests.forms(limit=1, after=after))
        outcome = await first_of(lambda after: requests.outcomes(limit=1, after=after))
        waiting = [one for one in (approval, form, outcome) if one is not None]
        oldest = min(waiting, key=lambda one: one.requested_at, default=None)
        if isinstance(oldest, request.FormView):
            self.open_form(oldest)
        elif oldest is not None:
            key = oldest.approval_id if isinstance(oldest, request.ApprovalView) else oldest.request_id
            self.show("approvals", key)
        else:
            broken = _format_broken(self._state().broken_packs or ())
            show_notice(self._app.screen, broken or "Nothing waits for a person.")


def _format_broken(packs: Sequence[PackView]) -> str:
    """The first problem of every broken pack; all of them are shown by the command."""
    words = [f"Pack {pack.pack} is broken: {pack.problems[0]}" for pack in packs]
    return " · ".join([*words, "all problems: vasini packs"]) if words else ""
