"""What every screen has: the lines on top, the keys below, live news, errors in words, a least size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from textual.message import Message
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen

from engine.facade.feed import PackListChanged
from engine.safe_text import sanitize
from screens.frame.amended.closes_itself import ClosesItself
from screens.frame.amended.shaded import Shaded
from screens.frame.bars.header import HeaderLines
from screens.frame.bars.key_bar import KeyBar
from screens.frame.console import act, console, show_notice
from screens.frame.console_state import ConsoleState, explain
from screens.frame.failures import acknowledge, counted_since
from screens.frame.refresher import Refresher
from screens.keys.bindings import bindings
from screens.widgets.ages import next_tick, seconds_time
from screens.widgets.plain import NOTHING, Plain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.timer import Timer
    from textual.widget import Widget

    from engine.contracts.runs.run import RunCounts
    from engine.facade.feed import FeedBatch

T = TypeVar("T")

LEAST_WIDTH, LEAST_HEIGHT = 60, 20
RETRY_SECONDS = 5.0
SLOW_SECONDS = 0.3
"""A first load that takes longer says that it is under way."""

COPIED_CHARACTERS = 70_000
"""At most so much goes to the clipboard at once: terminals drop longer OSC 52."""


class FeedArrived(Message):
    """What the feed brought, gathered."""

    def __init__(self, batch: FeedBatch) -> None:
        super().__init__()
        self.batch = batch


class LineChanged(Message):
    """The feed was lost or came back."""


class TooSmall(Plain):
    """Covers everything while the terminal is smaller than the least size."""

    def __init__(self) -> None:
        super().__init__(
            sanitize(
                f"The terminal is too small.\nThe console needs {LEAST_WIDTH} x {LEAST_HEIGHT}; "
                "make the window larger.\nNothing is lost; keys that decide are off.",
                multiline=True,
            )
        )


_MOVES = frozenset({"back", "close", "leave", "focus_next", "focus_previous"})
"""Actions of screens and dialogs that change nothing."""
_BREAKPOINTS: list[tuple[int, str]] = [(0, "-too-narrow"), (LEAST_WIDTH, "-narrow"), (110, "-wide")]
_HEIGHTS: list[tuple[int, str]] = [(0, "-too-short"), (LEAST_HEIGHT, "-low"), (32, "-tall")]


def too_small(screen: Widget) -> bool:
    """Whether the screen cannot show what it should."""
    return screen.app.size.width < LEAST_WIDTH or screen.app.size.height < LEAST_HEIGHT


def format_damaged(ids: Sequence[str]) -> str:
    """What a list leaves out."""
    more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    return f"damaged in the journal and not shown: {ids[0]}{more} (vasini doctor --deep)"


class Dialog(ClosesItself[T], ModalScreen[T], Generic[T], inherit_bindings=False):
    """A question above a screen. Enter never decides; F2 confirms, Esc closes."""

    BINDINGS = bindings("dialog.close", "screen.next", "screen.previous", "screen.focus_help")
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    VERTICAL_BREAKPOINTS = _HEIGHTS

    def render(self) -> Any:  # Textual names no visuals here, and takes them
        """What is below, in the shade."""
        below = super().render()
        return Shaded(below) if isinstance(below, BackgroundScreen) else below

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """As of a screen: what nobody sees is not confirmed."""
        if action not in _MOVES and too_small(self):
            return False
        return super().check_action(action, parameters)

    def hint(self, words: str) -> None:
        """Say in the dialog why it does not go on."""
        self.query_one(".dialog-hint", Plain).show((sanitize(words, limit=400), "$waiting"))

    def hint_keys(self, words: str) -> None:
        """The same in words that name keys (`Keymap.fill`)."""
        self.hint(console(self).state.keymap.fill(words))

    def action_close(self) -> None:
        """Close without doing anything."""
        self.dismiss(None)

    def action_focus_next(self) -> None:
        """Next field."""
        self.focus_next()

    def action_focus_previous(self) -> None:
        """Previous field."""
        self.focus_previous()


class ConsoleScreen(ClosesItself[None], inherit_bindings=False):
    """Base of the screens: subclasses compose a `body`, `load` what they show, and name their `view`."""

    BINDINGS = bindings("screen.")
    HORIZONTAL_BREAKPOINTS = _BREAKPOINTS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    AUTO_FOCUS = ""
    view = "runs"

    def __init__(self, state: ConsoleState) -> None:
        super().__init__()
        self.state = state
        self.refresher = Refresher(self, self._load)
        self._counter = Refresher(self, self._count_alone, group="count")
        self._in_view = False
        self._tick_timer: Timer | None = None
        self._retry_timer: Timer | None = None
        self._shown_moments: list[datetime] = []
        self._loaded_at: datetime | None = None
        self._slow_timer: Timer | None = None
        self._damaged: tuple[str, ...] = ()
        self._counted: tuple[int, datetime] | None = None
        """The failed runs that the top line counts, and when they were counted."""

    def compose(self) -> ComposeResult:
        """Top lines, body, the notice of a failed load, keys."""
        yield HeaderLines(self.view, self.state.keymap)
        yield Plain(id="problem")
        yield from self.body()
        yield KeyBar(self.state.keymap, id="keys")
        yield TooSmall()

    def body(self) -> ComposeResult:
        """What the screen is about."""
        yield from ()

    async def load(self) -> None:
        """Read from the engine and show it; errors are handled by the caller."""

    def point_at(self, key: str) -> None:
        """Put the cursor on this row as soon as it is there."""

    def tick(self) -> None:
        """Draw ages again."""

    def copied_id(self) -> str:
        """What the copy key copies; empty when there is nothing."""
        return ""

    def on_mount(self) -> None:
        """Who works where; the rest comes with the first load."""
        self._show_who()
        if self.state.label:
            self.query_one(HeaderLines).show_label(self.state.label)
        self.query_one("#problem").display = False
        self._slow_timer = self.set_timer(SLOW_SECONDS, self._say_reading)

    def on_screen_resume(self) -> None:
        """Another screen may have hidden news from this one; a view that opens is told so twice."""
        if not self._in_view:
            self._in_view = True
            self._show_who()
            self.refresher.ask()

    def on_screen_suspend(self) -> None:
        """A hidden screen has no ages to keep."""
        self._in_view = False
        self._stop_tick()

    def on_feed_arrived(self, message: FeedArrived) -> None:
        """Something happened in the engine."""
        if message.batch.of(PackListChanged):
            self.state.broken_packs = None
        if self.concerned(message.batch):
            self.refresher.ask()
        elif ConsoleScreen.concerned(self, message.batch):  # the top line is about all runs
            self._counter.ask()

    def concerned(self, batch: FeedBatch) -> bool:
        """Whether this screen shows anything the news may have changed."""
        return bool(batch.events or batch.lagged or batch.notices)

    def on_line_changed(self) -> None:
        """The feed was lost or came back."""
        self._show_who()

    def show_failure(self, error: Exception) -> None:
        """Tell what could not be read; what is shown is labeled as old, and read again soon."""
        self._show_problem(f"{explain(error)} (trying again, {self._as_of()})")

    def act(self, work: Awaitable[object], *, group: str = "act", exclusive: bool = False) -> None:
        """Do what a key asked for, without holding up the next key."""
        act(self, work, group=group, exclusive=exclusive)

    def leaves_out(self, damaged: Sequence[str]) -> None:
        """What of the list that is being loaded cannot be read."""
        self._damaged = (*self._damaged, *damaged)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is done to what nobody sees: in a terminal that is too small one can only move about."""
        if action not in _MOVES and too_small(self):
            return False
        return super().check_action(action, parameters)

    def ages_of(self, moments: list[datetime]) -> None:
        """Say which ages are on the screen, so that they are drawn again in time."""
        self._shown_moments = moments
        self._stop_tick()
        delay = next_tick(moments, self.state.now())
        if delay is not None and self.is_current:
            self._tick_timer = self.set_timer(delay, self._tick)

    def action_back(self) -> None:
        """Back to the screen before, or from a list to where the key that led to it was pressed."""
        if len(self.app.screen_stack) > 1:
            self.dismiss(None)
        else:
            console(self).lead_back()

    def action_focus_next(self) -> None:
        """Next pane."""
        self.focus_next()

    def action_focus_previous(self) -> None:
        """Previous pane."""
        self.focus_previous()

    def action_copy(self) -> None:
        """Copy what the cursor is on."""
        self.copy(self.copied_id())

    def action_acknowledge(self) -> None:
        """What the top line counts as failed is known."""
        if self._counted is None or not self._counted[0]:
            show_notice(self, "No run failed within the last day that is not acknowledged")
        else:
            self.act(self._acknowledge(*self._counted))

    async def _acknowledge(self, failed: int, counted_at: datetime) -> None:
        await acknowledge(self.state, counted_at)
        words = "1 failed run is" if failed == 1 else f"{failed:,} failed runs are"
        show_notice(self, self.state.keymap.fill(f"{words} acknowledged; {{app.failed}} shows them"))
        self.refresher.ask()

    def copy(self, text: str) -> None:
        """Copy through the terminal (OSC 52), as harmless as it is shown."""
        if text:
            safe = sanitize(text, multiline=True, limit=COPIED_CHARACTERS)
            self.app.copy_to_clipboard(safe)
            show_notice(self, f"Copied {sanitize(safe, limit=100)}")

    def _show_who(self) -> None:
        state = self.state
        offline = f"{state.offline} · {self._as_of()}" if state.offline else ""
        self.query_one(HeaderLines).show_who(state.tenant, state.actor.name, offline)

    def _as_of(self) -> str:
        return f"as of {seconds_time(self._loaded_at)}" if self._loaded_at else "nothing read yet"

    async def _load(self) -> None:
        try:
            counts = await self._count()
            self._damaged = ()
            await self.load()
            self._loaded_at = self.state.now()
            self._show_problem("")
            if self._damaged:
                self._put_line(format_damaged(self._damaged))
            await self._count_broken_packs(counts)
        except Exception as error:  # noqa: BLE001 - edge: shown on the screen, then retried
            self._failed(error)

    async def _count_alone(self) -> None:
        try:
            await self._count_broken_packs(await self._count())
        except Exception as error:  # noqa: BLE001 - edge: as of a load
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        if self.is_attached and not self._pruning:  # else it is closed: nothing is shown or read again
            self.show_failure(error)

    async def _count(self) -> RunCounts:
        """What the top line counts."""
        asked_at = self.state.now()
        counts = await self.state.engine.runs.counts(
            tenant=self.state.tenant, failed_after=await counted_since(self.state)
        )
        self._counted = (counts.failed_lately, asked_at)
        self.query_one(HeaderLines).show_counts(counts, len(self.state.broken_packs or ()))
        return counts

    async def _count_broken_packs(self, counts: RunCounts) -> None:
        """Reading packs takes long the first time: what the screen is about comes before."""
        if self.state.broken_packs is None:
            packs = await self.state.engine.packs.list()
            self.state.broken_packs = tuple(pack for pack in packs if pack.problems)
            self.query_one(HeaderLines).show_counts(counts, len(self.state.broken_packs))

    def _say_reading(self) -> None:
        if self._loaded_at is not None or self._retry_timer is not None:
            return
        problem = self.query_one("#problem", Plain)
        problem.display = True
        problem.show((sanitize("Reading …"), "$quiet"))

    def _put_line(self, words: str) -> None:
        for problem in self.query("#problem").results(Plain):  # none on a screen that is being closed
            problem.display = bool(words)
            problem.show((sanitize(f"! {words}", limit=600), "bold $bad") if words else NOTHING)

    def _show_problem(self, words: str) -> None:
        if self._slow_timer is not None:
            self._slow_timer.stop()
        self._put_line(words)
        if self._retry_timer is not None:
            self._retry_timer.stop()
            self._retry_timer = None
        if words:
            self._retry_timer = self.set_timer(RETRY_SECONDS, self.refresher.ask)

    def _tick(self) -> None:
        self.tick()
        self.ages_of(self._shown_moments)

    def _stop_tick(self) -> None:
        if self._tick_timer is not None:
            self._tick_timer.stop()
            self._tick_timer = None
