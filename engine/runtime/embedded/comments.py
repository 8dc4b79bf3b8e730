"""What a person writes beside what they do: as long as there is room for, and text."""

from __future__ import annotations

from engine.errors import InvalidInput
from engine.safe_text import is_unicode


def require_comment(comment: str, longest: int) -> None:
    """Raise InvalidInput for a comment of more than `longest` characters, or one that nothing can store."""
    if len(comment) > longest:
        raise InvalidInput(f"the comment is longer than {longest} characters")
    if not is_unicode(comment):
        raise InvalidInput("the comment holds half a character, which is no text")
