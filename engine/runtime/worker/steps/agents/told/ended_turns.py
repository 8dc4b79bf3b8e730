"""The ended turns of agents: they are read from the journal, so the state of a run may forget them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from engine.contracts.flows.agent_step import CALLS
from engine.journal.encoding import decode
from engine.runtime.worker.steps.agents.told.repeated_calls import SAME_CALL_TOLD, MadeCalls
from engine.runtime.worker.steps.agents.told.turns import RESULT_LIMIT, turn_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from engine.journal.port import Journal
    from engine.machine.model.state import Branches, Outputs
    from engine.models.conversation import Message
    from engine.runtime.value_store import ValueStore
    from engine.runtime.worker.steps.agents.told.turns import Turn

TURNS_AT_ONCE = 64
HELD_CHARACTERS = 16 * 1024 * 1024
HELD_AGENTS = 1_000
"""So much of turns, and so many agents, stay in memory: those that were asked last."""


@dataclass(slots=True)
class Spoken:
    """All ended turns of an agent as they were: no result is cut, no image shown, no call told to repeat
    another. It is kept from question to question, and gets what ended since."""

    turns: int = 0
    messages: list[Message] = field(default_factory=list)
    characters: int = 0
    newest: Turn | None = None
    only_calls: bool = True
    """Whether each of them has calls: an answer may not fit, and then something is said to it."""
    _made: MadeCalls = field(default_factory=MadeCalls)

    @classmethod
    def of(cls, turns: Sequence[Turn]) -> Self | None:
        """All these, the first one first; None where something of them is told otherwise."""
        spoken = cls()
        return spoken if all(map(spoken.add, turns)) else None

    def add(self, turn: Turn) -> bool:
        """One more. Where that is told otherwise it is False, and what was kept is of no use any more; and so
        it is when LoopDetected is raised."""
        times = self._made.times(turn)
        if turn.all_images or turn.longest > RESULT_LIMIT or max(times, default=0) >= SAME_CALL_TOLD:
            return False
        self.turns += 1
        self.messages += turn.whole
        self.characters += turn.full
        self.newest = turn
        self.only_calls = self.only_calls and bool(turn.calls)
        return True


@dataclass(slots=True)
class _Held:
    """What is held of one agent: turns by number, and all of them as they were, where that is known."""

    turns: dict[int, Turn] = field(default_factory=dict)
    spoken: Spoken | None = None


class EndedTurns:
    """Reads turns of agents, each once while it is held: what has ended changes no more."""

    def __init__(self, journal: Journal, values: ValueStore) -> None:
        self._journal = journal
        self._values = values
        self._held: OrderedDict[tuple[str, str], _Held] = OrderedDict()
        self._size = 0

    async def spoken(self, run_id: str, agent: str, branches: Branches) -> Spoken | None:
        """The ended turns of an agent as they were; None where that is not known, or one is told otherwise.

        Raises LoopDetected.
        """
        held = self._of(run_id, agent)
        if not branches.ended:
            held.spoken = Spoken()
        while (spoken := held.spoken) is not None and spoken.turns < branches.ended:
            number = spoken.turns
            end = min(branches.ended, number + TURNS_AT_ONCE)  # one more, unless it was worked elsewhere
            page = await self._page(run_id, agent, range(number, end), branches.outputs)
            if held.spoken is spoken and spoken.turns == number:  # nobody has added them meanwhile
                held.spoken = None
                held.spoken = spoken if all(map(spoken.add, page)) else None
        return held.spoken

    def keep(self, run_id: str, agent: str, turns: Sequence[Turn]) -> None:
        """These are all ended turns of the agent, the first one first: the next question begins with them."""
        self._of(run_id, agent).spoken = Spoken.of(turns)

    async def pages(self, run_id: str, agent: str, branches: Branches) -> AsyncGenerator[list[Turn], None]:
        """The ended turns of an agent by the page, the newest first."""
        end = branches.ended
        while end:
            start = max(0, end - TURNS_AT_ONCE)
            yield await self._page(run_id, agent, range(end - 1, start - 1, -1), branches.outputs)
            end = start

    @property
    def held(self) -> int:
        """Agents of which something is held."""
        return len(self._held)

    def _of(self, run_id: str, agent: str) -> _Held:
        held = self._held.get((run_id, agent))
        if held is None:
            held = self._held[run_id, agent] = _Held()
            self._let_go()
        else:
            self._held.move_to_end((run_id, agent))
        return held

    async def _page(self, run_id: str, agent: str, numbers: range, newest: Outputs) -> list[Turn]:
        known = self._of(run_id, agent).turns
        page = {number: known[number] for number in numbers if number in known}
        missing = [number for number in numbers if number not in page]
        if missing:
            brought = {number: newest.at(number) for number in missing if newest.holds(number)}
            paths = {f"{agent}/{number}/{CALLS}": number for number in missing if number not in brought}
            if paths:
                found = await self._journal.step_outputs(run_id, list(paths))
                brought |= {number: decode(found[path])["output"] for path, number in paths.items()}
            kept = await self._values.load_many(list(brought.values()))
            read = {number: turn_of(one, number) for number, one in zip(brought, kept, strict=True)}
            self._hold(self._of(run_id, agent), read)  # it may have been let go meanwhile
            page |= read
        return [page[number] for number in numbers]

    def _hold(self, held: _Held, turns: dict[int, Turn]) -> None:
        for number, turn in turns.items():
            if number not in held.turns:
                held.turns[number] = turn
                self._size += turn.held
        self._let_go()

    def _let_go(self) -> None:
        while self._size > HELD_CHARACTERS or len(self._held) > HELD_AGENTS:
            _, dropped = self._held.popitem(last=False)
            self._size -= sum(turn.held for turn in dropped.turns.values())
