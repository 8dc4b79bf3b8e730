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

    from engine.contracts.runs.conversation import SpokenTurn

HEADING_CHARACTERS = 400


@dataclass(slots=True)
class Block:
    """What folds as one. `heading` is None until it is read; so are the lines of one that is folded."""

    heading: SafeText | None = None
    lines: tuple[SafeText, ...] | None = None
    open: bool = False
    loud: bool = False
    """It is under way, or something in it waits for a person."""
    kept: bool = False
    """A person unfolded it: it is not folded when newer ones come."""

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
    """Show a turn in its block; only an open one keeps its lines, of a turn that was read with its calls."""
    calls = turn.call_count
    more = "" if not calls else " · 1 call" if calls == 1 else f" · {calls:,} calls"
    block.heading = sanitize(f"{turn_line(number, turn)}{more}", limit=HEADING_CHARACTERS)
    block.loud = turn.asks is not None or turn.status is StepStatus.RUNNING
    block.lines = written(turn_lines(turn)) if block.open and is_whole(turn) else None


def is_whole(turn: SpokenTurn) -> bool:
    """Whether it was read with its calls."""
    return len(turn.calls) == turn.call_count


def picture(block: Block) -> tuple[object, ...]:
    """What is shown of it."""
    return block.heading, block.lines, block.open, block.loud


def line_of_call(lines: Iterable[str], path: str) -> int:
    """The line of a block, from 1, in which a call stands; 0 where none does."""
    calls = (n for n, line in enumerate(lines, 1) if line.startswith("  call of ") and line.endswith(path))
    return next(calls, 0)
