"""What an agent says is written while it says it, for a person at a terminal."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from rich.cells import cell_len

from engine.safe_text import sanitize
from screens.widgets.breaking import CONTINUED, cut
from vasini_tui.output import LEAST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine.contracts.runs.run import OutputLine, OutputPage
    from engine.facade.engine import Engine
    from vasini_tui.output import Output

LOOK_SECONDS = 0.1
BAR = "│ "
"""Stands before each line that a model wrote: no line of it looks like one of ours."""
_MODEL = re.compile(r".+/\d+/model")


class Listener:
    """Writes the lines of one run's models. `heard` are the paths of steps of which something was written."""

    def __init__(self, engine: Engine, out: Output, run_id: str, place: int) -> None:
        self.heard: set[str] = set()
        self._engine = engine
        self._out = out
        self._run_id = run_id
        self._place = place
        self._speaker: tuple[str, int] | None = None
        self._at_beginning = True
        self._column = 0
        self._open = ""
        """What was written of lines that are not whole yet."""

    async def follow(self) -> None:
        """Write what comes until this is cancelled."""
        while True:
            await self.catch_up()
            await asyncio.sleep(LOOK_SECONDS)

    async def catch_up(self) -> None:
        """Write what there is by now."""
        ended = False
        while not ended:
            page = await self._engine.runs.output(self._run_id, after=self._place)
            self._place, ended = page.next, page.ended
            self._take(page)

    def close(self) -> None:
        """The next line is another's."""
        self._break()
        self._speaker = None

    def _take(self, page: OutputPage) -> None:
        for line in page.lines:
            if line.stream == "err" and _MODEL.fullmatch(line.step_id):
                self.close()
                self._out.note(line.text)
            elif _MODEL.fullmatch(line.step_id) and (line.text or line.step_id in self.heard):
                self._turn_to(line)
                self._whole(f"{line.text}\n")
        fresh = {(line.step_id, line.attempt) for line in page.lines}
        coming: dict[tuple[str, int], list[OutputLine]] = {}
        for line in page.coming:
            if _MODEL.fullmatch(line.step_id) and line.stream == "out":
                coming.setdefault((line.step_id, line.attempt), []).append(line)
        for speaker, lines in coming.items():
            text = "\n".join(line.text for line in lines)
            if speaker not in fresh and text.strip():
                self._turn_to(lines[0])
                if text.startswith(self._open):
                    self._write(text[len(self._open) :])
                    self._open = text

    def _turn_to(self, line: OutputLine) -> None:
        speaker = (line.step_id, line.attempt)
        if speaker == self._speaker:
            return
        again = self._speaker is not None and self._speaker[0] == line.step_id
        self.close()
        if again:
            self._out.note(f"the model is asked again, try {line.attempt}")
        self._speaker = speaker
        self.heard.add(line.step_id)

    def _whole(self, text: str) -> None:
        """A line that has ended, of which the beginning may stand there already."""
        if text.startswith(self._open):
            self._write(text[len(self._open) :])
            self._open = ""
        elif self._open.startswith(text):
            self._open = self._open[len(text) :]
        else:  # its beginning has been masked since
            self._break()
            self._write(text)

    def _break(self) -> None:
        """What comes next begins a line."""
        if not self._at_beginning:
            self._out.piece("\n")
        self._at_beginning, self._open = True, ""

    def _write(self, text: str) -> None:
        for part in sanitize(text, multiline=True, limit=16 * len(text)).splitlines(keepends=True):
            if self._at_beginning:
                self._out.piece(BAR)
                self._column = cell_len(BAR)
            self._at_beginning = part.endswith("\n")
            self._fit(part.rstrip("\n"))
            self._out.piece("\n" if self._at_beginning else "")

    def _fit(self, text: str) -> None:
        """What does not fit into the line goes on behind a bar, too: the terminal would put none there."""
        width = self._out.columns
        while width > LEAST_COLUMNS and self._column + cell_len(text) > width:
            room = max(0, width - self._column)
            first = cut(text, room)[0] if room > 1 else ""
            self._out.piece(f"{first}\n{CONTINUED}")
            text, self._column = text[len(first) :], cell_len(CONTINUED)
        self._out.piece(text)
        self._column += cell_len(text)


@asynccontextmanager
async def listening(engine: Engine, out: Output, run_id: str) -> AsyncIterator[Listener]:
    """What models of a run say while the context is open is written; nothing where nobody sees it come."""
    if not out.to_terminal:
        yield Listener(engine, out, run_id, 0)  # which hears nothing
        return
    place, ended = 0, False
    while not ended:
        page = await engine.runs.output(run_id, after=place)
        place, ended = page.next, page.ended
    listener = Listener(engine, out, run_id, place)
    following = asyncio.create_task(listener.follow())
    try:
        yield listener
    finally:
        following.cancel()
        await asyncio.wait({following})
        await listener.catch_up()
        listener.close()
