"""The console application: it holds the engine's state, the feed and the views; screens do the rest."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported
from textual.filter import Monochrome, NoColor

import screens
from engine.contracts.status import RequestStatus
from engine.errors import ErrorCode, Unavailable, VasiniError
from engine.safe_text import sanitize
from screens.frame.bound_actions import BoundAction, bound_actions
from screens.frame.console_state import ConsoleState, utc_now
from screens.frame.screen import FeedArrived, LineChanged, attempt, tell
from screens.keys.bindings import bindings
from screens.keys.keymap import Keymap
from screens.overlays.focus_help import focus_help
from screens.widgets.plain import Plain
from vasini_tui.console.ordered_keys import OrderedApp
from vasini_tui.console.terminal import terminal_problem
from vasini_tui.console.themes import DEFAULT_THEME, Themes, style_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.filter import LineFilter
    from textual.screen import Screen

    from engine.contracts.actor import Actor
    from engine.contracts.pack import PackView
    from engine.contracts.request import FormView
    from engine.facade.engine import Engine, Worker
    from engine.facade.feed import FeedBatch

_SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
_KILLED = 128
_OLDER = (5, 2)
"""Screens that were closed are cycles: without frequent collections of what is older they pile up."""
_WRITING_SECONDS = 0.002
"""What the thread that writes the first frame gets before the loading of the engine takes the processor."""
_ASKS = frozenset({"pending_human", "user_input_requested"})


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """What an operator sets for the console. `grace_ms`: how long new content guards decision keys.

    `label` stands beside the name, where the console shows something other than the operator's runs.
    """

    theme: str = DEFAULT_THEME
    grace_ms: int = 300
    bell: bool = True
    keymap: Keymap = field(default_factory=Keymap)
    label: str = ""
    themes: Themes = field(default_factory=Themes)

    def fault(self) -> VasiniError | None:
        """Why the console cannot open with these: a theme that there is not, faulty own ones apart."""
        known = [*(choice.name for choice in self.themes.choices()), *self.themes.own.problems]
        if self.theme in known:
            return None
        message = f"console.theme: there is no theme {self.theme!r}; known are {', '.join(known)}"
        return VasiniError(ErrorCode.CONFIG_INVALID, message)


@dataclass(frozen=True, slots=True)
class Workplace:
    """What the console works with once it is opened.

    `working` makes this process work runs too. Paths of a new run are relative to `base_dir`.
    """

    engine: Engine
    working: AbstractAsyncContextManager[Worker] | None = None
    base_dir: Path | None = None


Opening = AbstractAsyncContextManager[Workplace]


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
        self._desk_of = partial(
            ConsoleState,
            actor=actor,
            tenant=tenant,
            clock=clock,
            now=now,
            grace=settings.grace_ms / 1000,
            bell=settings.bell,
            keymap=settings.keymap,
            label=settings.label,
        )
        self.state: ConsoleState
        self._aside: asyncio.Task[Any] | None = None
        self._ends_with: int | None = None
        self.failure: BaseException | None = None
        self.entered = AsyncExitStack()
        self._opening: Opening | None = None
        if isinstance(workplace, AbstractAsyncContextManager):
            self._opening = workplace
        else:
            self.state = self._desk_of(workplace)
        self._last_view = "approvals"
        self.animation_level = "none"
        self.set_keymap(settings.keymap.for_textual())
        self._themes = settings.themes
        # An own theme that cannot be used is told in `on_mount`.
        self._theme_problem = settings.themes.own.problems.get(settings.theme)
        theme = settings.themes.load(DEFAULT_THEME if self._theme_problem else settings.theme)
        self.register_theme(theme)
        self.theme = theme.name
        self.add_mode("runs", lambda: screens.RunsScreen(self.state))
        self.add_mode("approvals", lambda: screens.ApprovalsScreen(self.state))
        self.add_mode("forms", lambda: screens.FormsScreen(self.state))
        self.add_mode("packs", lambda: screens.PacksScreen(self.state))

    def get_line_filters(self) -> Sequence[LineFilter]:
        """NO_COLOR means none: Textual alone would paint in grays."""
        return [NoColor() if isinstance(one, Monochrome) else one for one in super().get_line_filters()]

    async def on_mount(self) -> None:
        """The signals; the rest when there is an engine."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled, number)
        if self._opening is None:
            await self._begin()

    async def on_ready(self) -> None:
        """The first frame is on the screen; what it takes to fill it is loaded now."""
        if not gc.isenabled():
            gc.freeze()  # what was loaded until now stays
            gc.enable()
            gc.set_threshold(gc.get_threshold()[0], *_OLDER)
        if self._opening is not None:
            await asyncio.sleep(_WRITING_SECONDS)
            try:
                opened = await self.entered.enter_async_context(self._opening)
            except (VasiniError, OSError) as error:
                self.failure = error
                self.exit()
                return
            if self.return_value is not None:  # a signal came meanwhile
                return
            self.state = self._desk_of(opened.engine, base_dir=opened.base_dir)
            await self._begin()
            if opened.working is not None:
                await self.entered.enter_async_context(opened.working)

    def compose(self) -> ComposeResult:
        """What stands on the screen while the journal is opened."""
        if self._opening is not None:
            yield Plain(sanitize(" vasini\n opening …", multiline=True), classes="opening")

    async def _begin(self) -> None:
        """The first view, and the feed."""
        from screens.frame.feed_pump import FeedPump  # noqa: PLC0415 - after the first frame
        from vasini_tui.console.editor import TerminalEditor  # noqa: PLC0415 - after the first frame

        self.state.editor = TerminalEditor(self.aside)
        await self.switch_mode("runs")
        if self._theme_problem is not None:
            tell(self.screen, f"{self._theme_problem.message}. Showing {DEFAULT_THEME}.", tone="warning")
        pump = FeedPump(self.state.engine.feed, self._deliver, self._line_state)
        self.run_worker(pump.run(), group="feed", exclusive=True, exit_on_error=False)

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
        self.push_screen(screens.RunScreen(self.state, run_id, view=self.current_mode, pane=pane))

    def open_approval(self, approval_id: str) -> None:
        """Go to the approvals, with the cursor on this one."""
        self.run_worker(self._open_approval(approval_id), group="view", exit_on_error=False)

    def open_form(self, form: FormView) -> None:
        """Open a form to fill in, above what is shown."""
        self.push_screen(screens.FormScreen(self.state, form))

    def show_run(self, run_id: str) -> None:
        """Go to the runs, with the cursor on this one."""
        self.run_worker(self._show_run(run_id), group="view", exit_on_error=False)

    async def action_view(self, view: str) -> None:
        """Go to a view, which is as it was left; its own number again goes to its list."""
        if view == self.current_mode:
            self.run_worker(self._root(view), group="view", exit_on_error=False)
        else:
            self._last_view = self.current_mode
            await self.switch_mode(view)

    async def action_last_view(self) -> None:
        """The view before."""
        await self.action_view(self._last_view)

    def action_oldest_pending(self) -> None:
        """Whatever waits longest for a person."""
        self.run_worker(attempt(self.screen, self._oldest_pending()), group="view", exit_on_error=False)

    def action_help(self) -> None:
        """The keys of this screen."""
        self.push_screen(
            screens.HelpScreen("Keys of this screen", bound_actions(self.screen, self.state.keymap))
        )

    def action_focus_help(self) -> None:
        """What has the focus, and its keys; the keys of the screen when nothing has."""
        focused, keymap = self.screen.focused, self.state.keymap
        if focused is None:
            self.action_help()
            return
        found = focus_help(focused, keymap)
        its = {bound.action.id for bound in found.actions}
        rest = [bound for bound in bound_actions(self.screen, keymap) if bound.action.id not in its]
        self.push_screen(
            screens.HelpScreen(
                "This part", found.actions, about=found.about, editing=found.editing, rest=rest
            )
        )

    def action_themes(self) -> None:
        """Choose a theme, which is shown while the cursor is on it."""
        choices = self._themes.choices()
        for choice in choices:
            self.register_theme(self._themes.load(choice.name))
        self.push_screen(screens.ThemePicker(choices, self.theme))

    def action_bell_switch(self) -> None:
        """Ring for new requests or not, until the console is left; the settings say how it begins."""
        self.state.bell = not self.state.bell
        tell(self.screen, f"The bell is {'on' if self.state.bell else 'off'} until you leave the console.")

    def action_palette(self) -> None:
        """Every action by name."""
        self.push_screen(screens.PaletteScreen(bound_actions(self.screen, self.state.keymap)), self._do)

    def action_quit_or_back(self) -> None:
        """Back from a screen that lies above another; else leave, after asking."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.push_screen(screens.LeaveDialog(), self._leave)

    def _signalled(self, number: int) -> None:
        if self._aside is None:
            self.exit(_KILLED + number)
        elif number != signal.SIGINT:
            # Textual cannot end while the terminal is not its own: the editor goes first.
            self._ends_with = _KILLED + number
            self._aside.cancel()

    def _leave(self, sure: bool | None) -> None:
        if sure:
            self.exit(0)

    async def _do(self, bound: BoundAction | None) -> None:
        if bound is not None and bound.node.is_attached:
            await self.run_action(bound.action.action, default_namespace=bound.node)

    async def _open_approval(self, approval_id: str) -> None:
        await self.action_view("approvals")
        screen = await self._root("approvals")
        if isinstance(screen, screens.ApprovalsScreen):
            screen.point_at(approval_id)

    async def _show_run(self, run_id: str) -> None:
        await self.action_view("runs")
        screen = await self._root("runs")
        if isinstance(screen, screens.RunsScreen):
            screen.point_at(run_id)

    async def _root(self, view: str) -> Screen[Any]:
        while self.current_mode == view and len(self.screen_stack) > 1:
            await self.pop_screen()
        return self.screen

    async def _oldest_pending(self) -> None:
        requests = self.state.engine.requests
        approvals = await requests.approvals(status=RequestStatus.PENDING, limit=1)
        forms = await requests.forms(status=RequestStatus.PENDING, limit=1)
        approval, form = next(iter(approvals.items), None), next(iter(forms.items), None)
        if form is not None and (approval is None or form.requested_at < approval.requested_at):
            self.open_form(form)
        elif approval is not None:
            self.open_approval(approval.approval_id)
        else:
            tell(self.screen, _broken_words(self.state.broken_packs or ()) or "Nothing waits for a person.")

    def _deliver(self, batch: FeedBatch) -> None:
        for screen in reversed(self.screen_stack):
            screen.post_message(FeedArrived(batch))
            if not screen.is_modal:
                break
        if batch.packs:
            for words, severity in screens.notices_of(batch.packs):
                tell(self.screen, words, tone=severity)
        if self.state.bell and self._aside is None and any(event.kind in _ASKS for event in batch.events):
            self.bell()

    def _line_state(self, offline: str) -> None:
        self.state.offline = offline
        for screen in self.screen_stack:
            screen.post_message(LineChanged())

    def _fatal_error(self) -> None:
        # A defect ends the console with one line on standard error, not with a trace over the terminal.
        self.failure = self._exception
        self._close_messages_no_wait()


def _broken_words(packs: Sequence[PackView]) -> str:
    """The first problem of every broken pack; all of them are shown by the command."""
    told = [f"Pack {pack.pack} is broken: {pack.problems[0]}" for pack in packs]
    return " · ".join([*told, "all problems: vasini packs"]) if told else ""


async def run_console(workplace: Opening, *, actor: Actor, tenant: str, settings: ConsoleOptions) -> int:
    """Show the console until the operator leaves; returns the exit status.

    `workplace` is entered when the first frame is shown, and left at the end. The status is 0 after
    leaving, 128 + n after signal n. Raises what entering raises; Unavailable without a usable terminal,
    and when a defect ended the console: the runs are not touched by that.
    """
    problem = terminal_problem()
    if problem is not None:
        raise Unavailable(ErrorCode.ENGINE_STOPPED, problem)
    fault = settings.fault()
    if fault is not None:
        raise fault
    app = ConsoleApp(workplace, actor=actor, tenant=tenant, settings=settings)
    async with app.entered:
        try:
            status = await app.run_async()
        finally:  # only now is the terminal restored: another signal must not end the program before
            for number in _SIGNALS:
                asyncio.get_running_loop().remove_signal_handler(number)
    if isinstance(app.failure, VasiniError | OSError):
        raise app.failure
    if app.failure is not None:
        words = f"The console stopped on an internal error: {type(app.failure).__name__}: {app.failure}"
        raise Unavailable(
            ErrorCode.ENGINE_STOPPED, f"{words}. Runs are kept; start it again."
        ) from app.failure
    return status or 0
