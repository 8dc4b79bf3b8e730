"""One run: its timeline, event log, data, files and requests; live, or as it was at an earlier event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.widgets import ContentSwitcher

from engine.contracts.status import RUN_TERMINAL, RequestStatus, RunStatus
from engine.errors import NotFound
from engine.safe_text import sanitize
from screens.compare.verbs import CompareVerbs
from screens.frame.bars.key_bar import KeyBar
from screens.frame.bars.tabs import Tabs
from screens.frame.console import show_notice
from screens.handoff.verbs import HandoffVerbs
from screens.keys.bindings import bindings
from screens.overlays.json_screen import JsonScreen
from screens.run.data_pane import DataPane
from screens.run.files_pane import FilesPane
from screens.run.head import format_handoff, head
from screens.run.idle_keys import idle_keys
from screens.run.log.pane import LogPane
from screens.run.output_pane import OutputPane
from screens.run.pane import PastRun, RunMoment, RunPane
from screens.run.requests_pane import RequestsPane, kind_of, title_of
from screens.run.talking import TalkVerb
from screens.run.timeline.pane import TimelinePane
from screens.run.timeline.table import TimelineTable
from screens.run_verbs.again import AgainVerb
from screens.run_verbs.flagging import FlagVerb
from screens.run_verbs.looking import LookVerbs, pending_of
from screens.run_verbs.steering import SteerVerbs
from screens.widgets.plain import Plain
from screens.widgets.status_labels import REQUEST_LABELS, run_label

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from engine.facade.feed import FeedBatch
    from screens.frame.console_state import ConsoleState

PANES: dict[str, type[RunPane]] = {
    "timeline": TimelinePane,
    "log": LogPane,
    "output": OutputPane,
    "data": DataPane,
    "files": FilesPane,
    "requests": RequestsPane,
}
"""By the name that `open_run` takes, in the order of the tabs."""

_ASKING = (RunStatus.PENDING_HUMAN, RunStatus.PENDING_USER_INPUT, RunStatus.RUNNING, RunStatus.RETRYING)
"""A branch can wait for a person while another works."""


class RunScreen(SteerVerbs, LookVerbs, CompareVerbs, HandoffVerbs, AgainVerb, FlagVerb, TalkVerb, JsonScreen):
    """Detail of a run; `pane` says where to begin."""

    BINDINGS = bindings("run.", "log.")
    view = "runs"

    def __init__(
        self, state: ConsoleState, run_id: str, *, view: str = "runs", pane: str = "timeline"
    ) -> None:
        self.view = view
        super().__init__(state)
        self._run_id = run_id
        self._pane = pane
        self._moment: RunMoment | None = None
        self._asked = ""
        self._successors: tuple[str, ...] = ()
        self._wanted_event: int | None = None
        self._past: PastRun | None = None

    def body(self) -> ComposeResult:
        """Of what moment it is, head, names of the panes, panes."""
        yield Plain(id="as-of")
        yield Plain(sanitize("Loading …"), id="run-head")
        yield Tabs({name: kind.title for name, kind in PANES.items()}, id="run-panes")
        with ContentSwitcher(initial=self._pane, id="panes"):
            for name, kind in PANES.items():
                yield kind(self.state, self._run_id, id=name)
        yield Plain(id="gone", classes="pane-empty")

    def on_mount(self) -> None:
        """Begin in the pane that was asked for."""
        super().on_mount()
        self.query_one("#gone").display = False
        self.query_one("#as-of").display = False
        self._show_pane()

    @property
    def pane(self) -> RunPane:
        """The pane that is shown."""
        return self.query_one(f"#{self._pane}", RunPane)

    def current_run(self) -> str:
        """The run of this screen."""
        return self._run_id

    def run_status(self) -> RunStatus | None:
        """That of now."""
        return self._moment.live.status if self._moment is not None else None

    def shows_paused(self) -> bool:
        """Its head tells a pause that was asked for."""
        return super().shows_paused() or (self._moment is not None and self._moment.live.pause_requested)

    def copied_id(self) -> str:
        """What the pane offers, else the run's id."""
        return self.pane.copied() or self._run_id

    def format_run(self) -> str:
        """Flow, status and id."""
        if self._moment is None:
            return self._run_id
        run = self._moment.live
        return f"{run.pack}/{run.flow} · {run_label(run).word} · {run.run_id}"

    def concerned(self, batch: FeedBatch) -> bool:
        """By its own events, by those of its child runs on the timeline, and by a run that takes over."""
        mine = {self._run_id}
        if self._pane == "timeline":
            mine |= self.query_one("#timeline", TimelinePane).run_ids
        return batch.lagged or any(
            event.run_id in mine or event.handed_off_from == self._run_id for event in batch.events
        )

    async def load(self) -> None:
        """The run, the moment that is looked back at, and the pane that is shown."""
        runs = self.state.engine.runs
        try:
            live = await runs.summary(self._run_id)
        except NotFound as error:
            self._show_gone(error.message)
            return
        self._past = await self._read_as_of(self._wanted_event)
        self._successors = await runs.successors(self._run_id)
        self._asked = await self._format_request() if live.status in _ASKING else ""
        self._moment = RunMoment(live, self._past)
        self._show_gone("")
        self._draw_head()
        self._offer_keys()
        await self.pane.show(self._moment)
        self._schedule_ages()

    def tick(self) -> None:
        """Ages again."""
        self._draw_head()
        self.pane.tick(self.state.now())
        self._schedule_ages()

    def show_pane(self, pane: str) -> None:
        """Go to a pane by name."""
        if pane != self._pane:
            self._pane = pane
            self.refresher.ask_at_once()
        self._show_pane()

    @on(Tabs.Chosen)
    def _tab_clicked(self, message: Tabs.Chosen) -> None:
        self.show_pane(message.name)

    def action_next_pane(self) -> None:
        """The pane to the right."""
        self.show_pane(self._tabs.beside(self._pane, 1))

    def action_previous_pane(self) -> None:
        """The pane to the left."""
        self.show_pane(self._tabs.beside(self._pane, -1))

    def action_logs(self) -> None:
        """The event log of this run."""
        self.show_pane("log")

    def action_filter(self) -> None:
        """Look for events in the log."""
        self.show_pane("log")
        self._log.filter()

    def action_next_match(self) -> None:
        """The next event that the filter finds."""
        self._match(1)

    def action_previous_match(self) -> None:
        """The one before."""
        self._match(-1)

    def _match(self, by: int) -> None:
        self.show_pane("log")
        self._log.match(by)

    def action_follow(self) -> None:
        """Stay with the newest, or stay."""
        words = self.pane.toggle_follow()
        show_notice(self, words or "Nothing to follow here: the timeline, the log and the output follow")

    def action_times(self) -> None:
        """Times of the day, or since the run began."""
        if not self.pane.toggle_times():
            show_notice(self, "There are no times to change here: the timeline and the log have them")

    def action_wrap(self) -> None:
        """Long text in full."""
        if not self.pane.toggle_wrap():
            show_notice(self, "There is nothing to wrap here: the log shows an event in full")

    def action_marker(self) -> None:
        """Look back at the event under the cursor; the same event again: back to the present."""
        self.act(self._choose_moment())

    def action_back(self) -> None:
        """A step back in the pane, to the present, or to the screen before."""
        if self.pane.leave():
            return
        if self._wanted_event is not None:
            self._show_as_of(None)
        else:
            super().action_back()

    @on(TimelineTable.Stepped)
    def _step_in_time(self, message: TimelineTable.Stepped) -> None:
        if self._wanted_event is not None and self._moment is not None:
            self._wanted_event = max(1, min(self._wanted_event + message.by, self._moment.live.run_seq))
            self.refresher.ask()

    @property
    def _tabs(self) -> Tabs:
        return self.query_one("#run-panes", Tabs)

    @property
    def _log(self) -> LogPane:
        return self.query_one("#log", LogPane)

    def may_act(self) -> bool:
        """Only in the present."""
        if self._wanted_event is None:
            return True
        words = "This is the past: nothing can be done to it. {screen.back} returns to the present."
        show_notice(self, self.state.keymap.fill(words), tone="warning")
        return False

    def _show_as_of(self, number: int | None) -> None:
        self._wanted_event = number
        self.refresher.ask_at_once()

    async def _choose_moment(self) -> None:
        number = await self.pane.chosen_event()
        if number is None:
            words = "{run.marker} looks back at an event of the log, or at the start of a step of this run"
            show_notice(self, self.state.keymap.fill(words))
        else:
            self._show_as_of(None if number == self._wanted_event else number)

    async def _read_as_of(self, number: int | None) -> PastRun | None:
        if number is None or (self._past is not None and self._past.event.run_seq == number):
            return None if number is None else self._past
        runs = self.state.engine.runs
        detail = await runs.as_of(self._run_id, number, steps=False)
        events = await runs.events(self._run_id, after_run_seq=number - 1, limit=1)
        return PastRun(events[0], detail)

    async def _format_request(self) -> str:
        asked = await pending_of(self.state.engine.requests, self._run_id)
        if asked is None:
            return ""
        opens = self.state.keymap.fill(" ({run.pending} opens it)")
        return f"{REQUEST_LABELS[RequestStatus.PENDING].symbol} {kind_of(asked)}: {title_of(asked)}{opens}"

    def _format_as_of(self) -> str:
        return self._past.format_line(self.state.keymap.fill("{screen.back}")) if self._past else ""

    def _show_pane(self) -> None:
        self.query_one("#panes", ContentSwitcher).current = self._pane
        self._tabs.show_current(self._pane, self.state.keymap.fill("{run.next_pane}: next pane"))
        self._offer_keys()
        self.pane.target().focus()

    def _offer_keys(self) -> None:
        self.query_one(KeyBar).leave_out(self.pane.idle | idle_keys(self._moment, asks=bool(self._asked)))

    def _show_gone(self, words: str) -> None:
        self.query_one("#gone").display = bool(words)
        self.query_one("#panes").display = not words
        if words:
            before = "" if self._moment is None else "It was there a moment ago. "
            self.query_one("#run-head").display = False
            back = self.state.keymap.fill("{screen.back} goes back.")
            self.query_one("#gone", Plain).show(sanitize(f"{words}\n{before}{back}", multiline=True))

    def _draw_head(self) -> None:
        if self._moment is None:
            return
        line = self.query_one("#as-of", Plain)
        line.display = self._past is not None
        line.show(sanitize(self._format_as_of(), limit=400))
        asked = "" if self._past else self._asked
        self.query_one("#run-head").display = True
        self.query_one("#run-head", Plain).show(*head(self._moment, asked, self._related(), self.state.now()))

    def _related(self) -> str:
        successors = self._past.detail.handed_off_to if self._past else self._successors
        source = self._moment.live.handed_off_from if self._moment else None
        return format_handoff(source, successors, self.state.keymap.fill("{run.handoffs}"))

    def _schedule_ages(self) -> None:
        if self._moment is None:
            return
        now, run = self.state.now(), self._moment.run
        ages = [] if run.status in RUN_TERMINAL or self._past else [run.created_at]
        self.ages_of(ages + self.pane.moments(now))
