"""What a field proposes goes with the first character that is typed over it; what was typed never does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from screens.frame.inputs import SafeInput, SafeTextArea
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_form
from tests.screens.forms.test_form_screens import open_form

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage


def field(default: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "default": default, **more}


SCHEMA = {
    "type": "object",
    "properties": {
        "one": field("proposed"),
        "long": field("Hello from a pack", maxLength=10_000),
        "lines": field("first\nsecond", maxLength=10_000),
    },
}


def texts(stage: Stage) -> list[str]:
    fields = stage.app.screen.query("SafeInput, SafeTextArea")
    return [
        widget.value if isinstance(widget, SafeInput) else widget.text
        for widget in fields
        if isinstance(widget, SafeInput | SafeTextArea)
    ]


async def test_the_first_character_takes_the_place_of_a_proposal(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_form(schema=SCHEMA))
    async with console(engine, size=(100, 40)) as stage:
        await open_form(stage)
        await stage.until(lambda: texts(stage) == ["proposed", "Hello from a pack", "first\nsecond"])
        await stage.write("new")
        await stage.press("tab")
        await stage.write("now")
        await stage.until(lambda: texts(stage)[:2] == ["new", "now"])
        await stage.press("shift+tab", "end")
        await stage.write("er")
        await stage.until(lambda: texts(stage)[0] == "newer")
        await stage.press("tab", "tab")
        await stage.write("x")
        await stage.until(lambda: texts(stage)[2] == "xfirst\nsecond")


async def test_a_proposal_stays_when_the_cursor_moves_first(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_form(schema=SCHEMA))
    async with console(engine, size=(100, 40)) as stage:
        await open_form(stage)
        await stage.press("right")
        await stage.write("!")
        await stage.press("tab", "right")
        await stage.write("!")
        await stage.until(lambda: texts(stage)[:2] == ["proposed!", "Hello from a pack!"])
