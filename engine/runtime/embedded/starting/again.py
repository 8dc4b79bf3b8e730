"""The input of a run that is started again, with changes in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.contracts.masks import holds_mask
from engine.errors import InvalidInput
from engine.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping


def merged(given: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`given` with the changes: objects are merged, anything else takes the place of what was there."""
    result = dict(given)
    for key, value in changes.items():
        before = result.get(key)
        both = isinstance(before, dict) and isinstance(value, dict)
        result[key] = merged(before or {}, value) if both else value
    return result


def require_no_masks(run_id: str, payload: Mapping[str, Any]) -> None:
    """Raise InvalidInput for fields in which a mask stands where a secret was: secrets are never kept."""
    masked = [key for key, value in payload.items() if holds_mask(canonical_json(value).decode())]
    if masked:
        names = ", ".join(masked)
        raise InvalidInput(
            f"the input of run {run_id} held secrets, which are not kept, in: {names}; give them again",
            {"run_id": run_id, "errors": [{"field": key, "message": "held a secret"} for key in masked]},
        )
