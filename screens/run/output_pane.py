"""The output pane: what the commands and tools of a run write, while they write it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from engine.contracts.status import RUN_TERMINAL
from engine.safe_text import sanitize
from screens.frame.searched import SearchedLines
from screens.run.pane import RunMoment, RunPane
from screens.widgets.ages import clock_time
from screens.widgets.plain import Plain
from screens.widgets.text_lines import safe_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from textual.app import ComposeResult
    from textual.widget import Widget

    from engine.contracts.runs.run import OutputLine
    from screens.frame.console_state import ConsoleState
    from screens.widgets.text_lines import TextLines

LOOK_SECONDS = 0.5
"""Lines make no events: while a run works, its pane looks for them."""
BUSY_SECONDS = 0.07
"""The same while something is being written."""
BUSY_LOOKS = 30
"""So many looks that find nothing new, and nothing is being written any more."""
FROM_END = 256 * 1024
"""Bytes before the end that are read when the pane opens."""
_AT_ONCE = 4_096
"""Characters that are made harmless in less time than a thread takes to begin."""
_EMPTY = "No output: no command or tool of this run has written any."
_PAST = "Lines that had been written by then."
_CUT = "Only the last lines are shown; `vasini logs` writes all of them."


class OutputPane(RunPane):
    """What calls write while they run; it follows the newest line until it is told to stay.

    With a `step_id` only what that step wrote, and no space while that is nothing.
    """

    title = "Output"
    idle = frozenset({"run.marker"})

    def __init__(self, state: ConsoleState, run_id: str, *, id: str, step_id: str | None = None) -> None:
        super().__init__(state, run_id, id=id)
        self._step_id = step_id
        self._next = -FROM_END
        self._any = self._cut = self._live = False
        self._until: datetime | None = None
        self._following = True
        self._busy = 0
        self.searched = SearchedLines("words in the output", lines_id="output-lines", found=self._stay)

    def compose(self) -> ComposeResult:
        """A note, lines."""
        yield Plain(id="output-note")
        yield self.searched
        yield Plain(sanitize(_EMPTY), id="no-output", classes="pane-empty")

    def on_mount(self) -> None:
        """Look for lines while the pane is shown."""
        self.query_one("#no-output").display = False
        self.set_timer(LOOK_SECONDS, self._follow)

    @property
    def lines(self) -> TextLines:
        """The lines."""
        return self.searched.lines

    async def load(self, moment: RunMoment) -> None:
        """What is new; all again when another moment is looked at."""
        until = moment.past.event.ts if moment.past else None
        if until != self._until:
            self._until, self._next, self._any, self._cut = until, -FROM_END, False, False
            self.lines.show(())
        self._live = moment.live.status not in RUN_TERMINAL and until is None
        await self._read()

    @property
    def has_lines(self) -> bool:
        """Whether anything was written by now."""
        return self._any

    def target(self) -> Widget:
        """The line to type into while it is in use, else the lines."""
        return self.searched.target()

    def leave(self) -> bool:
        """Look for nothing any more."""
        return self.searched.leave_search()

    def _stay(self) -> None:
        self._following = False

    def toggle_follow(self) -> str:
        """Stay with the newest line, or stay where one reads."""
        self._following = not self._following
        if self._following:
            self.lines.scroll_end(animate=False)
        return "Following the output" if self._following else "Not following any more"

    def toggle_wrap(self) -> bool:
        """Long lines in full, or cut."""
        self.lines.toggle_wrap()
        return True

    def _follow(self) -> None:
        if self._live and self.display and self.is_attached:
            self.act(self._read())
        self.set_timer(BUSY_SECONDS if self._busy else LOOK_SECONDS, self._follow)

    async def _read(self) -> None:
        ended = False
        while not ended:
            page = await self.state.engine.runs.output(self.run_id, step_id=self._step_id, after=self._next)
            self._cut |= self._next < 0 < page.next - FROM_END
            self._next, ended = page.next, page.ended
            wanted = [line for line in page.lines if self._until is None or line.ts <= self._until]
            if wanted:
                if not self._any:
                    self._any = True
                    self.screen.refresh_bindings()
                written = "\n".join(_format_line(line, self._step_id) for line in wanted)
                few = len(written) < _AT_ONCE
                text = safe_lines(written) if few else await asyncio.to_thread(safe_lines, written)
                self._cut |= self.lines.extend(text, to_end=self._following)
            if ended:
                self._show_coming(page.coming if self._until is None else ())
                self._busy = BUSY_LOOKS if wanted or page.coming else max(0, self._busy - 1)
        self._show_notes()

    def _show_coming(self, coming: Sequence[OutputLine]) -> None:
        """Lines that are being written, behind those that have ended."""
        written = [line for part in coming for line in safe_lines(_format_line(part, self._step_id))]
        self.lines.show_coming(written, to_end=self._following)
        if written and not self._any:
            self._any = True
            self.screen.refresh_bindings()

    def _show_notes(self) -> None:
        note = _PAST if self._until is not None else _CUT if self._cut else ""
        self.query_one("#output-note").display = bool(note)
        self.query_one("#output-note", Plain).show((sanitize(f" {note}"), "$quiet"))
        self.query_one("#no-output").display = not self._any and self._step_id is None
        self.searched.set_class(not self._any, "-empty")
        self.set_class(not self._any, "-no-lines")
        self.lines.can_focus = self._any or self._step_id is None


def _format_line(line: OutputLine, step_id: str | None) -> str:
    """One line: when, of which step unless it is `step_id`, `!` where it went to standard error."""
    mark = "!" if line.stream == "err" else "│"
    step = "" if line.step_id == step_id else f"{line.step_id} "
    text = line.text.replace("\t", "    ")
    return f"{clock_time(line.ts)} {step}{mark} {text}"
