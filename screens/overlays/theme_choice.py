"""A theme to choose, apart from the picker: themes are read before the first frame, the picker is not"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThemeChoice:
    """A theme as the picker lists it. `origin`: shipped, own or Textual."""

    name: str
    origin: str
    dark: bool
