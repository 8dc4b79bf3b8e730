"""docs/events.md is what the table of events says."""

from __future__ import annotations

from docs.events_page import PAGE, page
from engine.machine.events.event import Kind
from engine.machine.events.table import FACTS


def test_the_page_of_events_is_the_table() -> None:
    text = PAGE.read_text("utf-8")
    assert text == page(text), "write it anew: make events"


def test_every_name_of_a_kind_has_its_class_and_every_class_a_name() -> None:
    assert {fact.kind for fact in FACTS.all()} == set(Kind)
