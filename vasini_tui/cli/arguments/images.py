"""`--image FILE`: images that are added to what is said, started or answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import InvalidInput
from engine.json_schema.forms import image_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Images = Annotated[
    list[str] | None,
    typer.Option(
        "--image", metavar="FILE", help="An image that goes with it: PNG, JPEG, GIF or WebP. Repeats."
    ),
]


def images_given(schema: Mapping[str, Any], images: Sequence[str], what: str) -> dict[str, Any]:
    """The field that takes them, with them. Raises InvalidInput where `what` has none."""
    if not images:
        return {}
    field = image_field(schema)
    if field is None:
        raise InvalidInput(f"{what} takes no images", {"errors": []})
    return {field: list(images)}
