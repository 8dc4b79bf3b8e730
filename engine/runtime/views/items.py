"""The items of a `for_each` in a few words each, so that people need not count."""

from __future__ import annotations

from collections import OrderedDict
from json import JSONEncoder
from typing import TYPE_CHECKING, Any

from engine.errors import Unavailable
from engine.machine.model.state import scope_path_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.runtime.value_store import ValueStore

MOST_WORDS = 60
"""Characters of an item."""
_KEPT = 32
"""Lists of items that are kept: those of the runs on the screen."""
_encoder = JSONEncoder(ensure_ascii=False, default=str)


class ItemWords:
    """Items as people may see them: masked, short. Lists that were read are kept."""

    def __init__(self, values: ValueStore) -> None:
        self._values = values
        self._kept: OrderedDict[tuple[str, int], tuple[str, ...]] = OrderedDict()

    async def of(self, run_id: str, run_seq: int, given: Any) -> Sequence[str]:
        """The words of all items; `given` is the input that the event `run_seq` of the run holds."""
        key = (run_id, run_seq)
        if key not in self._kept:
            try:
                shown = await self._values.redacted(given)
            except Unavailable:  # the steps are still worth showing
                return ()
            items = shown.get("items") if isinstance(shown, dict) else None
            self._kept[key] = tuple(map(item_words, items)) if isinstance(items, list) else ()
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]


def item_at(words: Sequence[str], path: str) -> str | None:
    """The words of the item that an execution is for; None when there are none."""
    index = scope_path_of(path).rpartition("/")[2]
    return words[int(index)] if index.isdecimal() and int(index) < len(words) else None


def item_words(item: Any) -> str:
    """One line: a text as it is, anything else as JSON; cut where it is long."""
    text = item[: 2 * MOST_WORDS] if isinstance(item, str) else _beginning(item)
    line = " ".join(text.split())
    return line if len(line) <= MOST_WORDS else f"{line[: MOST_WORDS - 1]}…"


def _beginning(item: Any) -> str:
    """The beginning of its JSON: an item may be large."""
    text = ""
    for piece in _encoder.iterencode(item):
        text += piece
        if len(text) > 2 * MOST_WORDS:
            break
    return text
