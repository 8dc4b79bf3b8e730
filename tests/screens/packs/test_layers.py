"""The layers of a pack: a tree, and below it the files that the layer under the cursor comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.contracts.packs.agent import LayerSource
from engine.packs.loader import read_pack
from screens.packs.layers import format_sources
from screens.packs.screen import PackScreen
from screens.widgets.json.json_view import JsonView
from tests.fakes.engine import FakeEngine
from tests.fakes.packs import a_detail
from tests.fakes.views import a_pack

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole

PACKS = Path(__file__).parents[3] / "packs"


async def test_the_files_of_the_layer_under_the_cursor_are_told_whole(console: OpenConsole) -> None:
    engine = FakeEngine(stored_packs=(a_pack(),))
    engine.packs.details["hello"] = a_detail(a_pack(), agent=read_pack(PACKS / "on-call").agent)
    async with console(engine) as stage:
        await stage.press("5")
        await stage.until(lambda: stage.table("#packs").rows, "packs in the list")
        await stage.press("enter", "]")
        await stage.on(PackScreen)
        await stage.until(lambda: "soul:" in stage.plain("#about"), "the files of the first layer")
        assert "role:" not in stage.plain("#about")
        await stage.press("/", *"escalation", "enter", "G")
        tree = stage.app.screen.query_one(JsonView)
        await stage.until(lambda: tree.cursor_key.startswith("workflow"), "the last layer")
        await stage.until(lambda: stage.plain("#about").startswith("workflow: "), "its files")


def test_of_a_skill_its_own_file_is_told_and_of_all_of_them_all() -> None:
    agent = read_pack(PACKS / "senior-python-dev").agent
    assert agent is not None
    other = LayerSource(layer="skills.1", form="file", files=("SKILLS/other.md",))
    agent = agent.model_copy(update={"sources": (*agent.sources, other)})
    assert format_sources(agent, "skills[1].name") == "skills.1: SKILLS/other.md"
    assert format_sources(agent, "skills").count("skills.") == 2
    assert "Problems" in format_sources(None, "")
