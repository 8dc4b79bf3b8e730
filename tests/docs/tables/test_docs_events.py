"""docs/events.md is what the table of events says."""

from __future__ import annotations

import re

from docs.events_page import PAGE, page
from engine.machine.events.table import FACTS


def test_the_page_of_events_is_the_table() -> None:
    text = PAGE.read_text("utf-8")
    assert text == page(text), "write it anew: make events"


def test_names_of_other_systems_are_told_by_events_that_there_are() -> None:
    table = PAGE.read_text("utf-8").partition("| there | here |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([\w.]+)` \| (.+) \|$", table, re.MULTILINE)
    kinds = {kind.kind for kind in FACTS.all()}
    assert len(rows) == 9
    for there, here in rows:
        assert there not in kinds
        assert kinds & set(re.findall(r"`([\w.]+)`", here)), there
