"""Forms drawn from a JSON Schema: fields, faults, drafts, answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from textual.widgets import Select, TextArea

from screens.forms.list_screen import MOST, FormsScreen
from screens.forms.schema_form import FormView
from screens.frame.inputs import Choice, SafeInput, SafeTextArea, Toggle
from screens.overlays.help_screen import HelpScreen
from screens.widgets.prompt import Prompt
from tests.fakes.engine import FakeEngine
from tests.fakes.requests import FakeRequests
from tests.fakes.views import a_form, a_run, ago

if TYPE_CHECKING:
    from engine.contracts.runs.request import AnswerView
    from tests.screens.conftest import OpenConsole, Stage

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["severity", "mail", "count"],
    "properties": {
        "severity": {"type": "string", "enum": ["low", "high"], "enumNames": ["not bad", "very bad"]},
        "mail": {"type": "string", "title": "Mail", "description": "Where to write", "minLength": 3},
        "count": {"type": "integer", "minimum": 1},
        "share": {"type": "number", "default": 0.5},
        "public": {"type": "boolean", "default": True},
        "note": {"type": "string", "maxLength": 900},
        "owner": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "boss": {"type": "boolean"}},
        },
        "paths": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "extra": {"anyOf": [{"type": "string"}, {"type": "object"}]},
    },
}


@dataclass
class FakeSlowRequests(FakeRequests):
    """An answer is taken when the gate is open."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, *arguments: Any, **named: Any) -> AnswerView:
        await self.gate.wait()
        return await super().answer(*arguments, **named)


async def open_form(stage: Stage) -> None:
    await stage.press("3")
    await stage.on(FormsScreen)
    await stage.shows("Who is greeted")
    await stage.press("enter")
    await drawn(stage)


async def drawn(stage: Stage) -> FormView:
    """The form, when all of its fields are there."""
    await stage.until(lambda: stage.app.screen.query(FormView), "a form")
    form = stage.app.screen.query_one(FormView)
    await stage.until(lambda: form.complete, "every field")
    await stage.until(lambda: stage.app.focused is not None, "the focus in the form")
    return form


async def test_a_form_is_filled_checked_and_submitted(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), a_form(schema=SCHEMA))
    async with console(engine, size=(100, 60)) as stage:
        await open_form(stage)
        await stage.shows("Where to write · at least 3 characters")
        await stage.press("f2")
        await stage.until(lambda: stage.text().count("✗ is required") == 3)
        assert isinstance(stage.app.focused, Choice)
        await stage.press("enter", "down", "down", "enter")
        await stage.until(lambda: stage.app.screen.query_one(Choice).value == 1)
        await stage.press("tab", *"ab", "tab", *"zero")
        await stage.shows("'zero' is not a whole number")
        await stage.press(
            "backspace", "backspace", "backspace", "backspace", "3", "tab", "tab", "space", "tab"
        )
        await stage.write("two")
        await stage.press("enter", *"lines", "tab", "tab", "tab")
        await stage.press(*"/a", "enter", *"/b")
        await stage.press("f2")
        await stage.shows("✗ must have at least 3 characters")
        assert isinstance(stage.app.focused, SafeInput)
        await stage.write("c")
        await stage.until(lambda: "✗ must have at least 3" not in stage.text())
        await stage.press("f2")
        await stage.on(FormsScreen)
        assert engine.asked("answer") == [
            (
                "form-1",
                {
                    "severity": "high",
                    "mail": "abc",
                    "count": 3,
                    "share": 0.5,
                    "public": False,
                    "note": "two\nlines",
                    "paths": ["/a", "/b"],
                },
                "ben",
            )
        ]
        await stage.shows("No form waits")


async def test_leaving_keeps_the_draft_and_coming_back_finds_it(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), a_form())
    async with console(engine) as stage:
        await open_form(stage)
        await stage.write("Ana q1?")
        await stage.press("escape")
        await stage.on(FormsScreen)
        await stage.shows("✎ draft")
        await stage.press("enter")
        await drawn(stage)
        await stage.shows("draft from 09:26 UTC restored")
        assert stage.app.screen.query_one(SafeInput).value == "Ana q1?"
        await stage.press("f2")
        await stage.on(FormsScreen)
        await stage.until(lambda: engine.drafts.stored == {})


async def test_a_colleagues_answer_is_told_and_nothing_is_sent(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), a_form())
    async with console(engine) as stage:
        await open_form(stage)
        await stage.write("Ana")
        engine.requests.answer_as("form-1", "carol")
        await stage.shows("already answered by carol")
        assert "F2 Submit" not in stage.plain("#keys")
        await stage.press("f2")
        await stage.until(lambda: "waits no more" in stage.notices())
        assert not engine.asked("answer")
        await stage.shows('"name": "Ana"')
        await stage.press("y")
        await stage.until(lambda: stage.app.clipboard == '{\n  "name": "Ana"\n}')


