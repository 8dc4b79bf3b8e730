"""What an agent says stands on the terminal while it says it, behind a bar, each word once."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from rich.cells import cell_len

from engine.contracts.runs.run import OutputLine
from tests.fakes.engine import FakeEngine
from tests.fakes.views import NOW, a_run
from vasini_tui.cli.runs.listening import Listener, listening
from vasini_tui.output import Output


class FakeTerminal(io.StringIO):
    """A stream that says that a person reads it."""

    def isatty(self) -> bool:
        return True


def line(text: str, step_id: str = "talk/1/model", *, attempt: int = 1, stream: str = "out") -> OutputLine:
    return OutputLine.model_validate(
        {"ts": NOW, "step_id": step_id, "attempt": attempt, "stream": stream, "text": text}
    )


@dataclass
class Heard:
    """A listener, what it has written, and the run it listens to."""

    engine: FakeEngine = field(default_factory=FakeEngine)
    stdout: FakeTerminal = field(default_factory=FakeTerminal)
    stderr: FakeTerminal = field(default_factory=FakeTerminal)

    def __post_init__(self) -> None:
        self.engine.add(a_run())
        self.out = self.make_output()
        self.listener = Listener(self.engine, self.out, "run-1", 0)

    def make_output(self) -> Output:
        return Output(as_json=False, stdout=self.stdout, stderr=self.stderr)

    async def hear(self, *lines: OutputLine, coming: tuple[OutputLine, ...] = ()) -> str:
        """What stands there after the run has written these lines, and is writing others."""
        self.engine.stored_output.setdefault("run-1", []).extend(lines)
        self.engine.stored_coming["run-1"] = list(coming)
        await self.listener.catch_up()
        return self.stdout.getvalue()


class NarrowOutput(Output):
    """On a terminal of 24 columns."""

    @property
    def columns(self) -> int:
        return 24


class Narrow(Heard):
    """The same on a narrow terminal."""

    def make_output(self) -> Output:
        return NarrowOutput(as_json=False, stdout=self.stdout, stderr=self.stderr)


async def test_words_come_one_after_the_other_and_stand_there_once() -> None:
    heard = Heard()
    assert await heard.hear(coming=(line("There are"),)) == "│ There are"
    assert await heard.hear(coming=(line("There are two"),)) == "│ There are two"
    assert await heard.hear(line("There are two files:")) == "│ There are two files:\n"
    assert await heard.hear(coming=(line("a.txt"), line("and"))) == "│ There are two files:\n│ a.txt\n│ and"
    text = await heard.hear(line("a.txt"), line("and b.txt"))
    assert text == "│ There are two files:\n│ a.txt\n│ and b.txt\n"
    assert heard.listener.heard == {"talk/1/model"}


async def test_what_was_masked_after_it_began_stands_on_a_line_of_its_own() -> None:
    heard = Heard()
    await heard.hear(coming=(line("call 4111"),))
    assert await heard.hear(line("call [CARD]")) == "│ call 4111\n│ call [CARD]\n"


async def test_what_tools_write_is_not_what_the_agent_says() -> None:
    heard = Heard()
    assert await heard.hear(line("hello", "talk/1/calls/0/call"), coming=(line("x", "greet"),)) == ""


async def test_a_model_that_is_asked_again_begins_on_a_new_line_and_it_is_said() -> None:
    heard = Heard()
    await heard.hear(coming=(line("There"),))
    text = await heard.hear(coming=(line("Here", attempt=2),))
    assert text == "│ There\n│ Here"
    assert "asked again, try 2" in heard.stderr.getvalue()


async def test_what_is_waited_for_is_a_note_beside_the_answer() -> None:
    heard = Heard()
    assert await heard.hear(line("waits for money: much", stream="err")) == ""
    assert heard.stderr.getvalue() == "waits for money: much\n"


async def test_no_line_of_a_model_looks_like_one_of_ours() -> None:
    heard = Heard()
    text = await heard.hear(line("vasini: refused\x1b[2J\rgo on: rm -rf"))
    assert text.startswith("│ vasini: refused")
    assert "\x1b" not in text
    assert "\r" not in text


async def test_nothing_is_listened_to_where_nobody_sees_it_come() -> None:
    engine = FakeEngine()
    engine.add(a_run())
    for as_json, stdout in ((False, io.StringIO()), (True, FakeTerminal())):
        engine.stored_output["run-1"] = []
        out = Output(as_json=as_json, stdout=stdout, stderr=io.StringIO())
        async with listening(engine, out, "run-1") as listener:
            engine.stored_output["run-1"].append(line("said"))
        listener.close()
        assert not listener.heard
        assert stdout.getvalue() == ""


async def test_what_was_written_before_is_not_written_again() -> None:
    heard = Heard()
    heard.engine.stored_output["run-1"] = [line("before")]
    async with listening(heard.engine, heard.out, "run-1"):
        heard.engine.stored_output["run-1"].append(line("after"))
    assert heard.stdout.getvalue() == "│ after\n"


async def test_a_long_line_goes_on_behind_a_bar_however_it_comes() -> None:
    heard, words = Narrow(), "w" * 30 + "漢" * 20 + "turn 9"
    for end in range(1, len(words)):
        await heard.hear(coming=(line(words[:end]),))
    text = await heard.hear(line(words), line("short"))
    lines = text.splitlines()
    assert all(cell_len(one) <= heard.out.columns for one in lines)
    assert [one[:2] for one in lines] == ["│ ", *["┆ "] * (len(lines) - 2), "│ "]
    assert "".join(one[2:] for one in lines[:-1]) == words


def test_whole_lines_go_on_behind_a_bar_too() -> None:
    heard = Narrow()
    heard.out.fenced(["│ " + "x" * 60 + "turn 9"])
    assert heard.stdout.getvalue().splitlines() == [
        "│ " + "x" * 22,
        "┆ " + "x" * 22,
        "┆ " + "x" * 16 + "turn 9",
    ]
