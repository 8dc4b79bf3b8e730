"""The pack's own tools: every public function is one, named `new_pack.<function>` in flows."""

from __future__ import annotations

from typing import Any


def count(text: str) -> dict[str, Any]:
    """Count the words of a text."""
    words = text.split()
    return {"summary": f"{len(words)} words", "words": len(words)}
