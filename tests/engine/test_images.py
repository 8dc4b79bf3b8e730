"""What an image is, is read from its first bytes; whatever is sent, nothing breaks."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.images import ImageHead, from_base64, head_in_base64, image_head
from engine.values import ImageRef, image_ref, images_in, is_image, resolve_value, with_images_shown
from tests.engine.pictures import gif, jpeg, png, webp

EXIF = b"\xff\xe1\x00\x42" + b"\xff\xc0" * 32
"""A segment that holds what looks like the beginning of a frame."""


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (png(), "png"),
        (gif(), "gif"),
        (jpeg(), "jpeg"),
        (jpeg(before=EXIF + b"\xff\xd0"), "jpeg"),
        (webp(b"VP8 "), "webp"),
        (webp(b"VP8L"), "webp"),
        (webp(b"VP8X"), "webp"),
    ],
)
def test_kind_and_size_are_read_from_the_first_bytes(data: bytes, kind: str) -> None:
    assert image_head(data) == ImageHead(kind, 640, 480)
    assert image_head(data + b"\0" * 1_000) == ImageHead(kind, 640, 480)
    for end in range(len(data)):
        found = image_head(data[:end])
        assert found in {None, ImageHead(kind, 640, 480)}


def test_what_libraries_write_is_read() -> None:
    one_pixel = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    lossy = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"
    lossless = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="
    for text, kind in ((one_pixel, "png"), (lossy, "webp"), (lossless, "webp")):
        assert image_head(base64.b64decode(text)) == ImageHead(kind, 1, 1)
    assert image_head(
        base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
    ) == ImageHead("gif", 1, 1)


@pytest.mark.parametrize("size", [0, 290_000, 310_000])
def test_base64_on_many_lines_says_what_it_is_however_long_it_is(size: int) -> None:
    image = png(more=b"x" * size)
    for text in (base64.encodebytes(image).decode(), base64.b64encode(image).decode()):
        assert head_in_base64(text) == ImageHead("png", 640, 480)
    assert head_in_base64("!" + base64.b64encode(image).decode()) is None


@pytest.mark.parametrize(
    "data", [png(0, 480), png(640, 0), gif(0, 0), jpeg(0, 0), b"", b"<svg/>", b"%PDF-1.7"]
)
def test_what_has_no_size_or_is_something_else_is_no_image(data: bytes) -> None:
    assert image_head(data) is None


@given(
    st.sampled_from([png()[:16], gif()[:6], jpeg()[:20], webp(b"VP8X")[:16], b"\xff\xd8"]),
    st.binary(max_size=60),
)
def test_whatever_follows_a_beginning_nothing_breaks(beginning: bytes, more: bytes) -> None:
    found = image_head(beginning + more)
    assert found is None or (found.width > 0 and found.height > 0)


def test_a_jpeg_of_a_million_segments_is_walked_through_once() -> None:
    assert image_head(b"\xff\xd8" + b"\xff\xe0\0\0" * 1_000_000) is None


def test_base64_is_taken_on_several_lines_and_nothing_else_is() -> None:
    assert from_base64("aGVs\nbG8=\n") == b"hello"
    assert from_base64("no base64!") is None
    assert from_base64("aGVsbG8") is None
    assert from_base64("é") is None


def test_an_image_of_a_stored_value_is_shown_in_words_and_one_from_outside_is_data() -> None:
    image = image_ref(png(), "png", 640, 480)
    stored = {"a": [dict(image)], "b": 1}
    assert with_images_shown(stored, stored=True) == {"a": ["[image 640x480 png]"], "b": 1}
    assert with_images_shown(stored) is stored, "nobody has vouched for it"
    loaded = resolve_value(stored, lambda _digest: None)
    assert [type(one) for one in images_in(loaded)] == [ImageRef]
    assert with_images_shown(loaded)["a"] == ["[image 640x480 png]"]
    assert not is_image({**image, "more": 1})
