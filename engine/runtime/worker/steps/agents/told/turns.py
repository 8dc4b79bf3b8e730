"""A turn of an agent that has ended, as its model is told of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from engine.models.conversation import Carried, Message, MessageRole, ToolCall
from engine.runtime.worker.steps.agents.told.images import image_block
from engine.runtime.worker.steps.agents.told.skills import skill_blocks
from engine.values import IMAGE_KEY, ImageRef, images_in, with_images, with_images_shown

if TYPE_CHECKING:
    from engine.models.blocks import Block, SkillBlock

RESULT_LIMIT = 32_000
"""Characters of one result that a model is told."""
_IMAGE = f'"{IMAGE_KEY}"'.encode()
_BESIDE = 60
"""Characters that come with each message: names, braces, what stands for a result."""


@dataclass(frozen=True)
class Turn:
    """A turn that has ended: what a person said before it, what the model answered, what its calls brought.

    `since`: turns of the same answer before it. `bare` and `full` are its characters, without results and
    with what is told of them.
    """

    said: str
    text: str
    calls: tuple[ToolCall, ...]
    results: tuple[str, ...]
    since: int
    bare: int
    full: int
    images: tuple[tuple[ImageRef, ...], ...] = ()
    """Those of each result; in its text they are told in words."""
    said_images: tuple[ImageRef, ...] = ()
    """Those that came with what a person said."""

    said_skills: tuple[SkillBlock, ...] = ()
    """Skills that it named."""
    carried: Carried | None = None

    @property
    def held(self) -> int:
        """Characters that it takes in memory."""
        return self.bare + sum(map(len, self.results))

    @property
    def without_thoughts(self) -> Turn:
        """The same without what its server wants back."""
        if self.carried is None:
            return self
        less = self.carried.characters
        return replace(self, carried=None, bare=self.bare - less, full=self.full - less)

    @cached_property
    def messages(self) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
        """What was said, and the whole results, as a model is told of them turn after turn."""
        answer = Message(MessageRole.ASSISTANT, self.text, self.calls, carried=self.carried)
        results = zip(self.calls, self.results, strict=True)
        told: tuple[Block, ...] = (*self.said_skills, *map(image_block, self.said_images))
        said = (Message(MessageRole.USER, self.said, blocks=told),) if self.said or told else ()
        return (
            (*said, answer),
            tuple(Message(MessageRole.TOOL, text, call_id=call.id) for call, text in results),
        )

    @cached_property
    def whole(self) -> tuple[Message, ...]:
        """All of it, where nothing has to be cut."""
        spoken, results = self.messages
        return (*spoken, *results)

    @cached_property
    def longest(self) -> int:
        """Characters of its longest result."""
        return max(map(len, self.results), default=0)

    @cached_property
    def made(self) -> tuple[tuple[str, ...], ...]:
        """Each call with what it brought: two that are the same repeat each other. Its name is first."""
        calls = zip(self.calls, self.results, self.images, strict=True)
        return tuple(
            (call.name, call.arguments, text, *(one.digest for one in images)) for call, text, images in calls
        )

    @cached_property
    def all_images(self) -> tuple[ImageRef, ...]:
        """Those of what was said, and of all its results."""
        return tuple(one for several in (self.said_images, *self.images) for one in several)


def turn_of(kept: Any, number: int) -> Turn:
    """A turn as the journal keeps it, the how many-th one it is.

    Its calls have ids of our own: a server may give each turn the same ones, and another server, which is
    asked when that one fails, refuses what is not there once, is long or has signs that its own do not have.
    """
    reply = kept["reply"]
    calls = tuple(
        ToolCall(f"c{number:05}{place:03}", call["tool"], call["arguments"])
        for place, call in enumerate(reply["calls"])
    )
    brought = [_as_told(result) for result in kept["results"]]
    results = tuple(text for text, _ in brought)
    images = tuple(images for _, images in brought)
    said, text = reply.get("said", ""), reply["text"]
    of_calls = sum(len(call.name) + len(call.arguments) + _BESIDE for call in calls)
    said_images = tuple(map(ImageRef, reply.get("said_images", ())))  # whatever its calls brought
    said_skills = skill_blocks(reply.get("said_skills", ()))
    bare = len(said) + len(text) + of_calls + _BESIDE * (1 + len(said_images))
    bare += sum(len(block.told) for block in said_skills)
    carried = Carried(reply["carried"]["data"], reply["carried"]["of"]) if "carried" in reply else None
    bare += carried.characters if carried is not None else 0
    full = bare + sum(min(RESULT_LIMIT, len(result)) for result in results)
    since = reply.get("since", 0)
    return Turn(said, text, calls, results, since, bare, full, images, said_images, said_skills, carried)


def _as_told(result: Any) -> tuple[str, tuple[ImageRef, ...]]:
    """The text of a result, and its images."""
    if isinstance(result, str):
        return result, ()
    text = to_json(result)
    if _IMAGE not in text:
        return text.decode(), ()
    brought = with_images(result)
    return to_json(with_images_shown(brought)).decode(), tuple(images_in(brought))
