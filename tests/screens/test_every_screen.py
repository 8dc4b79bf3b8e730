"""How every screen looks: three sizes, two themes, clock and ids frozen. Read a changed one, then keep it.

Both themes at the least size, then the one that stands, which is the other one from picture to picture.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from engine.contracts.status import Risk
from engine.errors import ErrorCode, Unavailable
from screens.frame.screen import LEAST_HEIGHT, LEAST_WIDTH
from screens.widgets.tables.columns import GAP
from screens.widgets.tables.line_table import GUTTER, LineTable
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_plan, an_approval
from tests.screens.packs.levels import SOME_LEVELS
from tests.screens.picture import characters, strips, styles
from tests.screens.test_console_snapshots import RUN, engine
from vasini_tui.console.options import ConsoleOptions

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion
    from textual.strip import Strip

    from tests.screens.conftest import OpenConsole, Stage

SIZES = ((80, 24), (120, 40), (200, 60))
THEMES = ("vasini-dark", "vasini-light")

Step = str | Callable[[FakeEngine], object]
"""A key; after a blank, words to wait for; after `=`, the name of the picture to take; or a deed."""


class Picture(SingleFileSnapshotExtension):
    _file_extension = "txt"
    _write_mode = WriteMode.TEXT


def goes_offline(fake: FakeEngine) -> None:
    """And stays so: the console tries again while pictures are taken."""
    gone = Unavailable(ErrorCode.ENGINE_STOPPED, "The engine is gone.")
    fake.failures["subscribe"] = gone
    fake.feed.publish(gone)


def cannot_read(fake: FakeEngine) -> None:
    fake.failures["list"] = Unavailable(ErrorCode.JOURNAL_LOCKED, "Another process holds the journal.")
    fake.news()


def asks_once_more(fake: FakeEngine) -> None:
    again = {"pack": "repo-steward", "flow": "release-notes", "run_id": RUN % 7}
    fake.add(an_approval("01K3M9AP03", **again, title="Write once more", risk=Risk.LOW))
    fake.news()


def proposes_a_plan(fake: FakeEngine) -> None:
    fake.stored_approvals.clear()
    fake.add(a_plan("01K3M9AP04", run_id=RUN % 7))
    fake.news()


WALKS: dict[str, tuple[Step, ...]] = {
    "empty": (
        " What to do next",
        "=first-start",
        "2",
        " No approval waits",
        "=approvals-empty",
        "3",
        " No form waits",
        "=forms-empty",
    ),
    "runs": (
        " queued",
        "=runs",
        *("space", "space", " 2 marked", "x", " Keep", "=cancel-menu", "escape", "space", "space"),
        *("s", " Saved filters", "=saved-filters", "escape"),
        *("q", " Leave the console?", "=leave", "escape"),
        *("/", *"status:failed", " backend_error", "=runs-filtered"),
        *(*",x", " ", "escape"),
    ),
    "lost": (
        " queued",
        cannot_read,
        " trying again",
        "=runs-unread",
        goes_offline,
        " offline",
        "=runs-offline",
    ),
    "help": (
        " queued",
        *("?", " Keys of this screen", "=help", "escape", "f1", " This part", "=focus-help", "escape"),
        *(
            ":",
            " Command line",
            "=palette",
            *"log",
            "=palette-narrowed",
            "escape",
            "ctrl+t",
            " From",
            "=themes",
        ),
    ),
    "run": (
        *(" queued", *"jjjjj", "enter", " approve-blocklist", "=run-timeline"),
        *("m", " read-only", "=run-as-it-was", "escape"),
        *("]", " run_started", "=run-log", "]", " No output", "=run-output", "]", " input", "=run-data"),
        *("]", " No files", "=run-files", "]", " Asks for", "=run-requests"),
        *("[", "[", "[", "[", "[", " approve-blocklist", "enter", " Nothing is recorded", "=step", "escape"),
        *("d", " the id of any run", "=compare-with", "enter", " differ", "=compare"),
    ),
    "handoff": (
        *(" queued", *"jjjjjh", " Hand off to", "=handoffs", "j", " Not now", "=handoff-refused"),
        *("k", " When:", "enter", " Service", "=handoff-form", *"shop", "f2", " handed off from"),
        "=run-handed-off",
        *("escape", " pending human", "enter", " handed off to", "=run-handed-off-to", "H", " from 01K3M9X2"),
    ),
    "approvals": (
        *("2", " files.write", "=approvals", "a", " Type the word", "=typed-word", "escape"),
        *("r", " say why", "f2", " needs a comment", "=comment", "escape", "j", " hidden or control"),
        "=approval-hidden",
        *(asks_once_more, " once more", "space", "space", " 2 marked", "M", " at once", "=bulk"),
    ),
    "plan": (
        *(" queued", proposes_a_plan, "2", " a plan of 2 steps", " 1. look", "=plan"),
        *(
            "enter",
            "G",
            " estimated_cost",
            "escape",
            "e",
            " Change the plan",
            "x",
            " taken out",
            "=plan-changed",
        ),
        *("enter", " Parameters of", "=plan-params"),
    ),
    "forms": (
        *("3", " Triage", "=forms", "enter", " Severity", "=form", "f2", " is required", "=form-errors"),
        *("enter", " low", "=form-choices"),
    ),
    "slo": ("4", " violated", " timeout", "=slo", "j", "j", " Here will stand", "=slo-empty"),
    "packs": ("5", " hello", "=packs", "enter", " Overview", "=pack"),
    "start": ("c", " Greets", "=start", "enter", " name", "=start-form"),
}


@pytest.mark.parametrize("walk", WALKS)
async def test_the_screens_look_as_they_did(
    console: OpenConsole, snapshot: SnapshotAssertion, walk: str
) -> None:
    fake = FakeEngine() if walk == "empty" else engine()
    fake.levels.stored = SOME_LEVELS if walk == "slo" else ()
    fake.levels.budgets = {"on-call": tuple(1 - number / 80 for number in range(120))}
    options = ConsoleOptions(bell=False, grace_ms=0)
    alone = count().__next__  # every key comes alone
    async with console(fake, size=SIZES[0], options=options, clock=alone, notifications=False) as stage:
        for theme in THEMES:
            stage.app.register_theme(options.themes.load(theme))
        for step in WALKS[walk]:
            if not isinstance(step, str):
                step(fake)
            elif step.startswith(" "):
                await stage.shows(step[1:])
            elif step.startswith("=") and len(step) > 1:
                picture = await _picture(stage)
                assert picture == snapshot(extension_class=Picture, name=step[1:])
            else:
                await stage.press(step)


async def _picture(stage: Stage) -> str:
    told: list[str] = []
    app = stage.app
    for size in SIZES:
        await stage.resize(*size)
        drawn = await _settled(stage)
        lines, colors = characters(drawn), {app.theme: styles(drawn)}
        if size == SIZES[0]:
            (other,) = set(THEMES) - {app.theme}
            app.theme = other
            drawn = await _settled(stage)
            assert characters(drawn) == lines, "a theme changes colors only"
            colors[other] = styles(drawn)
        told += [f"{size[0]}x{size[1]}", *lines]
        for theme in sorted(colors):
            told += [theme, *colors[theme]]
    await stage.resize(LEAST_WIDTH, LEAST_HEIGHT)
    await _settled(stage)
    assert _cut(stage) == [], "columns that do not fit leave whole"
    await stage.resize(*SIZES[0])
    return "\n".join(told) + "\n"


def _cut(stage: Stage) -> list[str]:
    """Tables with a column that is out of sight, be it in part."""
    return [
        f"{table!r}: {[column.title for column in table._placed]}"
        for table in stage.app.screen.query("LineTable")
        if isinstance(table, LineTable) and table.size and table._placed
        if _width(table) > table.scrollable_content_region.width
    ]


def _width(table: LineTable) -> int:
    return GUTTER + sum(column.width + GAP for column in table._placed) - GAP


async def _settled(stage: Stage) -> list[Strip]:
    """What is shown once everything that was asked for is read and drawn, below a dialog as well."""
    stage.app.clear_notifications()
    await stage.settle()
    await stage.still()
    return strips(stage.app)
