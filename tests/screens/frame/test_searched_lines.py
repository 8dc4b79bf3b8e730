"""Words can be looked for in every long text and tree: files, a pack's code, output, values."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from engine.contracts.packs.pack import PackState
from engine.contracts.runs.run import FileText, OutputLine, RunFile
from engine.contracts.status import RunStatus
from screens.overlays.text_screen import TextScreen
from screens.overlays.value_screen import ValueScreen
from screens.packs.dialogs import TrustDialog
from screens.packs.screen import PackScreen
from screens.run.screen import RunScreen
from screens.run.step_screen import StepScreen
from screens.widgets.json.json_view import JsonView
from tests.fakes.packs import a_review
from tests.fakes.views import a_pack, ago
from tests.screens.run.one_run import an_engine, opened, screen

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole, Stage

LONG = "\n".join("here is Ålesund" if number in {60, 160} else f"line {number}" for number in range(200))


async def goes_from_match_to_match(stage: Stage) -> None:
    """From the top of the long text."""
    await stage.press("/")
    await stage.write("ålesund")
    await stage.press("enter")
    await stage.shows("line 61")
    await stage.press("n")
    await stage.shows("line 161")
    await stage.press("n")
    await stage.shows("line 61")
    await stage.press("N")
    await stage.shows("line 161")


def values(stage: Stage) -> JsonView:
    return stage.app.screen.query_one(JsonView)


def last_line(stage: Stage) -> str:
    return stage.text().splitlines()[-1]


async def test_words_are_looked_for_in_a_file(console: OpenConsole) -> None:
    engine = an_engine()
    file = RunFile(
        name="out.txt",
        stored_name="out.txt",
        path="p",
        role="output",
        content_type="text/plain",
        size=9,
        sha256="",
    )
    engine.stored_files["run-1"] = (file,)
    engine.stored_texts["run-1", "out.txt"] = FileText(
        run_id="run-1", stored_name="out.txt", path="p", size=9, text=LONG
    )
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage, "files")
        await stage.until(lambda: stage.table("#file-list").row_count)
        await stage.press("enter")
        await stage.on(TextScreen)
        await stage.shows("line 1")
        await stage.until(lambda: "/ Search" in last_line(stage))
        await goes_from_match_to_match(stage)
        await stage.press("escape", "n")
        await stage.until(lambda: "Nothing to look for: press / and type" in stage.notices())
        await stage.on(TextScreen)
        await stage.press("escape")
        await stage.on(RunScreen)


async def test_words_are_looked_for_in_the_code_of_a_pack_and_are_no_keys(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_packs = (a_pack(has_code=True, trusted=False, state=PackState.UNTRUSTED_CODE),)
    engine.packs.reviews["hello"] = a_review(text=LONG)
    async with console(engine, size=(80, 24)) as stage:
        await stage.press("5")
        await stage.until(lambda: stage.table("#packs").row_count)
        await stage.press("enter")
        await stage.on(PackScreen)
        await stage.press("C")
        await stage.shows("line 1")
        await stage.press("f1")
        await stage.shows("Where w is a key of the screen")
        await stage.press("escape")
        await stage.on(PackScreen)
        await stage.graced()
        await goes_from_match_to_match(stage)
        await stage.press("/", "U")
        await stage.still()
        await stage.on(PackScreen)
        await stage.press("escape")
        await stage.on(PackScreen)
        await stage.graced()
        await stage.press("U")
        await stage.on(TrustDialog)


async def test_words_are_looked_for_in_what_a_step_wrote_wherever_the_keys_are(console: OpenConsole) -> None:
    engine = an_engine(status=RunStatus.RUNNING)
    async with console(engine, size=(80, 40)) as stage:
        await opened(stage)
        await stage.press("enter")
        await stage.on(StepScreen)
        await stage.shows("who")
        await stage.press("/")
        await stage.write("hello")
        await stage.press("enter")
        await stage.until(lambda: values(stage).cursor_key == "output.text", "it has written nothing")
        await stage.press("escape")
        await stage.on(StepScreen)
        engine.stored_output["run-1"] = [
            OutputLine(ts=ago(300 - number), step_id="greet", attempt=1, stream="out", text=text)
            for number, text in enumerate(LONG.splitlines())
        ]
        await stage.shows("line 199")
        await stage.press("/")
        await stage.write("ålesund")
        await stage.press("enter")
        await stage.shows("line 61")
        await stage.press("tab", "n")
        await stage.shows("line 161")
        await stage.press("escape")
        await stage.on(StepScreen)
        await stage.press("escape")
        await stage.on(RunScreen)


async def test_the_last_line_says_what_the_key_does_in_each_pane(console: OpenConsole) -> None:
    async with console(an_engine(), size=(160, 40)) as stage:
        await opened(stage, "output")
        await stage.until(lambda: "/ Search" in last_line(stage))
        assert "/ Filter" not in last_line(stage)
        screen(stage).show_pane("log")
        await stage.until(lambda: "/ Filter" in last_line(stage))
        assert "/ Search" not in last_line(stage)


async def test_words_are_looked_for_in_names_and_values_of_a_tree_also_where_it_is_folded(
    console: OpenConsole,
) -> None:
    engine = an_engine(input={"many": [{"place": f"Bergen {number}"} for number in range(200)], "Ålesund": 1})
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage, "data")
        await stage.shows("Ålesund")
        await stage.until(lambda: "/ Search" in last_line(stage))
        await stage.press("f1")
        await stage.shows("/ finds words in names and")
        await stage.press("escape", "/")
        await stage.write("bergen 12")
        await stage.press("enter")
        await stage.until(lambda: values(stage).cursor_key == "input.many[12].place")
        await stage.shows('"Bergen 12"')
        await stage.press("n", "n")
        await stage.until(lambda: values(stage).cursor_key == "input.many[121].place")
        await stage.press("N", "N", "N")
        await stage.until(lambda: values(stage).cursor_key == "input.many[129].place")
        await stage.press("/")
        await stage.write("ålesund")
        await stage.press("enter")
        await stage.until(lambda: values(stage).cursor_key == 'input["Ålesund"]')
        await stage.press("/")
        await stage.write("nowhere")
        await stage.press("enter")
        await stage.until(lambda: "No name and no value has these words" in stage.notices())
        await stage.press("escape")
        assert values(stage).has_focus
        assert not stage.app.screen.query_one("#values-search").display
        await stage.press("escape")
        await stage.until(lambda: not isinstance(stage.app.screen, RunScreen))


class FakeNotedText(str):
    """A text that notes in which thread it is looked through last."""

    __slots__ = ("thread",)

    def casefold(self) -> str:
        self.thread = threading.get_ident()
        return super().casefold()


async def test_a_tree_is_looked_through_beside_all_that_goes_on(console: OpenConsole) -> None:
    text = FakeNotedText("in a far part of it")
    async with console() as stage:
        stage.app.push_screen(ValueScreen(stage.app.state, "Value", {"a": {"b": text}}))
        await stage.on(ValueScreen)
        await stage.press("/", *"far", "enter")
        await stage.until(lambda: values(stage).cursor_key == "a.b", "the place")
    assert text.thread != threading.get_ident()
