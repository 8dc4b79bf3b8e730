"""Text from outside in every field of a pack: nothing reaches the terminal raw, nothing acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from screens.packs.screen import PANES, PackScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.packs import a_detail, a_review, a_version
from tests.fakes.views import a_flow, a_pack
from tests.screens.hostile import ALL, PAYLOADS, assert_harmless

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole

TEXT = "\n".join(PAYLOADS[:-1])


def hostile_engine() -> FakeEngine:
    problems = tuple(
        Problem(file=ALL, line=line, column=3, field=ALL, message=text, found=text, expected=text)
        for line, text in enumerate(PAYLOADS, 1)
    )
    view = a_pack(
        a_flow(ALL, pack=ALL, description=ALL),
        pack=ALL,
        version=ALL,
        label=ALL,
        name=ALL,
        description=ALL,
        digest=ALL,
        directory=ALL,
        has_code=True,
        trusted=False,
        state=PackState.STALE,
        problems=problems,
        runs=(RunsOfVersion(label=ALL, digest=ALL, runs=2),),
    )
    lines = tuple(DiffLine(kind="added", after=line, text=text) for line, text in enumerate(PAYLOADS, 1))
    changed = TextDiff(name=ALL, change="changed", lines=lines, added=1, removed=1)
    side = PackSide(pack=ALL, label=ALL, digest=ALL)
    diff = PackDiff(before=side, after=side, layers=(changed,), files=(changed,))
    step = StepOutline(id=ALL, type=ALL, name=ALL, target=ALL, when=ALL, on_success=ALL, on_failure=ALL)
    outline = FlowOutline(flow=ALL, description=ALL, version=ALL, file=ALL, sop=True, steps=(step,))
    signed = {"signature": ALL, "signed_by": ALL, "digest": ALL}
    version = a_version(ALL, ALL, published_by=ALL, author=ALL, **signed)
    engine = FakeEngine(stored_packs=(view,))
    engine.packs.details[ALL] = a_detail(
        view,
        files=(ALL,),
        outlines=(outline,),
        sources=(SourceFile(file=ALL, text=TEXT, problems=problems),),
        versions=(version,),
        last_change=diff,
        rejected=diff,
        signing_digest=ALL,
    )
    engine.packs.reviews[ALL] = a_review(ALL, TEXT, label=ALL, file=ALL, digest=ALL)
    return engine


async def test_packs_and_everything_inside_one_are_harmless(console: OpenConsole) -> None:
    engine = hostile_engine()
    async with console(engine, size=(120, 40)) as stage:
        await stage.press("5")
        await stage.on(PacksScreen)
        await stage.until(lambda: stage.table("#packs").rows)
        assert_harmless(stage)
        await stage.press("P")
        await stage.on(PublishDialog)
        await stage.settle()
        assert_harmless(stage)
        await stage.press("escape", "enter")
        await stage.on(PackScreen)
        await stage.until(lambda: "Loading" not in stage.plain("#pack-head"))
        for _pane in PANES:
            await stage.press("]")
            await stage.settle()
            assert_harmless(stage)
            await stage.press("G")
            await stage.settle()
            assert_harmless(stage)
        await stage.press("enter")
        await stage.on(TextScreen)
        await stage.settle()
        assert_harmless(stage)
        await stage.press("escape")
        await stage.on(PackScreen)
        await stage.press("C")
        await stage.graced()
        await stage.press("U")
        await stage.on(TrustDialog)
        await stage.settle()
        assert_harmless(stage)
        assert stage.app.is_running


async def test_notices_of_a_reload_are_harmless(console: OpenConsole) -> None:
    engine = hostile_engine()
    first = Problem(file=ALL, line=1, column=1, field=ALL, message=ALL, found=ALL, expected=ALL)
    async with console(engine) as stage:
        engine.packs.news(
            PackNotice(pack=ALL, label=ALL, outcome=PackOutcome.FAILED, problems=1, first_problem=first)
        )
        await stage.until(lambda: "not reloaded" in stage.notices())
        await stage.settle()
        assert_harmless(stage)
