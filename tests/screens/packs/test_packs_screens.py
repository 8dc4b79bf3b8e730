"""The packs and one pack: what is shown, and every verb."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.contracts.packs.agent import FlowOutline, StepOutline
from engine.contracts.packs.pack import PackState, Problem, RunsOfVersion
from engine.contracts.packs.versions import (
    DiffLine,
    PackDiff,
    PackNotice,
    PackOutcome,
    PackSide,
    SourceFile,
    TextDiff,
)
from screens.overlays.text_screen import TextScreen
from screens.packs.dialogs import PublishDialog, TrustDialog
from screens.packs.list_screen import PacksScreen
from screens.packs.notices import notices_of
from screens.packs.screen import PackScreen
from screens.widgets.text_lines import TextLines
from tests.fakes.engine import FakeEngine
from tests.fakes.packs import FakePacks, a_detail, a_review, a_version
from tests.fakes.views import a_pack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.contracts.packs.pack import PackView
    from engine.contracts.packs.versions import PackDetail
    from tests.screens.conftest import OpenConsole, Stage

BROKEN = Problem(
    file="flows/hello.yaml",
    line=3,
    column=5,
    field="steps.0.tool",
    message="there is no such tool",
    found="files.raed",
    expected="one of files.read, files.list",
)
SOURCE = "id: hello\nsteps:\n  - tool: files.raed\n    params: {}\n"


def a_diff(name: str = "flows/hello", text: str = "tool: files.read") -> PackDiff:
    lines = (
        DiffLine(kind="same", before=1, after=1, text="id: hello"),
        DiffLine(kind="removed", before=2, text="tool: files.list"),
        DiffLine(kind="added", after=2, text=text),
        DiffLine(kind="same", before=40, after=40, text="end: far below"),
    )
    side = PackSide(pack="hello", label="1.0.0", digest="d" * 64)
    changed = TextDiff(name=name, change="changed", lines=lines, added=1, removed=1)
    return PackDiff(before=side, after=side, layers=(changed,), files=(changed,))


def an_engine(*packs: PackView) -> FakeEngine:
    return FakeEngine(stored_packs=packs or (a_pack(),))


def broken() -> PackView:
    return a_pack(problems=(BROKEN,), digest="b" * 64)


async def on_packs(stage: Stage) -> None:
    await stage.press("5")
    await stage.on(PacksScreen)
    await stage.until(lambda: stage.table("#packs").rows, "packs in the list")


async def on_pack(stage: Stage, *keys: str) -> None:
    await on_packs(stage)
    await stage.press(*(keys or ("enter",)))
    await stage.on(PackScreen)
    await stage.until(lambda: "Loading" not in stage.plain("#pack-head"), "the pack is loaded")


async def test_the_list_says_what_is_in_force_and_who_runs_on_it(console: OpenConsole) -> None:
    runs = (
        RunsOfVersion(label="1.2.0", digest="a" * 64, runs=3),
        RunsOfVersion(label="1.1.0", digest="b" * 64, runs=1),
    )
    engine = an_engine(a_pack(label="1.2.0+edited", runs=runs, runs_in_all=1_234))
    async with console(engine) as stage:
        await on_packs(stage)
        await stage.shows("✓ ok")
        await stage.shows("1.2.0+edited")
        await stage.shows("not over: 3 runs on 1.2.0, 1 on 1.1.0")
        await stage.shows("1,234")
        await stage.press("enter")
        await stage.shows("1,234 in all")


async def test_a_broken_pack_shows_its_first_problem_and_opens_at_its_line(console: OpenConsole) -> None:
    engine = an_engine(broken())
    engine.packs.details["hello"] = a_detail(
        broken(), sources=(SourceFile(file=BROKEN.file, text=SOURCE, problems=(BROKEN,)),)
    )
    async with console(engine) as stage:
        await on_packs(stage)
        await stage.shows("✗ broken")
        await stage.shows("flows/hello.yaml:3:5 steps.0.tool: there is no such tool")
        await stage.press("enter")
        await stage.shows("- tool: files.raed")
        await stage.shows("    ^ steps.0.tool: there is no such tool")
        await stage.shows("found files.raed · expected one of files.read, files.list")


@dataclass
class FakeLatePacks(FakePacks):
    """Packs whose answer comes just when nobody waits for it any more; `read`: which were asked for."""

    read: list[str] = field(default_factory=list)

    async def get(self, pack: str) -> PackDetail:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        self.read.append(pack)
        return await super().get(pack)


async def test_a_pack_that_is_read_while_its_screen_closes_is_no_failure(
    console: OpenConsole, caplog: pytest.LogCaptureFixture
) -> None:
    engine = an_engine()
    engine.packs = late = FakeLatePacks(engine)
    async with console(engine) as stage:
        await on_packs(stage)
        await stage.press("enter")
        await stage.on(PackScreen)
        await stage.press("escape")
        await stage.on(PacksScreen)
        await stage.until(lambda: late.read, "the pack is read")
    assert "unexpected error" not in caplog.text


@dataclass
class FakeLateList(FakePacks):
    """Its list comes when `late` says that it is late enough."""

    late: Callable[[], bool] | None = None
    waiting: bool = False

    async def list(self) -> tuple[PackView, ...]:
        while self.late is not None and not self.late():
            self.waiting = True
            await asyncio.sleep(0.001)
        return await super().list()


async def test_a_list_that_comes_while_the_console_ends_is_no_failure(
    console: OpenConsole, caplog: pytest.LogCaptureFixture
) -> None:
    engine = an_engine()
    engine.packs = packs = FakeLateList(engine)
    async with console(engine) as stage:
        await on_packs(stage)
        screen = stage.app.screen
        packs.late = lambda: not screen.query("#packs")  # it ends, and the list has gone from the screen
        packs.news()
        await stage.until(lambda: packs.waiting, "the list is read again")
    assert "unexpected error" not in caplog.text


async def test_an_empty_list_says_how_to_make_a_pack(console: OpenConsole) -> None:
    async with console(FakeEngine(stored_packs=())) as stage:
        await stage.press("5")
        await stage.shows("vasini pack new NAME makes one")


async def test_panes_go_round_and_show_what_there_is(console: OpenConsole) -> None:
    engine = an_engine()
    left = StepOutline(id="left", type="tool", target="files.read")
    right = StepOutline(id="ok", type="human_approval", gates="write")
    step = StepOutline(id="fan", type="parallel", join="all", branches=((left,), (right,)))
    outline = FlowOutline(flow="hello", version="v1", file="flows/hello.yaml", sop=False, steps=(step,))
    engine.packs.details["hello"] = a_detail(a_pack(), outlines=(outline,), versions=(a_version(),))
    async with console(engine) as stage:
        await on_pack(stage)
        await stage.shows("latest")
        await stage.press("]", "]")
        await stage.shows("└ fan")
        await stage.shows("branch 2")
        await stage.shows("before write")
        await stage.press("]")
        await stage.shows("No problems.")
        await stage.press("]", "]")
        await stage.shows("No tools.py")
        await stage.press("]")
        await stage.shows("not signed")
        await stage.press("[")
        await stage.shows("No tools.py")


async def test_d_shows_the_last_reload_then_every_published_version(console: OpenConsole) -> None:
    engine = an_engine()
    engine.packs.details["hello"] = a_detail(a_pack(), last_change=a_diff(), versions=(a_version(),))
    engine.packs.diffs["hello@1.0.0", "hello"] = a_diff(text="tool: since then")
    async with console(engine) as stage:
        await on_pack(stage, "d")
        await stage.shows("+ tool: files.read")
        await stage.shows("- tool: files.list")
        await stage.shows("⋯")
        await stage.shows("last reload · 1 of 2")
        await stage.press("d")
        await stage.shows("+ tool: since then")
        await stage.shows("published 1.0.0 → now · 2 of 2")


async def test_a_line_that_is_cut_is_read_in_full_with_enter(console: OpenConsole) -> None:
    engine = an_engine()
    engine.packs.details["hello"] = a_detail(a_pack(), last_change=a_diff(text="x" * 300 + "end"))
    async with console(engine, size=(80, 24)) as stage:
        await on_pack(stage, "d")
        await stage.shows("xxxx")
        await stage.press("j", "j", "j", "enter")
        await stage.on(TextScreen)
        await stage.shows("xend")


async def test_code_is_trusted_with_a_typed_word_after_it_was_on_the_screen(console: OpenConsole) -> None:
    engine = an_engine(a_pack(has_code=True, trusted=False, state=PackState.UNTRUSTED_CODE))
    engine.packs.reviews["hello"] = a_review()
    async with console(engine) as stage:
        await on_pack(stage, "C")
        await stage.shows("def go()")
        await stage.shows("not trusted")
        await stage.press("U")
        await stage.until(lambda: "only just appeared" in stage.notices(), "the grace holds")
        await stage.graced()
        await stage.press("U")
        await stage.on(TrustDialog)
        await stage.write("trust")
        await stage.press("enter")
        await stage.shows("Enter never decides")
        assert not engine.packs.reviews["hello"].trusted
        await stage.press("f2")
        await stage.until(lambda: engine.packs.reviews["hello"].trusted_by == "ben", "trusted by ben")
        await stage.shows("✓ trusted by ben")


async def test_esc_and_a_wrong_word_trust_nothing(console: OpenConsole) -> None:
    engine = an_engine(a_pack(has_code=True, trusted=False, state=PackState.UNTRUSTED_CODE))
    engine.packs.reviews["hello"] = a_review()
    async with console(engine) as stage:
        await on_pack(stage, "C")
        await stage.shows("def go()")
        await stage.graced()
        await stage.press("U")
        await stage.on(TrustDialog)
        await stage.write("thrust")
        await stage.press("f2")
        await stage.shows("Type the word trust")
        await stage.press("escape")
        await stage.on(PackScreen)
        assert "pack_trust" not in [name for name, _ in engine.calls]


async def test_code_that_changed_while_it_was_read_is_not_trusted(console: OpenConsole) -> None:
    engine = an_engine(a_pack(has_code=True, trusted=False, state=PackState.UNTRUSTED_CODE))
    engine.packs.reviews["hello"] = a_review()
    async with console(engine) as stage:
        await on_pack(stage, "C")
        await stage.shows("def go()")
        await stage.graced()
        await stage.press("U")
        await stage.on(TrustDialog)
        engine.packs.reviews["hello"] = a_review(text="evil()\n", digest="e" * 64)
        await stage.write("trust")
        await stage.press("f2")
        await stage.until(lambda: "code_changed" in stage.notices(), "it is refused")
        await stage.shows("evil()")
        assert not engine.packs.reviews["hello"].trusted


async def test_no_part_of_the_code_is_out_of_sight(console: OpenConsole) -> None:
    engine = an_engine(a_pack(has_code=True, trusted=False, state=PackState.UNTRUSTED_CODE))
    engine.packs.reviews["hello"] = a_review(text="x = 1" + " " * 3_000 + "; import os\n\x1b[2J")
    async with console(engine, size=(80, 24)) as stage:
        await on_pack(stage, "C")
        await stage.shows("x = 1")
        await stage.press("G")
        await stage.shows("; import os")
        await stage.shows("contains hidden characters")
        assert stage.app.screen.query_one("#code-lines", TextLines).has_focus


async def test_publishing_asks_first(console: OpenConsole) -> None:
    engine = an_engine(a_pack(digest="d" * 64))
    async with console(engine) as stage:
        await on_packs(stage)
        await stage.press("P")
        await stage.on(PublishDialog)
        await stage.press("escape")
        await stage.on(PacksScreen)
        assert not engine.packs.versions_known
        await stage.press("P")
        await stage.on(PublishDialog)
        await stage.press("f2")
        await stage.until(lambda: "Published hello 1.0.0" in stage.notices(), "it is published")


async def test_a_version_with_other_content_is_refused_in_words(console: OpenConsole) -> None:
    engine = an_engine(a_pack(digest="e" * 64))
    engine.packs.versions_known["hello"] = (a_version(),)
    async with console(engine) as stage:
        await on_packs(stage)
        await stage.press("P")
        await stage.on(PublishDialog)
        await stage.press("f2")
        await stage.until(lambda: "version_conflict" in stage.notices(), "the refusal is shown")


async def test_looking_again_tells_what_failed(console: OpenConsole) -> None:
    engine = an_engine()
    engine.packs.notices = (
        PackNotice(pack="hello", label="1.0.0", outcome=PackOutcome.FAILED, problems=1, first_problem=BROKEN),
    )
    async with console(engine) as stage:
        await on_packs(stage)
        await stage.press("V")
        await stage.until(
            lambda: "Pack hello not reloaded, 1 problem: flows/hello.yaml:3:5" in stage.notices()
        )


async def test_a_reload_is_told_on_any_screen_and_shown_at_once(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await on_packs(stage)
        await stage.press("1")
        engine.stored_packs = (a_pack(label="1.0.0+edited"),)
        engine.packs.news(PackNotice(pack="hello", label="1.0.0+edited", outcome=PackOutcome.CHANGED))
        await stage.until(lambda: "Pack hello 1.0.0+edited reloaded" in stage.notices(), "the toast")
        await stage.press("5")
        await stage.shows("1.0.0+edited")


def test_a_checkout_of_many_packs_is_a_few_notices_with_failures_first() -> None:
    changed = [PackNotice(pack=f"p{number}", label="1", outcome=PackOutcome.CHANGED) for number in range(100)]
    failed = PackNotice(pack="bad", label="1", outcome=PackOutcome.FAILED, problems=2, first_problem=BROKEN)
    told = list(notices_of([*changed, failed]))
    assert len(told) == 4
    assert told[0][0].startswith("Pack bad not reloaded, 2 problems")
    assert told[-1] == ("98 more packs changed", "information")


@dataclass
class FakeEditor:
    """Remembers what it was asked to open."""

    opened: list[Path] = field(default_factory=list)

    async def edit(self, text: str) -> str:
        return text

    async def open(self, path: Path) -> None:
        self.opened.append(path)


@pytest.mark.parametrize(
    ("keys", "file"), [(("e",), "flows/hello.yaml"), (("enter", "j", "e"), "flows/hello.yaml")]
)
async def test_the_editor_opens_the_file_with_the_problem(
    keys: Sequence[str], file: str, console: OpenConsole
) -> None:
    engine = an_engine(broken())
    engine.packs.details["hello"] = a_detail(
        broken(), sources=(SourceFile(file=BROKEN.file, text=SOURCE, problems=(BROKEN,)),)
    )
    async with console(engine) as stage:
        editor = FakeEditor()
        stage.app.state.editor = editor
        await on_packs(stage)
        for key in keys:
            await stage.press(key)
            await stage.settle()
            if key == "enter":
                await stage.on(PackScreen)
                await stage.shows("- tool: files.raed")
        await stage.until(lambda: editor.opened, "the editor was opened")
        assert editor.opened == [Path("/packs/hello") / file]
