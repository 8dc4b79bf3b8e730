"""What a screen asks of the application it is in: to go elsewhere, to say something, to try something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, cast

from engine.safe_text import sanitize
from screens.frame.console_state import explain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from textual.widget import Widget

    from engine.contracts.packs.pack import FlowView
    from engine.contracts.runs.request import FormView
    from screens.frame.console_state import ConsoleState

T = TypeVar("T")


class Console(Protocol):
    """What screens ask of the application: the state, and to go elsewhere."""

    state: ConsoleState

    def open_run(self, run_id: str, *, pane: str = "timeline") -> None:
        """Open the detail of a run on the current view."""

    def open_form(self, form: FormView) -> None:
        """Open a form to fill in."""

    def open_again(
        self, flow: FlowView, run_id: str, values: Mapping[str, Any], left_out: Sequence[str]
    ) -> None:
        """Open the start form of a flow, filled in from a run but for some fields."""

    def open_start(self, flow: FlowView) -> None:
        """Open the start form of a flow."""

    def when_shown(self, then: Callable[[bool], None]) -> None:
        """Call when the terminal shows what has been drawn by now; with False when it never tells."""

    def show_runs(self, typed: str) -> None:
        """Go to the list of runs with this filter."""

    def show_in(self, view: str, key: str) -> None:
        """Go to the list of a view, with the cursor on this row."""

    def lead_back(self) -> None:
        """From a list that a key led to, to where it was pressed; else nothing."""


def console(widget: Widget) -> Console:
    """The application, as far as screens know it."""
    return cast("Console", widget.app)


def show_notice(
    widget: Widget, words: str, *, tone: Literal["information", "warning", "error"] = "information"
) -> None:
    """A short notice at the edge of the screen."""
    widget.notify(sanitize(words, limit=600), severity=tone, timeout=6, markup=False)


async def tried(work: Awaitable[T]) -> T | Exception:
    """The outcome of a request to the engine, or the error that it ended in: of several the others go on."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - edge: shown to the operator, a defect is also logged
        return error


async def attempt(widget: Widget, work: Awaitable[T]) -> T | None:
    """The outcome of a request to the engine; an error becomes a notice and None."""
    outcome = await tried(work)
    if isinstance(outcome, Exception):
        show_notice(widget, explain(outcome), tone="error")
        return None
    return outcome


def act(widget: Widget, work: Awaitable[object], *, group: str = "act", exclusive: bool = False) -> None:
    """Attempt it without holding up the next key; `exclusive`: in place of what its group still does."""
    widget.run_worker(attempt(widget, work), group=group, exclusive=exclusive, exit_on_error=False)
