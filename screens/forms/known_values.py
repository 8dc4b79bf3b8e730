"""Values of an earlier input that can begin a form."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from engine.contracts.masks import holds_mask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.facade.engine import Engine


async def known_values(engine: Engine, schema: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """Values of `given` for fields of equal name, where they are valid and nothing in them is masked."""
    fields = schema.get("properties")
    if not isinstance(fields, dict) or not isinstance(given, dict):
        return {}
    same = {
        name: given[name]
        for name, field in fields.items()
        if name in given and not _holds_images(field) and not holds_mask(json.dumps(given[name]))
    }
    faults = await asyncio.to_thread(engine.requests.check, schema, same)
    wrong = {fault.field.partition(".")[0].partition("[")[0] for fault in faults}
    return {name: value for name, value in same.items() if name not in wrong}


def _holds_images(field: Any) -> bool:
    """What is known of images is what they are, which names no file."""
    return isinstance(field, dict) and field.get("format") == "images"
