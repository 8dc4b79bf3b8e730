"""Pages of lists: their size, and the cursors between them."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.journal.rules.run_filter import GROUPS, SortKey

if TYPE_CHECKING:
    from engine.contracts.runs.listed import RunSort

MAX_PAGE = 1_000
_LONGEST_CURSOR = 4_000
_MOST = 2**62
"""More than any number that a journal gives, and few enough for one of its columns."""


def page_size(limit: int, largest: int = MAX_PAGE) -> int:
    """A page's size within its bounds. Raises InvalidInput."""
    if not 1 <= limit <= largest:
        raise InvalidInput(f"limit must be between 1 and {largest}, not {limit}", {"limit": limit})
    return limit


def page_offset(offset: int, name: str = "offset") -> int:
    """How much of a list is left out. Raises InvalidInput."""
    if not 0 <= offset <= _MOST:
        raise InvalidInput(f"{name} must be between 0 and {_MOST}, not {offset}", {name: offset})
    return offset


def cursor(after: str | None, prefix: str) -> str | None:
    """An id as cursor, as handed out. Raises InvalidInput for anything else."""
    if after is not None and not (after.startswith(prefix) and len(after) < 64 and after.isascii()):
        raise _no_cursor(after)
    return after


def number_cursor(after: str | None) -> int:
    """A number as cursor, as handed out; 0 without one. Raises InvalidInput for anything else."""
    if after is None:
        return 0
    if not (after.isascii() and after.isdecimal() and len(after) < 19):
        raise _no_cursor(after)
    return int(after)


def run_cursor(place: SortKey, sort: RunSort) -> str:
    """A place in the runs list as a cursor."""
    text = json.dumps([sort.value, *place.group, place.created_at, place.run_id], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def run_place(after: str | None, sort: RunSort) -> SortKey | None:
    """The place a cursor stands for. Raises InvalidInput for what is none, or one of another order."""
    if after is None:
        return None
    try:
        given: Any = json.loads(base64.urlsafe_b64decode(after[:_LONGEST_CURSOR] + "=" * (-len(after) % 4)))
        json.dumps(given, ensure_ascii=False).encode()  # text that is no Unicode is none of ours
    except (ValueError, RecursionError):
        raise _no_cursor(after) from None
    if not isinstance(given, list) or len(given) != len(GROUPS[sort]) + 3 or given[0] != sort.value:
        raise _no_cursor(after)
    *group, created_at, run_id = given[1:]
    texts = all(isinstance(part, str) for part in (*group, run_id))
    if not texts or type(created_at) is not int or not 0 <= created_at < 2**62:
        raise _no_cursor(after)
    return SortKey(tuple(group), created_at, run_id)


def _no_cursor(after: str) -> InvalidInput:
    words = f"after={after[:80]!r} is no cursor of this list; use the `next` of the page before"
    return InvalidInput(words, {"after": after[:80]})
