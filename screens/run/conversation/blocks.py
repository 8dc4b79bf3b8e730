"""A conversation as blocks that fold: what the agent was told, its turns, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contracts.status import StepStatus
from engine.safe_text import SafeText, sanitize
from screens.run.conversation_text import turn_line, turn_lines
from screens.widgets.text_lines import safe_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from engine.contracts.runs.conversation import Conversation, SpokenTurn

HEADING_CHARACTERS = 400


@dataclass(slots=True)
class Block:
    """What folds as one. `heading` is None until it is read; so are the lines of one that is folded."""

    heading: SafeText | None = None
    lines: tuple[SafeText, ...] | None = None
    open: bool = False
    loud: bool = False
    """It is under way, or something in it waits for a person."""

    @property
    def unread(self) -> bool:
        """Whether something of what it shows is missing."""
        return self.heading is None or (self.open and self.lines is None)

    @property
    def sign(self) -> str:
        """Whether it is open."""
        return "▾" if self.open else "▸"


def written(lines: Iterable[str]) -> tuple[SafeText, ...]:
    """Lines as they may be shown."""
    return tuple(safe for line in lines for safe in safe_lines(line))


def read_turn(block: Block, number: int, turn: SpokenTurn) -> None:
    """Show a turn in its block; only an open one keeps its lines."""
    calls = len(turn.calls)
    more = "" if not calls else " · 1 call" if calls == 1 else f" · {calls} calls"
    asks = asks_at(turn) is not None
    words = f"{turn_line(number, turn)}{more}{' · asks' if asks else ''}"
    block.heading = sanitize(words, limit=HEADING_CHARACTERS)
    block.loud = asks or turn.status is StepStatus.RUNNING
    block.lines = written(turn_lines(turn)) if block.open else None


def asks_at(turn: SpokenTurn) -> str | None:
    """The path of the first call of a turn that waits for a person."""
    waiting = (StepStatus.PENDING_HUMAN, StepStatus.PENDING_USER_INPUT)
    return next((call.step_id for call in turn.calls if call.waits_with or call.status in waiting), None)


def numbered(found: Conversation) -> list[tuple[int, SpokenTurn]]:
    """Its turns with their numbers, from 1."""
    return list(enumerate(found.turns, found.first + 1))


def picture(block: Block) -> tuple[object, ...]:
    """What is shown of it."""
    return block.heading, block.lines, block.open, block.loud


def line_of_call(turn: SpokenTurn) -> int:
    """The line of its block in which the call that asks stands."""
    path = asks_at(turn) or ""
    lines = enumerate(turn_lines(turn), 1)
    return next((n for n, line in lines if line.startswith("  call of ") and line.endswith(path)), 0)
