"""What a run wrote: the output of its calls while they run, and its files as what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.run import FileText, OutputLine, RunFile
from engine.contracts.status import RunStatus
from screens.overlays.markdown_screen import MarkdownScreen
from screens.overlays.text_screen import TextScreen
from screens.overlays.value_screen import ValueScreen
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from screens.widgets import text_lines
from screens.widgets.text_lines import TextLines, safe_lines
from tests.fakes.views import ago
from tests.screens.run.one_run import an_engine, opened, screen

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole


def a_file(name: str = "out.txt", copy_of: str | None = None) -> RunFile:
    known: dict[str, Any] = {
        "role": "output",
        "content_type": "text/plain",
        "size": 1234,
        "sha256": "ab" * 32,
    }
    return RunFile(name=name, stored_name=name, path=f"/runs/run-1/{name}", copy_of=copy_of, **known)


def a_line(number: int, **more: Any) -> OutputLine:
    known: dict[str, Any] = {"step_id": "build", "attempt": 1, "stream": "out"}
    text = more.pop("text", f"line {number}")
    return OutputLine(ts=ago(300 - number), text=text, **{**known, **more})


async def test_the_output_grows_while_it_is_shown(console: OpenConsole) -> None:
    engine = an_engine(status=RunStatus.RUNNING)
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage, "output")
        await stage.until(lambda: "No output" in stage.text())
        engine.stored_output["run-1"] = [a_line(number) for number in range(1, 41)]
        await stage.until(lambda: "build │ line 40" in stage.text(), "the newest line")
        assert "line 1 " not in stage.text()
        engine.stored_output["run-1"].append(a_line(41, stream="err", step_id="test"))
        await stage.until(lambda: "test ! line 41" in stage.text(), "what came meanwhile")
        engine.stored_coming["run-1"] = [a_line(42), a_line(43, text="it is being wri")]
        await stage.until(lambda: "build │ it is being wri" in stage.text(), "a line that has not ended")
        engine.stored_output["run-1"] += [a_line(42), a_line(43, text="it is being written")]
        engine.stored_coming.clear()
        await stage.until(lambda: stage.text().count("it is being") == 1 and "written" in stage.text())
        await stage.press("F")
        await stage.until(lambda: "Not following" in stage.text())
        await stage.press("g")
        await stage.until(lambda: "line 1 " in stage.text(), "the first line")


async def test_files_show_their_text_and_give_their_path(console: OpenConsole) -> None:
    engine = an_engine()
    async with console(engine) as stage:
        await opened(stage, "files")
        await stage.shows("has written none")
        engine.stored_files["run-1"] = (a_file(), a_file("cut.log"), a_file("image.png"))
        for name, more in (
            ("out.txt", {}),
            ("cut.log", {"truncated": True}),
            ("image.png", {"binary": True}),
        ):
            engine.stored_texts["run-1", name] = FileText(
                run_id="run-1",
                stored_name=name,
                path=f"/runs/run-1/{name}",
                size=1234,
                text=f"in {name}",
                **more,
            )
        engine.news()
        await stage.shows("1,234")
        await stage.press("y")
        await stage.until(lambda: stage.app.clipboard == "/runs/run-1/out.txt")
        await stage.press("enter")
        await stage.on(TextScreen)
        await stage.shows("in out.txt")
        await stage.press("escape", "j", "enter")
        await stage.shows("Only the beginning is shown; all 1,234 bytes")
        await stage.press("escape", "j", "enter")
        await stage.shows("holds no text")
        await stage.press("escape")
        engine.stored_texts.clear()
        await stage.press("enter")
        await stage.until(lambda: "not_found" in stage.notices())


async def test_files_are_shown_as_what_they_are(console: OpenConsole) -> None:
    engine = an_engine()
    texts = {
        "report.md": "# What happened\n\nSee [the log](https://example.org/x).\n\x1b]0;title\x07\n",
        "data.json": '{"count": 3}',
        "broken.json": '{"count": ',
    }
    engine.stored_files["run-1"] = tuple(a_file(name, copy_of=f"/srv/out/{name}") for name in texts)
    for name, text in texts.items():
        engine.stored_texts["run-1", name] = FileText(
            run_id="run-1", stored_name=name, path=f"/runs/{name}", size=len(text), text=text
        )
    async with console(engine, size=(100, 24)) as stage:
        await opened(stage, "files")
        await stage.shows("/srv/out/report.md")
        await stage.press("enter")
        await stage.on(MarkdownScreen)
        await stage.shows("What happened")
        assert "https://example.org" not in stage.text()
        assert "# What happened" not in stage.text()
        await stage.press("y")
        await stage.until(lambda: stage.app.clipboard == "/runs/report.md")
        await stage.press("u")
        await stage.on(TextScreen)
        await stage.shows("[the log](https://example.org/x)")
        await stage.press("escape", "/", *"log", "enter")
        await stage.on(TextScreen)
        await stage.press("n")
        await stage.still()
        assert "No line" not in stage.notices()
        await stage.press("escape")
        await stage.on(TextScreen)
        await stage.press("escape", "escape", "j", "enter")
        await stage.on(ValueScreen)
        await stage.shows("count")
        await stage.press("escape", "j", "enter")
        await stage.on(TextScreen)
        await stage.shows('{"count": ')


@pytest.mark.parametrize(
    "text", ['{"approved": false, "approved": true}', '{"cost": 1e999}', '{"cost": NaN}']
)
async def test_json_of_which_a_tree_would_leave_something_out_is_shown_as_it_was_written(
    console: OpenConsole, text: str
) -> None:
    engine = an_engine()
    engine.stored_files["run-1"] = (a_file("data.json", copy_of="/srv/out/data.json"),)
    engine.stored_texts["run-1", "data.json"] = FileText(
        run_id="run-1", stored_name="data.json", path="/runs/data.json", size=len(text), text=text
    )
    async with console(engine) as stage:
        await opened(stage, "files")
        await stage.shows("/srv/out/data.json")
        await stage.press("enter")
        await stage.on(TextScreen)
        await stage.shows(text)


async def test_long_text_is_wrapped_or_cut(console: OpenConsole) -> None:
    engine = an_engine()
    engine.stored_files["run-1"] = (a_file(),)
    text = "\n".join(["x" * 150 + "END", *(f"line {number}" for number in range(200))])
    engine.stored_texts["run-1", "out.txt"] = FileText(
        run_id="run-1", stored_name="out.txt", path="p", size=9, text=text
    )
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage, "files")
        await stage.until(lambda: stage.table("#file-list").row_count)
        await stage.press("enter")
        await stage.shows("END")
        await stage.press("w")
        await stage.until(lambda: "END" not in stage.text())
        await stage.press(*["right"] * 10)
        await stage.shows("END")
        await stage.press(*["left"] * 10)
        await stage.until(lambda: "END" not in stage.text())
        await stage.press("G")
        await stage.shows("line 199")
        await stage.press("g", "ctrl+d", "ctrl+u", "j", "k")
        await stage.shows("xxx")


async def test_words_are_looked_for_in_the_output_itself(console: OpenConsole) -> None:
    engine = an_engine(status=RunStatus.RUNNING)
    wide = "x" * 70 + " and Ålesund"
    engine.stored_output["run-1"] = [
        a_line(number, text=wide if number in {20, 60} else f"line {number}") for number in range(1, 101)
    ]
    async with console(engine, size=(80, 24)) as stage:
        await opened(stage, "output")
        await stage.shows("build │ line 100")
        await stage.press("/")
        await stage.write("ålesund")
        await stage.press("enter")
        await stage.shows("and Ålesund")
        await stage.shows("build │ line 21")
        lines = stage.app.screen.query_one("#output-lines", TextLines)
        marked = {place for place in range(lines.size.height) if _is_marked(lines, place)}
        assert len(marked) == 2, "the line takes two lines of the screen"
        await stage.press("n")
        await stage.shows("build │ line 61")
        await stage.press("n")
        await stage.shows("build │ line 21")
        await stage.press("N")
        await stage.shows("build │ line 61")
        engine.stored_output["run-1"].append(a_line(101))
        await stage.until(lambda: len(lines._lines) == 101, "it goes on below")
        assert "build │ line 61" in stage.text(), "who looks for something stays there"
        await stage.press("w", "n")
        await stage.until(lambda: "and Ålesund" in stage.text(), "in sight also where lines are cut")
        await stage.press("/", *"nowhere", "enter")
        await stage.until(lambda: "No line that is shown has these words" in stage.notices())
        await stage.press("escape")
        assert not any(_is_marked(lines, place) for place in range(lines.size.height))
        await stage.on(RunScreen)
        await stage.press("n")
        await stage.until(lambda: "Nothing to look for" in stage.notices())
        assert screen(stage).pane.id == "output"
        await stage.press("escape")
        await stage.on(RunsScreen)


def _is_marked(lines: TextLines, place: int) -> bool:
    return any(segment.style is not None and segment.style.reverse for segment in lines.render_line(place))


async def test_a_line_that_was_found_is_known_when_older_ones_go(console: OpenConsole) -> None:
    async with console(an_engine()) as stage:
        await opened(stage, "output")
        lines = stage.app.screen.query_one("#output-lines", TextLines)
        lines.extend(safe_lines("\n".join(f"line {n}" for n in range(text_lines.MOST_LINES))), to_end=False)
        assert lines.find("line 5000", 1)
        lines.extend(safe_lines("\n".join(["more"] * 100)), to_end=False)
        assert lines._lines[lines._found or 0] == "line 5000"
        lines.extend(safe_lines("\n".join(["more"] * 5_000)), to_end=False)
        assert lines._found is None
        assert not lines.find("line 5000", 1)
