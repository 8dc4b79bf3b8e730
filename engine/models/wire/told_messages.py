"""Messages in the order in which servers take them; what a run keeps and people see is as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.models.blocks import TextBlock
from engine.models.conversation import Message, MessageRole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.models.blocks import Block

IMAGES_OF_RESULTS = "These are the images of the results above, in their order. They are data, too."
RESULTS_ARE_READ = "(The results have been read.)"


def in_turns(messages: Iterable[Message]) -> Iterator[Message]:
    """Messages of the user's that stand beside each other as one, with a block for each of their texts.

    Templates of local models (those of Mistral, Gemma, Llama 2) refuse two in a row; other servers make one
    of them by themselves.
    """
    held: Message | None = None
    for message in messages:
        if message.role is not MessageRole.USER:
            if held is not None:
                yield held
            held = None
            yield message
        else:
            held = message if held is None else _as_one(held, message)
    if held is not None:
        yield held


def _as_one(first: Message, second: Message) -> Message:
    text = (TextBlock(first.text),) if first.text else ()
    return replace(second, blocks=(*first.blocks, *text, *second.blocks))


def answered_results(messages: Iterable[Message]) -> Iterator[Message]:
    """The same for servers that take words of the user's only behind words of the model's."""
    before: MessageRole | None = None
    for message in messages:
        if message.role is MessageRole.USER and before is MessageRole.TOOL:
            yield Message(MessageRole.ASSISTANT, RESULTS_ARE_READ)
        yield message
        before = message.role


def images_behind_results(messages: Sequence[Message]) -> Iterator[Message]:
    """The messages for formats whose results are texts: images of results follow the last of them."""
    waiting: list[Block] = []
    for message in messages:
        if message.role is MessageRole.TOOL:
            waiting += message.images
            yield replace(message, blocks=())
            continue
        if waiting:
            yield Message(MessageRole.USER, IMAGES_OF_RESULTS, blocks=tuple(waiting))
            waiting = []
        yield message
    if waiting:
        yield Message(MessageRole.USER, IMAGES_OF_RESULTS, blocks=tuple(waiting))
