"""files.image: an image file as agents may look at it, scoped to a root as every file is."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from engine.contracts.status import Effects
from engine.contracts.tool import ToolSpec
from engine.images import MAX_IMAGE_BYTES, image_head
from engine.threads import run_stoppable
from engine.tools.builtin.files.file_tools import PATH, ROOT
from engine.tools.builtin.files.paths import PathScope, path_scope, read_regular_file
from engine.tools.failure import invalid_input
from engine.tools.registry import RegisteredTool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.tools.context import ToolContext

IMAGE = ToolSpec(
    name="files.image",
    effects=Effects.NONE,
    for_images=True,
    description="Look at an image file: PNG, JPEG, GIF or WebP.",
    output={
        "path": "as it was given",
        "size": "bytes",
        "sha256": "digest of the bytes",
        "images": "the image, for agents whose models take some",
    },
    parameters={
        "type": "object",
        "properties": {"root": ROOT, "path": PATH},
        "required": ["root", "path"],
        "additionalProperties": False,
    },
)


def image_tools() -> Iterator[RegisteredTool]:
    """The tool."""

    async def image(params: dict[str, Any], context: ToolContext) -> Any:
        return await run_stoppable(lambda _stop: _image(path_scope(context.limits), params))

    yield RegisteredTool(IMAGE, image)


def _image(scope: PathScope, params: dict[str, Any]) -> dict[str, Any]:
    shown = params["path"]
    content = read_regular_file(scope.resolve(params["root"], shown), MAX_IMAGE_BYTES)
    if image_head(content) is None:
        raise invalid_input(f"{shown!r} is no PNG, JPEG, GIF or WebP image")
    return {
        "path": shown,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "images": [{"content_base64": base64.b64encode(content).decode()}],
    }
