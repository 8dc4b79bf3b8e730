"""What is pasted has line feeds at its line ends, and a field of one line tells what it left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual import events

from screens.frame.inputs import SafeInput, SafeTextArea
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_form, a_run
from tests.screens.forms.test_form_screens import open_form

if TYPE_CHECKING:
    from tests.screens.conftest import OpenConsole

SCHEMA = {
    "type": "object",
    "properties": {
        "hosts": {"type": "array", "title": "Hosts", "items": {"type": "string"}},
        "one": {"type": "string", "title": "One line"},
    },
}


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
async def test_pasted_line_ends_are_line_feeds(console: OpenConsole, end: str) -> None:
    async with console(FakeEngine().add(a_run(), a_form("form-1", SCHEMA))) as stage:
        await open_form(stage)
        lines = stage.app.screen.query(SafeTextArea).first()
        lines.focus()
        stage.app.post_message(events.Paste(f"web1{end}web2{end}"))
        await stage.until(lambda: lines.text == "web1\nweb2\n")
        field = stage.app.screen.query(SafeInput).first()
        field.focus()
        stage.app.post_message(events.Paste(f"web1{end}web2{end}{end}web3"))
        await stage.until(lambda: field.value == "web1")
        await stage.until(lambda: "2 more lines left out" in stage.notices())
