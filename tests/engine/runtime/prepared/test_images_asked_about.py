"""The images that an agent is asked about: which may be, and which of them its model is shown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.contracts.flows.agent_step import MAX_IMAGES
from engine.errors import InvalidInput
from engine.images import MOST_BYTES
from engine.runtime.worker.steps.agents.told.images import Gallery, characters_of, images_of
from engine.values import ImageRef, image_ref

if TYPE_CHECKING:
    from engine.contracts.flows.agent_step import AgentStep
    from engine.runtime.worker.steps.rendering import Rendering


def image(number: int, size: int = 1) -> ImageRef:
    return ImageRef({**image_ref(str(number).encode(), "png", 640, 480), "size": size})


def asked_about(*written: Any) -> list[ImageRef]:
    """What is written under `images` of a step, whose templates are rendered."""
    step, at = SimpleNamespace(images=written), SimpleNamespace(value=lambda one: one)
    return images_of(cast("AgentStep", step), cast("Rendering", at))


def test_images_are_taken_one_by_one_and_in_lists_in_their_order() -> None:
    assert asked_about(image(1), [image(2), image(3)], []) == [image(1), image(2), image(3)]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("/etc/passwd\x1b[2J" + "x" * 500, r"this is none: /etc/passwd␛\[2Jx+… \(\+"),
        ({"kind": "png"}, "this is none: an object"),
        ([image(1), 7], "this is none: a number"),
        (None, "this is none: null"),
    ],
)
def test_what_is_no_image_is_refused_in_words(written: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as raised:
        asked_about(written)
    assert len(raised.value.message) < 300


def test_no_more_images_are_asked_about_than_can_be_shown() -> None:
    assert len(asked_about([image(number) for number in range(MAX_IMAGES)])) == MAX_IMAGES
    with pytest.raises(InvalidInput, match=f"at most {MAX_IMAGES} images, these are {MAX_IMAGES + 1}"):
        asked_about(image(0), [image(number) for number in range(MAX_IMAGES)])
    assert len(asked_about(image(1, MOST_BYTES - 1), image(2, 1))) == 2
    with pytest.raises(InvalidInput, match=f"have {MOST_BYTES + 1} bytes, more than {MOST_BYTES}"):
        asked_about(image(1, MOST_BYTES), image(2, 1))


ROOM = characters_of(image(0))
"""Characters that each of these takes."""


def test_of_images_that_came_just_now_those_are_shown_that_fit_and_then_those_asked_about() -> None:
    gallery = Gallery([image(1), image(2)], [image(3), image(1), image(3), image(4)], 2 * ROOM, takes=True)
    assert gallery.said == {image(3).digest, image(1).digest}
    assert gallery.briefed == {image(2).digest}, "each is shown once"
    assert Gallery([image(1)], [image(2)], ROOM - 1, takes=True).said == set()
    nothing = Gallery([image(1)], [image(2)], ROOM, takes=False)
    assert (nothing.said, nothing.briefed) == (set(), set())
    assert nothing.fitting([image(3)], 9 * ROOM) == []


def test_what_came_just_now_goes_before_what_was_asked_about_where_not_all_can_be_sent() -> None:
    many = [image(number) for number in range(MAX_IMAGES + 2)]
    gallery = Gallery(many, many[-3:], 9 * ROOM, takes=True)
    assert (len(gallery.said), len(gallery.briefed)) == (3, MAX_IMAGES - 3)
    assert gallery.fitting([image(99)], 9 * ROOM) == []
    heavy = Gallery([image(1, MOST_BYTES), image(2, MOST_BYTES - 7)], [image(3, 7)], ROOM, takes=True)
    assert heavy.briefed == {image(2).digest}
    assert heavy.fitting([image(4, 1)], ROOM) == []


def test_images_of_turns_are_shown_once_as_far_as_there_is_room() -> None:
    gallery = Gallery([image(1)], [image(2)], ROOM, takes=True)
    found = gallery.fitting([image(1), image(2), image(3), image(3), image(4), image(5)], 2 * ROOM)
    assert found == [image(3), image(4)]
    assert gallery.shown == {}, "that they could be shown shows none"
    gallery.show(found, age=2)
    assert gallery.shown == {image(3).digest: 2, image(4).digest: 2}
    assert gallery.fitting([image(4), image(5)], 2 * ROOM) == [image(5)]
    for number in range(5, 5 + MAX_IMAGES - 5):
        gallery.show([image(number)], age=3)
    assert len(gallery.fitting([image(98), image(99)], 9 * ROOM)) == 1, "as many as may be sent at once"
    left = Gallery([image(1, 7)], takes=True)
    left.show([image(2, MOST_BYTES - 9)], age=0)
    assert left.fitting([image(3, 3), image(4, 2)], 9 * ROOM) == [image(4, 2)]
