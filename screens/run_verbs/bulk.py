"""One verb for several runs: the question before it, and what came of it in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Vertical

from engine.contracts.status import RUN_TERMINAL, CancelMode, RunStatus
from engine.errors import VasiniError
from engine.safe_text import sanitize
from screens.frame.bars.key_hint import KeyHint
from screens.frame.console import tried
from screens.frame.console_state import explain
from screens.frame.screen import Dialog, TooSmall
from screens.keys.bindings import bindings
from screens.widgets.numbers import counted
from screens.widgets.plain import Plain
from screens.widgets.status_labels import RUN_LABELS, Tone, run_label
from screens.widgets.tables.columns import Column
from screens.widgets.tables.row_table import RowTable
from screens.widgets.tables.rows import Cell, Cut, Row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual.app import ComposeResult

    from engine.contracts.actor import Actor
    from engine.contracts.runs.listed import RunView
    from engine.contracts.runs.run import VerbResult
    from engine.facade.runs import Runs

_COLUMNS = (Column("Status", 15), Column("Flow", 16, flex=1, rank=1, cut=Cut.PACK), Column("Run", 30))

OPEN = frozenset(RunStatus) - RUN_TERMINAL
"""Statuses of runs that have not ended."""


@dataclass(frozen=True, slots=True)
class BulkVerb:
    """What is done to each run; words for a run that is `at_once` so, will be soon, was so already.

    Runs whose status is not one `of` these it cannot change.
    """

    title: str
    of: frozenset[RunStatus]
    call: Callable[[Runs, str, Actor], Awaitable[VerbResult]]
    at_once: RunStatus
    at_once_text: str
    soon_text: str
    unchanged_text: str

    def format_result(self, result: VerbResult) -> str:
        """What became of one run."""
        if not result.changed:
            return self.unchanged_text
        return self.at_once_text if result.status is self.at_once else self.soon_text


PAUSE = BulkVerb(
    "Pause",
    OPEN,
    lambda runs, run_id, actor: runs.pause(run_id, actor=actor),
    RunStatus.PAUSED,
    "paused",
    "pausing at the next step",
    "was already",
)
RESUME = BulkVerb(
    "Resume",
    OPEN,
    lambda runs, run_id, actor: runs.resume(run_id, actor=actor),
    RunStatus.RUNNING,
    "going on",
    "going on",
    "was not paused",
)
RETRY = BulkVerb(
    "Retry",
    frozenset({RunStatus.FAILED, RunStatus.DEAD_LETTER}),
    lambda runs, run_id, actor: runs.retry(run_id, actor=actor),
    RunStatus.RUNNING,
    "going on at the failed step",
    "going on at the failed step",
    "was going on already",
)


def cancel_verb(mode: CancelMode) -> BulkVerb:
    """Cancel at the next step boundary, or at once."""
    return BulkVerb(
        "Cancel now" if mode is CancelMode.NOW else "Cancel after the current step",
        OPEN,
        lambda runs, run_id, actor: runs.cancel(run_id, actor=actor, mode=mode),
        RunStatus.CANCELLED,
        "cancelled",
        "stopping",
        "was cancelled already",
    )


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """How many runs became what, and the runs that refused."""

    counted: Counter[str]
    refused: tuple[str, ...]
    reason: str

    @property
    def text(self) -> str:
        """`3 paused, 1 was already`."""
        told = ", ".join(f"{number} {words}" for words, number in self.counted.items())
        return f"{told}. {self.reason}" if self.reason else f"{told}."


async def do_all(verb: BulkVerb, runs: Runs, run_ids: Sequence[str], actor: Actor) -> BulkOutcome:
    """Do it to one run after the other; a refusal of one stops none of the others."""
    counted: Counter[str] = Counter()
    refused: list[str] = []
    reason = ""
    for run_id in run_ids:
        result = await tried(verb.call(runs, run_id, actor))
        if not isinstance(result, Exception):
            counted[verb.format_result(result)] += 1
            continue
        refused.append(run_id)
        if isinstance(result, VasiniError):
            counted[f"refused ({result.code})"] += 1
            reason = reason or result.message
        else:
            counted["failed, look at it"] += 1
            reason = reason or explain(result)
    return BulkOutcome(counted, tuple(refused), reason)


def format_statuses(views: Sequence[RunView]) -> str:
    """How many of the runs have which status: `● 3 running, ‖ 1 paused`."""
    counted = Counter(view.status for view in views)
    return ", ".join(
        f"{label.symbol} {counted[status]} {label.word}"
        for status, label in RUN_LABELS.items()
        if counted[status]
    )


class BulkDialog(Dialog[bool]):
    """Asks before a verb is done to several runs: F2 does it to all of them, Enter and Esc to none."""

    BINDINGS = bindings("dialog.confirm")

    def __init__(self, verb: BulkVerb, views: Sequence[RunView]) -> None:
        super().__init__()
        self._verb = verb
        self._views = views

    def compose(self) -> ComposeResult:
        """How many, in which statuses, and which."""
        number = len(self._views)
        with Vertical(classes="dialog"):
            title = f"{self._verb.title}: {counted(number, 'run')}?"
            yield Plain(sanitize(title), classes="dialog-title")
            yield Plain(sanitize(format_statuses(self._views)), classes="dialog-text")
            yield RowTable(_COLUMNS, id="marked")
            yield Plain(classes="dialog-hint")
            yield KeyHint(f"{{dialog.confirm}} {self._verb.title.lower()}   {{dialog.close}} close")
        yield TooSmall()

    def on_mount(self) -> None:
        """List the runs."""
        table = self.query_one("#marked", RowTable)
        table.show([_row(view) for view in self._views])
        table.focus()

    def action_confirm(self) -> None:
        """Do it."""
        self.dismiss(True)

    @on(RowTable.Opened)
    def _enter(self) -> None:
        verb = self._verb.title.lower()
        self.hint_keys(f"Enter does nothing: {{dialog.confirm}} is {verb}, {{dialog.close}} closes")


def _row(view: RunView) -> Row:
    label = run_label(view)
    return Row(
        view.run_id,
        (
            Cell(label.text, label.tone),
            Cell(sanitize(f"{view.pack}/{view.flow}")),
            Cell(sanitize(view.run_id), Tone.QUIET),
        ),
    )
