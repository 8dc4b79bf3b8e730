"""A Markdown text that is drawn; it takes harmless lines only, and follows no link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.safe_text import SafeText


class MarkdownText(Markdown):
    """Textual's own, for lines that are sanitized."""

    def __init__(self, lines: Sequence[SafeText]) -> None:
        super().__init__("\n".join(lines), open_links=False)
