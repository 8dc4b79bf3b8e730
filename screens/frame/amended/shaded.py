"""The screen below a dialog, in the shade of the dialog's background."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.renderables.background_screen import BackgroundScreen
from textual.strip import Strip
from textual.visual import Visual

if TYPE_CHECKING:
    from rich.style import Style
    from textual.color import Color
    from textual.css.styles import RulesMap
    from textual.style import Style as VisualStyle
    from textual.visual import RenderOptions

_STYLES = 4096


class Shaded(Visual):
    """What Textual's own renderable shows, each style shaded once: most of a dialog's drawing was that."""

    def __init__(self, below: BackgroundScreen) -> None:
        self._below = below

    def render_strips(
        self, width: int, height: int | None, style: VisualStyle, options: RenderOptions
    ) -> list[Strip]:
        """See Textual."""
        del options
        lines = self._below.screen._compositor.render_strips()  # noqa: SLF001 - as Textual does
        shade = partial(_shade, base=style.rich_style, color=self._below.color)
        return [
            Strip([Segment(text, shade(own)) for text, own, _ in line], line.cell_length).crop(0, width)
            for line in lines[:height]
        ]

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """All of it."""
        del rules
        return container_width

    def get_height(self, rules: RulesMap, width: int) -> int:
        """As high as what is below."""
        del rules, width
        return self._below.screen.size.height


@lru_cache(_STYLES)
def _shade(style: Style | None, *, base: Style, color: Color) -> Style:
    (shaded,) = BackgroundScreen.process_segments([Segment("", style)], color)
    return base + shaded.style
