"""The console application: it holds the engine's state, the feed and the views; screens do the rest."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported
from textual.filter import Monochrome, NoColor

from engine.errors import ErrorCode, Unavailable, VasiniError
from engine.facade.feed import AlertChanged, PackChanged
from engine.safe_text import sanitize
from screens.frame.amended.laid_out_once import LaidOutOnce
from screens.frame.console import show_notice
from screens.frame.console_state import ConsoleState, utc_now
from screens.frame.keyboard import Keyboard
from screens.frame.screen import FeedArrived, LineChanged
from screens.keys.bindings import bindings
from screens.widgets.ages import show_times_in
from screens.widgets.plain import Plain
from screens.widgets.working import begin
from vasini_tui.console.navigation import Navigation
from vasini_tui.console.styled_once import StyledOnce
from vasini_tui.console.terminal.ordered_keys import OrderedApp
from vasini_tui.console.themes.themes import DEFAULT_THEME, style_paths, variables_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from textual import events
    from textual.app import ComposeResult
    from textual.filter import LineFilter
    from textual.screen import Screen

    from engine.contracts.actor import Actor
    from engine.contracts.packs.pack import FlowView
    from engine.contracts.runs.request import FormView
    from engine.facade.engine import Engine
    from engine.facade.feed import FeedBatch
    from vasini_tui.console.options import ConsoleOptions, Opening
    from vasini_tui.console.overlays import Overlays

logger = logging.getLogger("vasini.console")
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
_KILLED = 128
_OLDER = (5, 2)
"""Screens that were closed are cycles: without frequent collections of what is older they pile up."""
_WRITING_SECONDS = 0.05
"""What the thread that writes the first frame gets at most before the loading of the engine takes the
processor: a terminal that takes nothing is not waited for."""
_ASKS = frozenset({"pending_human", "user_input_requested"})


class ConsoleApp(OrderedApp[int], inherit_bindings=False):
    """The Textual application. Views are modes: each keeps its own stack of screens.

    With an `Opening` the first frame comes before the engine, which is half of the time to start.
    """

    TITLE = "vasini"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = bindings("app.")

    def __init__(
        self,
        workplace: Opening | Engine,
        *,
        actor: Actor,
        tenant: str,
        settings: ConsoleOptions,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__([str(path) for path in style_paths()])
        self.stylesheet = StyledOnce(variables=self.get_css_variables())
        show_times_in(settings.time_zone)
        self._keyboard = Keyboard()
        self._clock = clock
        self._console_state = partial(
            ConsoleState,
            actor=actor,
            tenant=tenant,
            clock=clock,
            now=now,
            grace=settings.grace_ms / 1000,
            bell=settings.bell,
            keymap=settings.keymap,
            label=settings.label,
            keyboard=self._keyboard,
        )
        self.state: ConsoleState
        self._aside: asyncio.Task[Any] | None = None
        self._ends_with: int | None = None
        self._ending = False
        self.failure: BaseException | None = None
        self.entered = AsyncExitStack()
        self._opening: Opening | None = None
        if isinstance(workplace, AbstractAsyncContextManager):
            self._opening = workplace
        else:
            self.state = self._console_state(workplace)
        self.animation_level = "none"
        self.set_keymap(settings.keymap.for_textual())
        self._themes = settings.themes
        # An own theme that cannot be used is told in `on_mount`.
        self._theme_problem = settings.themes.own.problems.get(settings.theme)
        theme = settings.themes.load(DEFAULT_THEME if self._theme_problem else settings.theme)
        self.register_theme(theme)
        self.theme = theme.name
        self._navigation = Navigation(self, lambda: self.state)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """NO_COLOR means none: Textual alone would paint in grays."""
        return [NoColor() if isinstance(one, Monochrome) else one for one in super().get_line_filters()]

    def get_css_variables(self) -> dict[str, str]:
        """See Textual."""
        self.theme_variables = variables_of(self.current_theme)
        return self.theme_variables

    def get_default_screen(self) -> Screen[None]:
        """What is shown while the journal is opened."""
        return LaidOutOnce(id="_default")

    async def on_mount(self) -> None:
        """The signals; the rest when there is an engine."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        if self._opening is None:
            await self._start()

    async def on_ready(self) -> None:
        """The first frame is on the screen; what it takes to fill it is loaded now."""
        try:
            if self._opening is not None:
                await self._open(self._opening)
        finally:
            if not gc.isenabled():
                gc.freeze()  # what was loaded until now stays
                gc.enable()
                gc.set_threshold(gc.get_threshold()[0], *_OLDER)

    async def _open(self, opening: Opening) -> None:
        await self.frame_taken(_WRITING_SECONDS)
        try:
            opened = await self.entered.enter_async_context(opening)
        except (VasiniError, OSError) as error:
            self.failure = error
            self.exit()
            return
        if self.return_value is not None:  # a signal came meanwhile
            return
        self.state = self._console_state(opened.engine, base_dir=opened.base_dir)
        await self._start()
        if opened.working is not None:
            await self.entered.enter_async_context(opened.working)

    def compose(self) -> ComposeResult:
        """What stands on the screen while the journal is opened."""
        if self._opening is not None:
            yield Plain(sanitize(" vasini\n opening …", multiline=True), classes="opening")

    async def _start(self) -> None:
        """The first view, and the feed."""
        from screens.frame.feed_pump import FeedPump  # noqa: PLC0415 - after the first frame
        from vasini_tui.console.editor import TerminalEditor  # noqa: PLC0415 - after the first frame

        self.state.editor = TerminalEditor(self.aside)
        # News from now on, and what the first view reads: not one more look for what came in between.
        pump = FeedPump(self.state.engine.feed, self._deliver, self._line_state)
        begin(self, pump.run, group="feed", exclusive=True)
        await self._navigation.start()
        if self._theme_problem is not None:
            show_notice(
                self.screen, f"{self._theme_problem.message}. Showing {DEFAULT_THEME}.", tone="warning"
            )

    def key_came(self, event: events.Event) -> None:
        """Decisions depend on what else was typed; the terminal's reader knows best when."""
        self._keyboard.came(event.time if self._clock is time.monotonic else self._clock())

    def terminal_lost(self) -> None:
        """As after the hang-up, which may come late or never."""
        self.exit(_KILLED + signal.SIGHUP)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The terminal belongs to another program meanwhile; Ctrl-C is meant for that one.

        A signal that ends the console cancels the task in here first: it has to end that program.
        Raises Unavailable when the terminal cannot be handed over.
        """
        self._aside, self._ends_with = asyncio.current_task(), None
        try:
            # Nothing is drawn into the other program, and everything is drawn again afterwards.
            with self.batch_update(), self.suspend():
                yield
        except SuspendNotSupported:
            words = "This terminal cannot be handed to an editor."
            raise Unavailable(ErrorCode.ENGINE_STOPPED, words) from None
        finally:
            self._aside = None
            if self._ends_with is not None:
                self.exit(self._ends_with)

    def open_run(self, run_id: str, *, pane: str = "timeline") -> None:
        """Open the detail of a run on the current view."""
        self._navigation.open_run(run_id, pane)

    def open_form(self, form: FormView) -> None:
        """Open a form to fill in, above what is shown."""
        self._navigation.open_form(form)

    def open_again(
        self, flow: FlowView, run_id: str, values: Mapping[str, Any], left_out: Sequence[str]
    ) -> None:
        """Open the start form of a flow, filled in from a run, above what is shown."""
        self._navigation.open_again(flow, run_id, values, left_out)

    def open_start(self, flow: FlowView) -> None:
        """Open the start form of a flow above what is shown."""
        self._navigation.open_start(flow)

    def show_in(self, view: str, key: str) -> None:
        """Go to the list of a view, with the cursor on this row."""
        self._navigation.show(view, key)

    def show_runs(self, typed: str) -> None:
        """Go to the list of runs with this filter."""
        self.run_worker(self._navigation.runs(typed), group="view", exit_on_error=False)

    def lead_back(self) -> None:
        """From a list that a key led to, to where it was pressed."""
        self.run_worker(self._navigation.back(), group="view", exit_on_error=False)

    async def action_view(self, view: str) -> None:
        """Go to a view, which is as it was left; its own number again goes to its list."""
        await self._navigation.view(view)

    async def action_last_view(self) -> None:
        """The view before."""
        await self._navigation.last()

    def action_oldest_pending(self) -> None:
        """Whatever waits longest for a person."""
        self._navigation.oldest_pending()

    async def action_failed(self) -> None:
        """What failed within the last day."""
        await self._navigation.failed()

    def action_help(self) -> None:
        """The keys of this screen."""
        self._overlays.help()

    def action_focus_help(self) -> None:
        """What has the focus, and its keys."""
        self._overlays.focus_help()

    def action_themes(self) -> None:
        """Choose a theme."""
        self._overlays.themes()

    def action_palette(self) -> None:
        """Every action by name."""
        self._overlays.palette()

    def action_bell_switch(self) -> None:
        """Ring for new requests or not, until the console is left; the settings say how it begins."""
        self.state.bell = not self.state.bell
        show_notice(
            self.screen, f"The bell is {'on' if self.state.bell else 'off'} until you leave the console."
        )

    def action_quit_or_back(self) -> None:
        """Back from a screen that lies above another; else leave, after asking."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self._overlays.leave()

    def _signalled(self, number: int) -> None:
        if self._aside is None:
            self.exit(_KILLED + number)
        elif number != signal.SIGINT:
            # Textual cannot end while the terminal is not its own: the editor goes first.
            self._ends_with = _KILLED + number
            self._aside.cancel()

    @cached_property
    def _overlays(self) -> Overlays:
        from vasini_tui.console.overlays import Overlays  # noqa: PLC0415 - after the first frame

        return Overlays(self, self.state.keymap, self._themes)

    def _deliver(self, batch: FeedBatch) -> None:
        for screen in reversed(self.screen_stack):
            screen.post_message(FeedArrived(batch))
            if not screen.is_modal:
                break
        if changed := batch.of(PackChanged):
            from screens.packs.notices import notices_of  # noqa: PLC0415 - after the first frame

            for words, severity in notices_of([notice.pack for notice in changed]):
                show_notice(self.screen, words, tone=severity)
        if alerts := batch.of(AlertChanged):
            from screens.slo.alerts import notices_of as words_of  # noqa: PLC0415 - likewise

            for words, tone in words_of([notice.alert for notice in alerts]):
                show_notice(self.screen, words, tone=tone)
        if self.state.bell and self._aside is None and any(event.kind in _ASKS for event in batch.events):
            self.bell()

    def _line_state(self, offline: str) -> None:
        self.state.offline = offline
        for screen in self.screen_stack:
            screen.post_message(LineChanged())

    def _handle_exception(self, error: Exception) -> None:
        # Textual composes nothing any more once it ends: a screen that was about to open may fail.
        if self._exit or self._ending:
            logger.warning("while the console ended", exc_info=error)
        else:
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        # A defect ends the console with one line on standard error, not with a trace over the terminal.
        self.failure = self._exception
        self._close_messages_no_wait()

    async def _shutdown(self) -> None:
        self._ending = True
        await super()._shutdown()
