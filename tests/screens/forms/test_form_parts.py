"""Lists, choices between schemas, boxes, drafts and the editor of a form, from the keyboard."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.contracts.runs.request import FieldError
from engine.errors import ErrorCode, InvalidInput, Unavailable
from engine.json_schema.forms import MAX_TEXT
from screens.forms.blocks import AddLine, LeafBlock
from screens.forms.field import Kind
from screens.forms.list_screen import FormsScreen
from screens.forms.multi_select import MultiSelect
from screens.forms.schema_form import FormView
from screens.forms.screen import FormScreen
from screens.forms.values import read_json
from screens.forms.words import hint
from screens.frame.inputs import Choice, SafeInput, SafeTextArea
from screens.runs.screen import RunsScreen
from screens.runs.start import StartFormScreen, StartScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_flow, a_form, a_pack, a_run
from tests.screens.forms.random_schemas import forms
from tests.screens.forms.test_form_screens import drawn, open_form
from vasini_tui.console.editor import TerminalEditor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from engine.contracts.runs.request import FormView as FormRequest
    from tests.screens.conftest import OpenConsole, Stage

PEOPLE = {
    "type": "array",
    "items": {"type": "object", "properties": {"mail": {"type": "string", "minLength": 2}}},
}


def engine_with(properties: Mapping[str, Any], **more: Any) -> FakeEngine:
    schema = {"type": "object", "properties": dict(properties)}
    return FakeEngine().add(a_run(), a_form(schema=schema, **more))


def draft(stage: Stage) -> dict[str, Any]:
    form: dict[str, Any] = stage.app.screen.query_one(FormView).draft["form"]
    return form


async def answered(stage: Stage, engine: FakeEngine) -> Any:
    await stage.press("f2")
    await stage.on(FormsScreen)
    return engine.asked("answer")[0][1]


async def test_items_are_added_moved_and_taken_out(console: OpenConsole) -> None:
    engine = engine_with({"people": PEOPLE})
    async with console(engine, size=(100, 40)) as stage:
        await open_form(stage)
        assert isinstance(stage.app.focused, AddLine)
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.focused, SafeInput))
        await stage.press(*"ana", "f3")
        await stage.shows("2 of 2")
        await stage.until(lambda: isinstance(stage.app.focused, SafeInput) and not stage.app.focused.value)
        await stage.press(*"ben")
        await stage.until(lambda: draft(stage) == {"people": [{"mail": "ana"}, {"mail": "ben"}]})
        await stage.press("f8")
        await stage.until(lambda: draft(stage) == {"people": [{"mail": "ben"}, {"mail": "ana"}]})
        await stage.press("f9")
        await stage.until(lambda: draft(stage) == {"people": [{"mail": "ana"}, {"mail": "ben"}]})
        await stage.press("f4")
        await stage.shows("F4 again takes item 2 out, with what is typed in it")
        assert len(draft(stage)["people"]) == 2
        await stage.press("f4")
        await stage.until(lambda: draft(stage) == {"people": [{"mail": "ana"}]})
        await stage.press("f3", "f4")
        await stage.until(lambda: "2 of 2" not in stage.text())
        assert await answered(stage, engine) == {"people": [{"mail": "ana"}]}


async def test_the_fault_of_an_item_is_shown_in_it(console: OpenConsole) -> None:
    engine = engine_with({"people": PEOPLE}, defaults={"people": [{"mail": "ana"}, {"mail": "b"}]})
    async with console(engine, size=(100, 40)) as stage:
        await open_form(stage)
        await stage.press("f2")
        await stage.shows("must have at least 2 characters")
        blocks = [block for block in stage.app.screen.query(LeafBlock) if block.query(".fault")]
        assert [block.path for block in blocks] == [("people", 1, "mail")]
        assert stage.app.focused is blocks[0].control
        await stage.press("end", "b")
        assert await answered(stage, engine) == {"people": [{"mail": "ana"}, {"mail": "bb"}]}


async def test_another_choice_shows_other_fields_and_keeps_what_was_typed(console: OpenConsole) -> None:
    way = {
        "title": "How",
        "oneOf": [
            {
                "title": "By mail",
                "properties": {"kind": {"const": "mail"}, "to": {"type": "string", "minLength": 2}},
            },
            {"title": "By post", "properties": {"kind": {"const": "post"}, "street": {"type": "string"}}},
        ],
    }
    engine = engine_with({"way": way})
    async with console(engine, size=(100, 40)) as stage:
        await open_form(stage)
        choice = stage.app.screen.query_one(Choice)
        choice.value = 0
        await stage.shows("to")
        await stage.press("tab", "x", "f2")
        await stage.shows("must have at least 2 characters")
        choice.value = 1
        await stage.shows("street")
        await stage.until(lambda: "must have at least" not in stage.text())
        choice.value = 0
        await stage.until(lambda: [field.value for field in stage.app.screen.query(SafeInput)] == ["x"])
        stage.app.screen.query_one(SafeInput).value = "xy"
        await stage.until(lambda: draft(stage)["way"]["parts"]["0"]["to"] == "xy")
        assert await answered(stage, engine) == {"way": {"kind": "mail", "to": "xy"}}


async def test_several_of_an_enum_are_ticked(console: OpenConsole) -> None:
    colors = {"type": "array", "items": {"enum": [f"color {n}" for n in range(20)]}, "maxItems": 2}
    engine = engine_with({"colors": colors})
    async with console(engine) as stage:
        await open_form(stage)
        assert isinstance(stage.app.focused, MultiSelect)
        await stage.press("space", "G", "space", "k", "space")
        await stage.shows("[x] color 19")
        await stage.press("f2")
        await stage.shows("must have at most 2 items")
        await stage.press("space")
        await stage.until(
            lambda: "at most 2 items ·" not in stage.text() and "✗" not in stage.plain(".fault")
        )
        assert await answered(stage, engine) == {"colors": ["color 0", "color 19"]}


async def test_the_draft_is_kept_while_typing_and_found_by_another_console(console: OpenConsole) -> None:
    engine = engine_with({"name": {"type": "string"}, "people": PEOPLE})
    async with console(engine) as stage:
        await open_form(stage)
        await stage.write("Ana")
        await stage.press("tab", "enter")
        await stage.shows("1 of 1")
        kept = {"name": "Ana", "people": [{"mail": ""}]}
        await stage.until(lambda: [found["form"] for found in engine.drafts.stored.values()] == [kept])
        assert list(engine.drafts.stored) == [("ben", "form-1")]
    async with console(engine) as stage:
        await stage.press("3")
        await stage.shows("✎ draft")
        await open_form(stage)
        await stage.shows("draft from 09:26 UTC restored")
        await stage.shows("1 of 1")
        assert await answered(stage, engine) == {"name": "Ana", "people": [{}]}
        await stage.until(lambda: not engine.drafts.stored)


async def test_a_draft_that_cannot_be_kept_is_told_once_and_the_form_goes_on(console: OpenConsole) -> None:
    engine = engine_with({"name": {"type": "string"}})
    engine.failures["draft_keep"] = InvalidInput("The draft is too large.", code=ErrorCode.PAYLOAD_TOO_LARGE)
    async with console(engine) as stage:
        await open_form(stage)
        await stage.write("A")
        await stage.until(lambda: len(engine.asked("draft_keep")) == 1)
        await stage.write("A")
        await stage.until(lambda: len(engine.asked("draft_keep")) == 2)
        assert stage.notices().count("The draft is not kept") == 1
        assert await answered(stage, engine) == {"name": "AA"}


class FakeEditor:
    """Answers with a text, or raises."""

    def __init__(self, left: str | Exception) -> None:
        self.left = left
        self.given: list[str] = []

    async def edit(self, text: str) -> str:
        self.given.append(text)
        if isinstance(self.left, Exception):
            raise self.left
        return self.left

    async def open(self, path: Path) -> None:
        raise AssertionError(f"no form opens {path}")


async def test_a_long_text_comes_back_from_the_editor_as_data(console: OpenConsole) -> None:
    engine = engine_with({"note": {"type": "string", "x-multiline": True}})
    async with console(engine) as stage:
        editor = FakeEditor("one\n\x1b[31mtwo\u202e")
        stage.app.state.editor = editor
        await open_form(stage)
        await stage.shows("Ctrl-g Editor")
        await stage.press("x", "ctrl+g")
        await stage.until(lambda: editor.given == ["x"])
        await stage.until(lambda: stage.app.screen.query_one(SafeTextArea).text == "one\n␛[31mtwo⟨U+202E⟩")
        await stage.until(lambda: draft(stage)["note"].startswith("one"))
        editor.left = Unavailable(ErrorCode.CONFIG_INVALID, "There is no editor 'x'. Set VISUAL or EDITOR.")
        await stage.press("ctrl+g")
        await stage.until(lambda: "There is no editor" in stage.notices())
        assert draft(stage)["note"].startswith("one")


async def test_two_hundred_fields_and_eight_levels_stay_usable(console: OpenConsole) -> None:
    deep: dict[str, Any] = {"type": "string", "minLength": 2}
    for level in reversed(range(8)):
        deep = {"type": "object", "properties": {f"level{level}": deep}, "required": [f"level{level}"]}
    many = {f"f{number}": {"type": "string", "title": f"Field {number}"} for number in range(200)}
    engine = engine_with({**many, "deep": deep}, defaults={"deep": {}})
    async with console(engine) as stage:
        await open_form(stage)
        await stage.write("x")
        await stage.press("f2")
        await stage.shows("is required")
        await stage.until(lambda: isinstance(stage.app.focused, SafeInput) and not stage.app.focused.value)
        await stage.write("ab")
        value: Any = "ab"
        for level in reversed(range(8)):
            value = {f"level{level}": value}
        assert await answered(stage, engine) == {"f0": "x", "deep": value}


async def test_flows_are_filtered_and_the_start_form_keeps_its_draft(console: OpenConsole) -> None:
    engine = FakeEngine()
    engine.stored_packs = (
        a_pack(*(a_flow(f"flow{number}", description=f"Does {number}") for number in range(40))),
    )
    async with console(engine) as stage:
        await stage.press("c")
        await stage.on(StartScreen)
        await stage.until(lambda: len(stage.table("#flows").rows) == 40)
        await stage.press("/", *"does 31")
        await stage.until(lambda: [row.key for row in stage.table("#flows").rows] == ["hello/flow31"])
        await stage.press("enter", "enter")
        await stage.on(StartFormScreen)
        await drawn(stage)
        await stage.write("Ana")
        await stage.press("escape")
        await stage.on(StartScreen)
        assert list(engine.drafts.stored) == [("ben", "start hello/flow31")]
        await stage.press("enter")
        await drawn(stage)
        await stage.shows("restored")
        await stage.press("f2")
        await stage.on(RunsScreen)
        assert engine.asked("start")[0][2] == {"name": "Ana"}
        await stage.until(lambda: not engine.drafts.stored)
        await stage.press("c")
        await stage.on(StartScreen)
        await stage.press("/", *"nothing like it")
        await stage.shows("No flow matches the filter")
        await stage.press("escape")
        await stage.until(lambda: len(stage.table("#flows").rows) == 40)


async def test_a_slow_check_does_not_hold_up_the_keys(console: OpenConsole) -> None:
    engine = engine_with({"name": {"type": "string"}, "other": {"type": "string"}})
    started, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_schema: Mapping[str, Any], _values: Mapping[str, Any]) -> tuple[FieldError, ...]:
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(10)
        return (FieldError(field="name", message="is too slow"),)

    engine.requests.checker = slow
    async with console(engine) as stage:
        await open_form(stage)
        await stage.press("x", "tab")
        await started.wait()
        await stage.write("goes on")
        await stage.until(lambda: draft(stage)["other"] == "goes on")
        release.set()
        await stage.shows("✗ is too slow")


@settings(
    max_examples=2,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(schemas=st.lists(forms, min_size=6, max_size=6))
async def test_any_schema_is_drawn(console: OpenConsole, schemas: list[dict[str, Any]]) -> None:
    engine = FakeEngine().add(a_run())
    async with console(engine) as stage:
        for number, schema in enumerate(schemas):
            await draw(stage, a_form(f"form-{number}", schema))


async def draw(stage: Stage, form: FormRequest) -> None:
    """Open the form, submit it, leave it."""
    stage.engine.add(form)
    stage.app.push_screen(FormScreen(stage.app.state, form))
    await stage.on(FormScreen)
    await stage.until(lambda: stage.app.screen.query(FormView))
    view = stage.app.screen.query_one(FormView)
    await stage.until(lambda: view.complete)
    await view.submit()
    await stage.press("escape")
    await stage.until(lambda: not isinstance(stage.app.screen, FormScreen))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1e400}', "out of range"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"path": "seen", "path": "hidden"}', "stands there twice"),
        ('{"a": ' * 800 + "1" + "}" * 800, "nested more than 100 levels deep"),
        ('{"a": ' * 5_000 + "1" + "}" * 5_000, "nested more than 100 levels deep"),
        ('{"a": "\\ud800"}', "no text"),
    ],
)
def test_json_that_is_typed_keeps_to_the_rules_of_the_command_line(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_json(text, must_be_object=True)


def test_a_field_tells_no_length_that_the_engine_would_refuse() -> None:
    assert hint({"type": "string", "maxLength": 5_000_000}, Kind.TEXT) == f"at most {MAX_TEXT:,} characters"
    assert hint({"type": "string", "maxLength": 20}, Kind.TEXT) == "at most 20 characters"
    assert hint({"type": "string", "minLength": 1}, Kind.TEXT) == ""


@dataclass
class FakeOpenEditor:
    """Stays open until it is told to close, or is taken away."""

    left: str
    given: list[str] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    taken_away: bool = False

    async def edit(self, text: str) -> str:
        self.given.append(text)
        try:
            await self.closed.wait()
        except asyncio.CancelledError:
            self.taken_away = True
            raise
        return self.left

    async def open(self, path: Path) -> None:
        raise AssertionError(f"no form opens {path}")


async def test_an_answer_of_somebody_else_leaves_an_open_editor_and_its_text_alone(
    console: OpenConsole,
) -> None:
    engine = engine_with({"note": {"type": "string", "x-multiline": True}})
    async with console(engine) as stage:
        stage.app.state.editor = editor = FakeOpenEditor("an hour of work")
        await open_form(stage)
        await stage.press("ctrl+g")
        await stage.until(lambda: editor.given == [""])
        engine.requests.answer_as("form-1", "carol")
        await stage.until(lambda: "0 forms" in stage.text(), "the news")
        await stage.settle()
        assert not editor.taken_away
        editor.closed.set()
        await stage.shows("already answered by carol")
        await stage.shows('"note": "an hour of work"')


async def test_where_no_file_can_be_made_for_the_editor_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    editor = TerminalEditor(nullcontext, {"VISUAL": "true", "PATH": os.environ["PATH"]})
    with pytest.raises(Unavailable, match="TMPDIR"):
        await editor.edit("text")
