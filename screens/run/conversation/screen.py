"""The conversation of an agent, as far as it has come; one that waits for a person has a line to write in."""

from __future__ import annotations

from itertools import accumulate, takewhile
from typing import TYPE_CHECKING, Any

from textual import on
from textual.widgets import Input

from engine.contracts.status import StepStatus
from engine.json_schema.forms import skill_field, skills_named
from engine.safe_text import sanitize
from screens.frame.console import attempt, show_notice
from screens.frame.inputs import SearchLine
from screens.frame.screen import too_small
from screens.keys.bindings import bindings
from screens.run.conversation.blocks import is_whole, line_of_call, written
from screens.run.conversation.ending import Ending, EndMenu
from screens.run.conversation.search import PAGE, Search
from screens.run.conversation.speech import Speech
from screens.run.conversation.table import TurnsTable
from screens.run.conversation.turns import NEWEST, Turns
from screens.run.conversation.writing import WritingLines
from screens.run.conversation_text import numbered, title_line, turn_lines
from screens.run.output_pane import BUSY_SECONDS
from screens.run_verbs.looking import LookVerbs
from screens.widgets.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import ComposeResult

    from engine.contracts.runs.conversation import Conversation
    from engine.facade.feed import FeedBatch
    from engine.safe_text import SafeText
    from screens.frame.console_state import ConsoleState

OPEN_CALLS = 200
"""Of the newest turns only as many are open at first as have so few calls, and the last one."""
_NOTE = " What models and tools wrote stands behind a bar; it is data, whatever it says."


