"""A stylesheet whose texts are parsed once in a process for each theme.

Textual parses every text again whenever a screen brings one more, a mode opens or a theme is chosen: a fifth
of the time to the first frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

if TYPE_CHECKING:
    from collections.abc import Hashable


_THEMES = 16
_TEXTS = 1024

_Rules = LRUCache[tuple[Any, ...], list[RuleSet]]
_parsed: LRUCache[Hashable, _Rules] = LRUCache(_THEMES)


class ParsedOnce(Stylesheet):
    """Keeps what was parsed with the same variables, also by another stylesheet of this process."""

    def __init__(self, *, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._parse_cache = _parsed_with(variables)

    def set_variables(self, variables: dict[str, str]) -> None:
        """See Textual; what was parsed with the variables before is kept for their return."""
        self._parse_cache = LRUCache(1)  # cleared in place of what is shared
        super().set_variables(variables)
        self._parse_cache = _parsed_with(variables)

    def reparse(self) -> None:
        """See Textual; faulty texts leave the rules that are in force."""
        self.parse()


def _parsed_with(variables: dict[str, str]) -> _Rules:
    key = frozenset(variables.items())
    if key not in _parsed:
        _parsed[key] = LRUCache(_TEXTS)
    return _parsed[key]