async def test_what_a_form_asks_can_be_read_to_its_end(console: OpenConsole) -> None:
    asked = "\n".join(f"line {number}" for number in range(1, 31))
    engine = FakeEngine().add(a_run(), a_form(schema=SCHEMA, prompt=asked))
    async with console(engine, size=(80, 24)) as stage:
        await open_form(stage)
        assert "23 more lines: Shift-Tab, then j" in stage.text()
        first = stage.app.focused
        assert isinstance(first, Choice)
        await stage.press("shift+tab", "j")
        assert "22 more lines: j" in stage.text()
        await stage.press("G")
        assert "line 30" in stage.text()
        assert "more line" not in stage.text()
        await stage.press("tab")
        assert stage.app.focused is first
        await stage.resize(80, 100)
        assert "line 1 " in stage.text()
        await stage.press("shift+tab")
        assert not isinstance(stage.app.focused, Prompt), "nothing of it is hidden"


async def test_what_is_pasted_shows_what_it_hides(console: OpenConsole) -> None:
    engine = FakeEngine().add(
        a_run(),
        a_form(
            schema={
                "type": "object",
                "properties": {"a": {"type": "string"}, "b": {"type": "string", "maxLength": 999}},
            }
        ),
    )
    async with console(engine) as stage:
        await open_form(stage)
        stage.app.screen.query_one(SafeInput).insert_text_at_cursor("x\x1b]52;c;aGk=\x07y")
        stage.app.screen.query_one(SafeTextArea).insert("1\x9b2\n3\u202e")
        await stage.shows("x␛]52;c;aGk=␇y")
        assert "\x9b" not in stage.app.screen.query_one(TextArea).text
        assert "\u202e" not in stage.app.screen.query_one(TextArea).text


async def test_a_toggle_tells_its_state_without_color(console: OpenConsole) -> None:
    engine = FakeEngine().add(
        a_run(), a_form(schema={"type": "object", "properties": {"on": {"type": "boolean"}}})
    )
    async with console(engine) as stage:
        await open_form(stage)
        await stage.shows("[ ] yes")
        assert isinstance(stage.app.focused, Toggle)
        await stage.press("space")
        await stage.shows("[x] yes")


def test_select_null_is_not_a_choice() -> None:
    assert Choice(["a"], None).value is Select.NULL


async def test_a_form_that_is_answered_below_the_help_goes_when_the_help_is_closed(
    console: OpenConsole,
) -> None:
    engine = FakeEngine().add(a_run(), a_form())
    engine.requests = slow = FakeSlowRequests(engine)
    async with console(engine) as stage:
        await open_form(stage)
        await stage.write("Ana")
        await stage.press("f2", "f1")
        await stage.on(HelpScreen)
        slow.gate.set()
        await stage.until(lambda: "Answered" in stage.notices())
        await stage.settle()
        assert isinstance(stage.app.screen, HelpScreen)
        await stage.press("escape")
        await stage.on(FormsScreen)


async def test_a_choice_of_a_draft_is_not_taken_for_another_one_when_the_choices_have_changed(
    console: OpenConsole,
) -> None:
    where: dict[str, Any] = {"type": "object", "properties": {"why": {"type": "string"}}}
    where["properties"]["where"] = {"enum": ["staging", "production"]}
    swapped = {**where, "properties": {**where["properties"], "where": {"enum": ["production", "staging"]}}}
    engine = FakeEngine().add(a_run(), a_form(schema=where))
    async with console(engine) as stage:
        await open_form(stage)
        await stage.write("a try")
        stage.app.screen.query_one(Choice).value = 0
        await stage.press("escape")
        await stage.on(FormsScreen)
        await stage.press("enter")
        await drawn(stage)
        assert stage.app.screen.query_one(Choice).value == 0
        await stage.press("escape")
        await stage.on(FormsScreen)
        engine.add(a_form(schema=swapped, title="And now?")).news()
        await stage.shows("And now?")
        await stage.press("enter")
        await drawn(stage)
        await stage.shows("the form is another one since: choose anew")
        assert stage.app.screen.query_one(Choice).value is Select.NULL
        assert stage.app.screen.query_one(SafeInput).value == "a try"


async def test_a_form_says_until_when_it_can_be_answered(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), a_form(expires_at=ago(-3600), expires_with="the run"))
    async with console(engine) as stage:
        await open_form(stage)
        await stage.shows("expires 2")
        await stage.shows("with the run")


async def test_every_form_that_waits_is_listed_and_what_is_too_many_is_told(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), *(a_form(f"form-{number:04}") for number in range(MOST)))
    async with console(engine) as stage:
        await stage.press("3")
        await stage.on(FormsScreen)
        await stage.until(lambda: stage.table("#forms").row_count == MOST)
        assert "more wait" not in stage.text()
        engine.add(a_form(f"form-{MOST}")).news()
        await stage.shows("the 1,000 oldest, more wait")