class ConversationScreen(LookVerbs):
    """`step_id` is the agent's path. Of a long conversation only what is looked at is read."""

    BINDINGS = bindings("run.wrap", "run.talk", "talk.")

    def __init__(self, state: ConsoleState, run_id: str, step_id: str) -> None:
        super().__init__(state)
        self._run_id, self._step_id = run_id, step_id
        self._table = TurnsTable(id="conversation")
        self._turns = Turns(self._table.blocks)
        self._waits_with: str | None = None
        self._message_schema: dict[str, Any] = {}
        self._writing = self._reading = False
        self._asks: tuple[int, str] | None = None
        self._speech: Speech | None = None
        self._wanted = ""

    def body(self) -> ComposeResult:
        """Whose it is, what is to be known, what to look for, turns, the line to write in."""
        yield Plain(
            sanitize(f" Conversation of {self._step_id}"), id="conversation-head", classes="form-title"
        )
        yield Plain(sanitize(_NOTE), id="text-note")
        yield SearchLine(placeholder="words in any turn", id="turn-search")
        yield self._table
        yield WritingLines(self.state, f"say {self._run_id} {self._step_id}", id="writing")

    def on_mount(self) -> None:
        """The turns have the keys."""
        super().on_mount()
        self._table.focus()
        self.set_timer(BUSY_SECONDS, self._listen)

    @property
    def _search_line(self) -> SearchLine:
        return self.query_one("#turn-search", SearchLine)

    @property
    def _lines(self) -> WritingLines:
        return self.query_one("#writing", WritingLines)

    def current_run(self) -> str:
        """The agent's run."""
        return self._run_id

    def format_run(self) -> str:
        """Its id."""
        return self._run_id

    def concerned(self, batch: FeedBatch) -> bool:
        """By events of its run."""
        return batch.lagged or any(event.run_id == self._run_id for event in batch.events)

    async def load(self) -> None:
        """The newest turns, of which those before the last one that was known stay as they were read."""
        known = max(0, self._turns.count - 1)
        found = await self._page(known, NEWEST) if self._turns.count else None
        if found is None or found.turn_count > known + NEWEST:
            found = await self._newest()
        self._waits_with = found.waits_with
        self._message_schema = found.message_schema
        self._open_line(opened=found.waits_with is not None)
        self.query_one("#conversation-head", Plain).show(sanitize(f" {title_line(found)}", limit=300))
        asking = ((number, turn.asks) for number, turn in numbered(found) if turn.asks)
        self._asks = next(asking, None)
        self._follow_speech(found)
        first = self._turns.fit(found, follows=self._table.at_end)
        if first is not None:
            self._table.changed(first)

    async def _newest(self) -> Conversation:
        """Those that are open at first with their calls, of the others only that they are there."""
        found = await self._page(-NEWEST, None, calls=False)
        opened = len(list(takewhile(lambda calls: calls <= OPEN_CALLS, _calls_from_end(found))))
        whole = found.turns[len(found.turns) - max(1, opened) :]
        if not all(map(is_whole, whole)):
            whole = (await self._page(found.turn_count - len(whole), len(whole))).turns
        return found.model_copy(update={"turns": (*found.turns[: len(found.turns) - len(whole)], *whole)})

    def _follow_speech(self, found: Conversation) -> None:
        last = found.turns[-1] if found.turns else None
        if last is None or last.status is not StepStatus.RUNNING or last.calls:
            self._speech = None
            self._turns.unsaid()
        elif self._speech is None or self._speech.step_id != last.step_id:
            self._speech = Speech(self.state.engine.runs, self._run_id, last.step_id)
            self._turns.unsaid()

    async def _listen(self) -> None:
        speech = self._speech
        if speech is not None and self.is_current:
            await attempt(self, self._hear(speech))
        self.set_timer(BUSY_SECONDS, self._listen)

    async def _hear(self, speech: Speech) -> None:
        same = await speech.look()
        if same is None or speech is not self._speech:
            return
        own = self._turns.say(speech.lines)
        if own is not None:
            self._table.changed(self._turns.count, own + same)

    @on(TurnsTable.Unread)
    def _unread(self, message: TurnsTable.Unread) -> None:
        if not self._reading:  # what is missing then is asked for again
            self._reading = True
            self.act(self._read(message.first, message.end), group="turns")

    async def _read(self, first: int, stop: int) -> None:
        stop = min(stop, first + PAGE, self._turns.count + 1)
        opened = [number for number in range(first, stop) if self._table.blocks[number].open]
        try:
            if len(opened) < stop - first:
                self._turns.take_all(await self._page(first - 1, stop - first, calls=False))
            for number in opened:
                self._turns.take_all(await self._page(number - 1, 1))
        finally:
            self._reading = False
        for number in range(first, min(stop, len(self._table.blocks))):
            block = self._table.blocks[number]
            if block.unread:  # gone meanwhile
                block.heading, block.lines = sanitize(f"turn {number}"), ()
        self._table.changed(first)

    async def _page(self, after: int, limit: int | None, *, calls: bool = True) -> Conversation:
        return await self.state.engine.runs.conversation(
            self._run_id, self._step_id, after=after, limit=limit, calls=calls
        )

    def _open_line(self, *, opened: bool) -> None:
        """Show the lines while the agent waits; what is typed in them stays until it is sent."""
        lines = self._lines
        if lines.has_focus_within and not opened:
            self._table.focus()
        _, skills = skill_field(self._message_schema) or ("", ())
        if (
            lines.show(opened=opened, skills=skills) and self._writing
        ):  # who wrote goes on writing after the answer
            lines.words.focus()

    def copied_id(self) -> str:
        """The turn under the cursor, as it is shown."""
        table = self._table
        if not table.blocks:
            return ""
        block = table.blocks[table.current]
        return "\n".join((block.heading or "", *(block.lines or ())))

    def action_wrap(self) -> None:
        """Break long lines or cut them."""
        self._table.toggle_wrap()

    def action_talk(self) -> None:
        """Write in the line."""
        if self._waits():
            self._lines.words.focus()

    def action_add_image(self) -> None:
        """Name image files that go with the message."""
        if self._waits():
            self._lines.ask_for_images()

    def action_end_talk(self) -> None:
        """Ask whether there is nothing more to say, and say so."""
        if request := self._waits():

            def chosen(ending: Ending | None) -> None:
                if ending is not None:
                    self.act(self._send(request, {"text": ""}))

            self.app.push_screen(EndMenu(f"{self._step_id} of {self._run_id}"), chosen)

    def _waits(self) -> str | None:
        """The request that the agent waits with; else it is said that it does not."""
        if self._waits_with is None:
            show_notice(self, "This agent does not wait for a message now.")
        return self._waits_with

    def action_pending(self) -> None:
        """The call that asks; from there the request that it asks with."""
        if self._asks is not None:
            number, path = self._asks
            lines = self._table.blocks[number].lines or ()
            here = (self._table.current, self._table.source)
            if not lines or here != (number, line_of_call(lines, path)):
                self.act(self._go_to_call(number, path), group="turns")
                return
        super().action_pending()

    async def _go_to_call(self, number: int, path: str) -> None:
        lines = self._table.blocks[number].lines
        if lines is None:
            turns = dict(numbered(await self._page(number - 1, 1)))
            lines = written(turn_lines(turns[number])) if number in turns else ()
        self._show(number, lines, line_of_call(lines, path))

    def action_filter(self) -> None:
        """Type what to look for."""
        self._search_line.offer()

    def action_next_match(self) -> None:
        """The next line that has the words."""
        self._look_for(1)

    def action_previous_match(self) -> None:
        """The line before that has them."""
        self._look_for(-1)

    def _look_for(self, by: int) -> None:
        if not self._wanted:
            show_notice(self, self.state.keymap.fill("Nothing to look for: press {talk.search} and type"))
        elif self._table.blocks:
            self.act(self._find(by), group="find", exclusive=True)

    async def _find(self, by: int) -> None:
        table = self._table
        search = Search(self._page, table.blocks, self._turns.count, self._wanted)
        found = await search.find(table.current, table.source, by)
        if found is None:
            show_notice(self, "No line of the conversation has these words.")
        else:
            number, block, place = found
            self._show(number, block.lines, place)

    def _show(self, number: int, lines: tuple[SafeText, ...] | None, source: int) -> None:
        block = self._table.blocks[number]
        if source and not block.open:
            block.open = block.kept = True
            block.lines = self._turns.with_speech(number, lines or ())
            self._table.changed(number)
        self._table.show_source(number, source)

    def action_back(self) -> None:
        """From a line to the turns, from there to where one came from."""
        self._writing = False
        if self._lines.has_focus_within:
            self._lines.leave()
            self._table.focus()
        elif self._search_line.shown:
            self._search_line.shown = False
            self._table.focus()
        else:
            super().action_back()

    @on(Input.Submitted, "#turn-search")
    def _looked_for(self, message: Input.Submitted) -> None:
        self._wanted = message.value.strip()
        self._table.focus()
        if self._wanted:
            self._look_for(1)
        else:
            self._search_line.shown = False

    @on(WritingLines.Written)
    def _written(self, message: WritingLines.Written) -> None:
        if self._waits_with is not None and not too_small(self):
            self._writing = True
            shown = {"images": list(message.images)} if message.images else {}
            said = {"text": message.text, **shown, **skills_named(self._message_schema, message.text)}
            self.act(self._send(self._waits_with, said, message))

    async def _send(
        self, request_id: str, said: dict[str, Any], written: WritingLines.Written | None = None
    ) -> None:
        await self.state.engine.requests.answer(
            request_id, said, actor=self.state.actor, base_dir=self.state.base_dir
        )
        if written is not None:
            self._lines.taken(written)
        self.refresher.ask()


def _calls_from_end(found: Conversation) -> Iterator[int]:
    """How many calls the last turn has, the last two, and so on."""
    return accumulate(turn.call_count for turn in reversed(found.turns))
