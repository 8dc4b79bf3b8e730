"""Closed widgets are let go: a cache of Textual would keep a thousand of them with all their lines."""

from __future__ import annotations

from functools import cache, lru_cache, partial

from textual._styles_cache import StylesCache


@cache
def let_closed_widgets_go() -> None:
    """Cache the colors inside and outside of borders by the colors alone.

    Textual caches them by widget as well, though they do not depend on it, and so holds what every
    closed one has drawn (textual issue 6665).
    """
    by_widget = StylesCache.get_inner_outer
    by_color = lru_cache(by_widget.cache_parameters()["maxsize"])(partial(by_widget.__wrapped__, StylesCache))
    StylesCache.get_inner_outer = staticmethod(by_color)  # type: ignore[method-assign,assignment]
