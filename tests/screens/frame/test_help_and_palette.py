"""Help and palette are made of the bindings, and the bindings of one registry."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

import screens
from engine.contracts.status import Risk
from screens.approvals.screen import ApprovalsScreen
from screens.forms.list_screen import FormsScreen
from screens.forms.screen import FormScreen
from screens.frame.bars.key_bar import KEYS_ONLY, KeyBar
from screens.keys.action import CONSOLE_ONLY
from screens.keys.bindings import action
from screens.keys.registry import ACTIONS
from screens.overlays.help_screen import HelpScreen
from screens.overlays.leave_dialog import LeaveDialog
from screens.overlays.palette import PaletteScreen
from screens.run.screen import RunScreen
from screens.runs.screen import RunsScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_form, a_run, an_approval
from vasini_tui.console.app import ConsoleApp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.screens.conftest import OpenConsole


async def test_help_lists_every_binding_of_each_screen(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), an_approval(run_id="other"), a_form())
    ways: tuple[tuple[Sequence[str], type[Screen[Any]]], ...] = (
        ((), RunsScreen),
        (("enter",), RunScreen),
        (("2",), ApprovalsScreen),
        (("3",), FormsScreen),
        (("1", "escape", "i"), FormScreen),
    )
    async with console(engine, size=(120, 90)) as stage:
        await stage.shows("● running")
        for keys, screen in ways:
            await stage.press(*keys)
            await stage.on(screen)
            await stage.settle()
            bound = {
                active.binding.id for active in stage.app.screen.active_bindings.values() if active.binding.id
            }
            assert {"screen.focus_help", "app.palette"} <= bound
            await stage.press("f1")
            await stage.on(HelpScreen)
            await stage.until(lambda: stage.app.screen.query("#help-text"))
            text = stage.plain("#help-text")
            for action_id in bound:
                assert action(action_id).help in " ".join(text.split())
                assert action(action_id).keys in text
            await stage.press("escape")
            await stage.on(screen)


async def test_what_does_not_fit_beside_the_keys_goes_on_below_itself(console: OpenConsole) -> None:
    async with console(FakeEngine().add(a_run(), an_approval())) as stage:
        await stage.shows("● running")
        for size in ((60, 20), (80, 24)):
            await stage.resize(*size)
            await stage.press("2", "?")
            await stage.on(HelpScreen)
            lines = stage.plain("#help-text").splitlines()
            assert next(line for line in lines if line.endswith("itself")).startswith(" " * 16)
            assert max(map(len, lines)) <= size[0] - 5
            await stage.press("escape")


async def test_palette_entries_show_key_and_command(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    async with console(engine, size=(120, 90)) as stage:
        await stage.shows("● running")
        await stage.press(":")
        await stage.on(PaletteScreen)
        rows = {row.key: row for row in stage.table("#entries").rows}
        for action_id, row in rows.items():
            assert [cell.text for cell in row.cells[1:]] == [action(action_id).keys, action(action_id).cli]
        assert rows["run.cancel"].cells[2].text == "vasini cancel RUN [--now]"
        assert {"runs.create", "app.approvals", "list.down", "screen.copy"} <= set(rows)


async def test_a_name_typed_into_the_palette_goes_there(console: OpenConsole) -> None:
    async with console(FakeEngine().add(a_run())) as stage:
        await stage.shows("● running")
        for name in ("approvals", "Approv", "aprvls", "app.approvals"):
            await stage.press(":")
            await stage.on(PaletteScreen)
            await stage.write(name)
            await stage.press("enter")
            await stage.on(ApprovalsScreen)
            await stage.press("1")
            await stage.on(RunsScreen)


async def test_the_palette_acts_on_the_run_under_the_cursor(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run())
    async with console(engine) as stage:
        await stage.shows("● running")
        await stage.press("ctrl+p")
        await stage.on(PaletteScreen)
        await stage.write("pause")
        await stage.press("enter")
        await stage.until(lambda: engine.asked("pause") == [("run-1", "ben")])


async def test_a_decision_through_the_palette_waits_for_the_grace_again(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), an_approval())
    async with console(engine) as stage:
        await stage.press("2")
        await stage.shows("What exactly will happen")
        await stage.graced()
        await stage.press(":")
        await stage.on(PaletteScreen)
        await stage.write("approve exactly")
        await stage.press("enter")
        await stage.on(ApprovalsScreen)
        await stage.shows("had only just appeared")
        assert not engine.asked("approve")


def parts_with_bindings() -> Iterator[tuple[type[DOMNode], list[Binding]]]:
    names = [found.name for found in pkgutil.walk_packages(screens.__path__, "screens.")]
    known = [part for name in names for part in vars(importlib.import_module(name)).values()]
    parts = {part for part in known if isinstance(part, type) and part.__module__ in names}
    for part in parts | {ConsoleApp}:
        if issubclass(part, DOMNode):
            yield part, [found for found in part.__dict__.get("BINDINGS", ()) if isinstance(found, Binding)]


def test_every_binding_of_the_console_is_one_of_the_registry_and_can_be_done() -> None:
    ids = {entry.id for entry in ACTIONS}
    assert len(ids) == len(ACTIONS)
    for part, found in parts_with_bindings():
        assert len(found) == len(part.__dict__.get("BINDINGS", ()))
        for binding in found:
            assert binding.id in ids
            name = binding.action.partition("(")[0]
            owners = [ConsoleApp] if name.startswith("app.") else [part, *part.__subclasses__()]
            method = f"action_{name.removeprefix('app.')}"
            assert any(hasattr(owner, method) for owner in owners), (part, binding)


def test_every_action_of_the_registry_is_bound_somewhere() -> None:
    bound = {binding.id for _, found in parts_with_bindings() for binding in found}
    assert bound == {entry.id for entry in ACTIONS}


def test_a_letter_means_one_thing() -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for entry in ACTIONS:
        for key in entry.key.split(","):
            if len(key) == 1 and key.isalpha():
                # Lists and texts move the same way; q leaves and q confirms leaving; x takes out;
                # c makes a run, or a cap.
                meanings[key].add(entry.id.split(".")[1])
    several = {key: words for key, words in meanings.items() if len(words) > 1}
    assert several == {"c": {"create", "cap"}, "q": {"leave", "quit"}, "x": {"cancel", "exclude", "take_out"}}


def test_forbidden_keys_are_never_needed() -> None:
    for entry in ACTIONS:
        keys = entry.key.split(",")
        for key in keys:
            assert not key.startswith("alt+")
            assert key not in ("ctrl+s", "ctrl+q", "ctrl+a", "ctrl+b", "shift+enter")
        assert keys[0] not in ("home", "end"), "many keyboards have neither"


def test_actions_that_only_move_the_eye_say_so() -> None:
    assert action("list.down").cli == CONSOLE_ONLY
    assert action("runs.create").cli.startswith("vasini run")


async def test_the_palette_says_so_when_nothing_matches_and_does_nothing(console: OpenConsole) -> None:
    async with console(FakeEngine().add(a_run())) as stage:
        await stage.shows("● running")
        await stage.press(":")
        await stage.on(PaletteScreen)
        await stage.write("[@click=app.quit]xyz")
        await stage.shows("No action matches")
        await stage.press("enter")
        await stage.on(PaletteScreen)


async def test_f1_tells_what_has_the_focus_and_its_keys(console: OpenConsole) -> None:
    schema = {"type": "object", "properties": {"public": {"type": "boolean"}}}
    engine = FakeEngine().add(a_run(), an_approval(run_id="other", risk=Risk.HIGH), a_form("f", schema))
    ways = (
        ((), ("list", "One row down", "j ↓")),
        (("/",), ("A filter of the runs", "Delete all to the left")),
        (("escape", "3", "enter"), ("Switch a yes/no field", "[x] is yes")),
        (("escape", "1", "enter", "tab", "tab", "tab"), ("A value as a tree",)),
        (("escape", "2", "a"), ("A line to type into",)),
    )
    async with console(engine, size=(120, 60)) as stage:
        await stage.shows("● running")
        for keys, words in ways:
            for key in keys:
                await stage.press(key)
                await stage.graced()
            await stage.press("f1")
            await stage.on(HelpScreen)
            await stage.until(lambda: stage.app.screen.query("#help-text"))
            for expected in words:
                assert expected in stage.plain("#help-text"), keys
            await stage.press("escape")
            await stage.until(lambda: not isinstance(stage.app.screen, HelpScreen))


def parts_that_can_have_the_focus() -> Iterator[type[Widget]]:
    for module in pkgutil.walk_packages(screens.__path__, "screens."):
        for part in vars(importlib.import_module(module.name)).values():
            if (
                isinstance(part, type)
                and issubclass(part, Widget)
                and not issubclass(part, Screen)
                and part.can_focus
                and part.__module__.startswith("screens.")
            ):
                yield part


def test_every_part_that_can_have_the_focus_tells_what_it_is() -> None:
    assert not [part for part in parts_that_can_have_the_focus() if not part.HELP]


async def test_a_key_turns_the_bell_off_and_on(console: OpenConsole) -> None:
    async with console(FakeEngine().add(a_run())) as stage:
        await stage.shows("● running")
        before = stage.app.state.bell
        await stage.press("B")
        await stage.until(lambda: stage.app.state.bell is not before)
        assert "The bell is on" in stage.notices()
        await stage.press("B")
        await stage.until(lambda: stage.app.state.bell is before)


async def test_help_is_closed_by_the_keys_that_leave(console: OpenConsole) -> None:
    async with console(FakeEngine()) as stage:
        for key in ("q", "ctrl+c", "escape"):
            await stage.press("?")
            await stage.on(HelpScreen)
            await stage.press(key)
            await stage.on(RunsScreen)


async def test_ctrl_c_twice_leaves(console: OpenConsole) -> None:
    async with console(FakeEngine()) as stage:
        await stage.press("ctrl+c")
        await stage.on(LeaveDialog)
        await stage.press("ctrl+c")
        await stage.until(lambda: stage.app.return_value == 0)


async def test_views_panes_and_keys_of_the_bar_can_be_clicked(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), an_approval())
    async with console(engine, size=(120, 32)) as stage:
        await stage.until(lambda: stage.paged("#runs").row_count)
        await stage.pilot.click(".views", offset=(stage.plain(".views").index("Approvals") + 1, 0))
        await stage.on(ApprovalsScreen)
        await stage.press("1", "enter")
        await stage.on(RunScreen)
        await stage.until(lambda: "Loading" not in stage.text())
        await stage.pilot.click("#run-panes", offset=(stage.plain("#run-panes").index("Files") + 1, 0))
        await stage.until(lambda: stage.app.screen.query_one("#files").display)
        bar = stage.app.screen.query_one(KeyBar)
        await stage.pilot.click(KeyBar, offset=(stage.plain("KeyBar").index("Help") + 1, 0))
        await stage.on(HelpScreen)
        assert bar.is_attached


async def test_a_click_never_decides(console: OpenConsole) -> None:
    engine = FakeEngine().add(a_run(), an_approval())
    async with console(engine, size=(120, 32)) as stage:
        await stage.press("2")
        await stage.on(ApprovalsScreen)
        await stage.until(lambda: "Approve" in stage.plain("KeyBar"))
        await stage.pilot.click(KeyBar, offset=(stage.plain("KeyBar").index("Approve") + 1, 0))
        await stage.settle()
        assert isinstance(stage.app.screen, ApprovalsScreen)
        assert not engine.asked("approve")


def test_every_key_that_a_click_may_not_stand_for_is_an_action() -> None:
    assert {entry.id for entry in ACTIONS} >= KEYS_ONLY
