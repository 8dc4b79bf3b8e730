"""One step: how it stands, which tries failed, what went in and came out, what it writes; live."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from engine.contracts.status import RUN_TERMINAL
from engine.safe_text import sanitize
from screens.frame.console import show_notice
from screens.frame.searched import SearchedTree
from screens.keys.bindings import bindings
from screens.overlays.json_screen import JsonScreen
from screens.run.output_pane import OutputPane
from screens.run.pane import PastRun, RunMoment
from screens.run.step_words import format_item, format_try
from screens.widgets.ages import age, clock_time, span
from screens.widgets.plain import Plain
from screens.widgets.status_labels import STEP_LABELS, STYLES, format_recovered

if TYPE_CHECKING:
    from datetime import datetime

    from textual.app import ComposeResult

    from engine.contracts.runs.run import StepView
    from engine.facade.feed import FeedBatch
    from screens.frame.console_state import ConsoleState
    from screens.widgets.plain import Part

_TRIES = 3
"""Failed tries that stand above the values; all of them are among these."""


class StepScreen(JsonScreen):
    """Follows its step while it is open; with `past` it shows the step as it was then, and stays."""

    BINDINGS = bindings("run.follow", "run.wrap", "find.words", "find.next_match", "find.previous_match")

    def __init__(self, state: ConsoleState, run_id: str, step_id: str, *, past: PastRun | None) -> None:
        super().__init__(state)
        self._run_id, self._step_id, self._past = run_id, step_id, past
        self._step: StepView | None = None

    def body(self) -> ComposeResult:
        """Of what moment it is, the step, its values, its output."""
        note = self._past.format_line(self.state.keymap.fill("{screen.back}")) if self._past else ""
        yield Plain(sanitize(note), id="as-of")
        yield Plain(sanitize(f" {self._step_id} …"), id="step-head")
        yield SearchedTree(tree_id="values", gives_way=self._has_output)
        yield Plain(sanitize("Nothing is recorded here."), id="no-values", classes="pane-empty")
        yield OutputPane(self.state, self._run_id, step_id=self._step_id, id="step-output")

    def on_mount(self) -> None:
        """The tree has the keys."""
        super().on_mount()
        self.query_one("#as-of").display = self._past is not None
        self.query_one("#no-values").display = False
        self.query_one("#values").focus()

    def concerned(self, batch: FeedBatch) -> bool:
        """By the events of the step, and those of the whole run: a past one stays as it is."""
        mine = (
            event.run_id == self._run_id and event.step_id in (None, self._step_id) for event in batch.events
        )
        return self._past is None and (batch.lagged or any(mine))

    async def load(self) -> None:
        """The step, whole; what it wrote since."""
        runs = self.state.engine.runs
        whole = await runs.step(self._run_id, self._step_id)
        self._step = await self._as_it_was() or whole
        self._show_values(_values(self._step, whole))
        self.tick()
        run = await runs.summary(self._run_id)
        await self._output.show(RunMoment(run, self._past))
        lasts = self._step.finished_at is None and run.status not in RUN_TERMINAL and self._past is None
        self.ages_of([self._step.started_at] if lasts and self._step.started_at else [])

    async def _as_it_was(self) -> StepView | None:
        """The step at the moment that is looked back at."""
        if self._past is None:
            return None
        runs, moment = self.state.engine.runs, self._past.event.run_seq
        return next(iter(await runs.steps_at(self._run_id, (self._step_id,), as_of=moment)), None)

    def tick(self) -> None:
        """For how long it has been at it."""
        if self._step is not None:
            then = self._past.event.ts if self._past else self.state.now()
            self.query_one("#step-head", Plain).show(*_head(self._step, then))

    def copied_id(self) -> str:
        """The value under the cursor."""
        return self.query_one(SearchedTree).view.copied()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to follow, to wrap or to look for before something is written."""
        if action in {"follow", "wrap", "filter", "next_match", "previous_match"}:
            return self._has_output()
        return super().check_action(action, parameters)

    def action_follow(self) -> None:
        """Stay with the newest line of its output, or stay."""
        show_notice(self, self._output.toggle_follow())

    def action_wrap(self) -> None:
        """Long lines of its output in full, or cut."""
        self._output.toggle_wrap()

    def action_filter(self) -> None:
        """Look for words in its output."""
        self._output.searched.action_filter()

    async def action_next_match(self) -> None:
        """The next line of its output with the words."""
        await self._output.searched.action_next_match()

    async def action_previous_match(self) -> None:
        """The one before."""
        await self._output.searched.action_previous_match()

    def action_back(self) -> None:
        """Look for nothing any more, or back to the run."""
        if not self.query_one(SearchedTree).leave_search() and not self._output.leave():
            super().action_back()

    def _has_output(self) -> bool:
        return any(pane.has_lines for pane in self.query(OutputPane))

    @property
    def _output(self) -> OutputPane:
        return self.query_one("#step-output", OutputPane)

    def _show_values(self, values: dict[str, object]) -> None:
        self.query_one(SearchedTree).show(values)
        self.query_one("#no-values").display = not values


def _head(step: StepView, now: datetime) -> list[Part]:
    """Status, what it is, when; the item it is for; the last tries that failed."""
    label = STEP_LABELS[step.status]
    words = f"  {step.type} · try {step.attempt}"
    if step.started_at is not None:
        words += f" · began {clock_time(step.started_at)}"
        took = span(step.started_at, step.finished_at)
        words += f" · took {took}" if took else f" · for {age(step.started_at, now)}"
    parts: list[Part] = [
        (sanitize(f" {label.symbol} {label.word}"), STYLES[label.tone]),
        (sanitize(f"  {step.step_id}", limit=300), "bold"),
        (sanitize(words, limit=400), "$quiet"),
    ]
    if step.recoveries:
        parts.append((sanitize(f" · {format_recovered(step.recoveries)}"), "$busy"))
    if step.retry_at is not None:
        parts.append((sanitize(f" · tries again at {clock_time(step.retry_at)}"), "$busy"))
    if step.item is not None:
        parts.append((sanitize(f"\n {format_item(step.item)}", multiline=True), "$quiet"))
    if more := len(step.tries[:-_TRIES]):
        words = f"\n {more} earlier {'try' if more == 1 else 'tries'} failed too"
        parts.append((sanitize(words, multiline=True), "$quiet"))
    parts += [
        (sanitize(f"\n {format_try(failed)}", multiline=True), "$bad") for failed in step.tries[-_TRIES:]
    ]
    if step.error is not None:
        words = f"\n ✗ {step.error.code}: {' '.join(step.error.message.split())}"
        parts.append((sanitize(words, multiline=True, limit=400), "bold $bad"))
    return parts


def _values(shown: StepView, whole: StepView) -> dict[str, object]:
    """Values in full, of what there was at the moment that is shown."""
    values: dict[str, object] = {}
    if shown.input is not None:
        values["input"] = whole.input
    if shown.output is not None:
        values["output"] = whole.output
    if shown.error is not None:
        values["error"] = asdict(shown.error)
    if shown.tries:
        values["tries"] = [failed.model_dump(mode="json") for failed in shown.tries]
    return values
