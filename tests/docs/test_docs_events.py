"""docs/events.md is what the table of events says."""

from __future__ import annotations

from docs.events_page import PAGE, page


def test_the_page_of_events_is_the_table() -> None:
    text = PAGE.read_text("utf-8")
    assert text == page(text), "write it anew: make events"
