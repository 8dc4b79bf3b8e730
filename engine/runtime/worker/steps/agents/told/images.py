"""Images that an agent is asked about, and those that its calls brought: which of them its model is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.flows.agent_step import MAX_IMAGES
from engine.errors import InvalidInput
from engine.images import MOST_BYTES
from engine.models.blocks import ImageBlock
from engine.safe_text import sanitize
from engine.templates import kind_of
from engine.values import ImageRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from engine.contracts.flows.agent_step import AgentStep
    from engine.contracts.flows.plan_step import PlanProposalStep
    from engine.runtime.worker.steps.rendering import Rendering


def images_of(step: AgentStep | PlanProposalStep, at: Rendering) -> list[ImageRef]:
    """The images that an agent or plan is started with. Raises InvalidInput for what is none, or too much."""
    images = [one for written in step.images for one in _images(at.value(written))]
    if len(images) > MAX_IMAGES:
        message = f"an agent is asked about at most {MAX_IMAGES} images, these are {len(images)}"
        raise InvalidInput(message, {"limit": MAX_IMAGES})
    size = sum(one["size"] for one in images)
    if size > MOST_BYTES:
        message = f"the images of the agent have {size} bytes, more than {MOST_BYTES}"
        raise InvalidInput(message, {"limit": MOST_BYTES})
    return images


def _images(value: Any) -> Iterator[ImageRef]:
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, ImageRef):
            words = sanitize(one, limit=120) if isinstance(one, str) else kind_of(one)
            message = f"`images` takes images that steps brought or people added; this is none: {words}"
            raise InvalidInput(message, {"field": "images"})
        yield one


def image_block(image: Mapping[str, Any], data: bytes = b"") -> ImageBlock:
    """The block of an image; without its bytes a model is told what it is."""
    return ImageBlock(image["kind"], image["width"], image["height"], data)


class Gallery:
    """The images of a conversation that a model is shown: each once, as many as may be sent at once.

    First those that a person adds to what is said now, in so many characters of `room`, then those that the
    agent is asked about. `shown` says by digest in which turn it stands, counted from the newest.
    """

    def __init__(
        self, briefed: Iterable[ImageRef], said: Iterable[ImageRef] = (), room: int = 0, *, takes: bool
    ) -> None:
        self.takes = takes
        self.shown: dict[str, int] = {}
        self._left, self._bytes = MAX_IMAGES, MOST_BYTES
        self.said: set[str] = set()
        self.briefed: set[str] = set()
        for one in said:
            if characters_of(one) <= room and self._take(one):
                self.said.add(one.digest)
                room -= characters_of(one)
        self.briefed |= {one.digest for one in briefed if self._take(one)}

    def _take(self, image: ImageRef) -> bool:
        """Whether it is shown before those of any turn, and not yet."""
        known = image.digest in self.said or image.digest in self.briefed
        if known or not self.takes or self._left <= 0 or image["size"] > self._bytes:
            return False
        self._left -= 1
        self._bytes -= image["size"]
        return True

    def fitting(self, images: Iterable[ImageRef], room: int) -> list[ImageRef]:
        """Those that could be shown, too, in so many characters."""
        found: dict[str, ImageRef] = {}
        left, size = self._left, self._bytes
        for one in images if self.takes else ():
            cost = characters_of(one)
            if any(one.digest in known for known in (self.briefed, self.said, self.shown, found)):
                continue
            if left > 0 and one["size"] <= size and cost <= room:
                found[one.digest] = one
                left, size, room = left - 1, size - one["size"], room - cost
        return list(found.values())

    def show(self, images: Iterable[ImageRef], age: int) -> None:
        """These are shown with that turn."""
        for one in images:
            self.shown[one.digest] = age
            self._left -= 1
            self._bytes -= one["size"]


def characters_of(image: ImageRef) -> int:
    """What it takes of the room that a model has for what it is told."""
    return image_block(image).characters
