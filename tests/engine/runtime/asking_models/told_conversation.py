"""A conversation as `vasini conversation` writes it, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.run.conversation_text import end_lines, numbered, title_line, told_lines, whole_turn_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.runs.conversation import Conversation


def conversation_lines(conversation: Conversation) -> Iterator[str]:
    """All that was read of it. The lines are not sanitized yet."""
    yield title_line(conversation)
    yield from told_lines(conversation)
    for number, turn in numbered(conversation):
        yield from whole_turn_lines(number, turn)
    yield from end_lines(conversation)
