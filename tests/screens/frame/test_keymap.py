"""Other keys for actions: what may be bound, and that the console then does as it was told."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.binding import Binding
from textual.widgets import Input, TextArea

from screens.keys.bindings import action, find
from screens.keys.key_names import format_key, read_key
from screens.keys.keymap import EDITING, KEPT, Keymap, read_keymap, together
from screens.keys.registry import ACTIONS
from screens.overlays.help_screen import HelpScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_form, a_run, an_approval

if TYPE_CHECKING:
    from screens.keys.action import Action
    from tests.screens.conftest import OpenConsole, Stage

IDS = [entry.id for entry in ACTIONS]
KEYS = [
    "a",
    "R",
    "x",
    "j",
    "/",
    ",",
    "F5",
    "Ctrl-n",
    "Ctrl-d",
    "Enter",
    "Esc",
    "Tab",
    "PgDn",
    "alt+x",
    "ctrl+s",
    "?",
]


def faults(**wanted: str) -> str:
    keys = {name.replace("__", "."): words.split() for name, words in wanted.items()}
    return "\n".join(fault.message for fault in read_keymap(keys)[1])


@pytest.mark.parametrize("entry", ACTIONS, ids=lambda entry: entry.id)
def test_every_key_of_the_registry_can_be_written_as_the_help_shows_it(entry: Action) -> None:
    assert [read_key(words) for words in entry.keys.split()] == list(entry.names)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("Ctrl-d", "ctrl+d"),
        ("ctrl+d", "ctrl+d"),
        ("ESC", "escape"),
        ("f5", "f5"),
        (",", "comma"),
        ("Ctrl-←", "ctrl+left"),
    ],
)
def test_keys_may_be_written_in_both_ways(words: str, name: str) -> None:
    assert read_key(words) == name
    assert read_key(format_key(name)) == name


@pytest.mark.parametrize("words", ["", " ", "crtl+x", "hello", "a b", "\x1b", "<any>", "F99"])
def test_there_is_no_such_key(words: str) -> None:
    assert read_key(words) is None


def test_a_fault_names_the_key_and_both_actions() -> None:
    words = faults(approvals__approve="x")
    assert "x is also the key of run.cancel (Cancel)" in words
    assert "approvals.approve (Approve)" in words
    assert "runs.sort" in faults(runs__sort="Z", run__cancel="Z")


def test_keys_may_be_swapped_and_reused_where_they_never_meet() -> None:
    assert not faults(approvals__approve="r", approvals__reject="a")
    assert not faults(approvals__approve="c")  # creates a run in the list of runs only
    assert not faults(list__down="v", text__down="v")


@pytest.mark.parametrize("key", ["Enter", "Esc", "Ctrl-d", "Ctrl-c"])
def test_keys_with_one_meaning_get_no_other(key: str) -> None:
    assert "keeps its one meaning" in faults(approvals__approve=key)
    assert "keeps its one meaning" in faults(dialog__confirm=key)


@pytest.mark.parametrize("key", ["alt+a", "Alt-a", "ctrl+s", "Ctrl-q", "ctrl+a", "ctrl+b", "shift+enter"])
def test_keys_that_terminals_keep_are_refused(key: str) -> None:
    assert "does not reach the console" in faults(runs__sort=key)


def test_keys_that_a_terminal_cannot_tell_apart_are_refused() -> None:
    assert "cannot tell ctrl+m from Enter" in faults(approvals__approve="ctrl+m")


def test_what_is_used_while_typing_needs_a_key_that_fields_leave() -> None:
    assert "used while typing" in faults(form__submit="s")
    assert "used while typing" in faults(dialog__confirm="Ctrl-e")
    assert not faults(form__submit="s F5")


def test_an_unknown_action_names_its_neighbors() -> None:
    assert "run.pause" in faults(run__nap="z")
    assert "vasini keys" in faults(nothing__here="z")


def test_the_keys_of_fields_are_those_textual_gives_them() -> None:
    taken = {
        key
        for field in (Input, TextArea)
        for binding in field.BINDINGS
        if isinstance(binding, Binding)
        for key in binding.key.split(",")
    }
    assert {key for key in taken - {"enter"} if not key.startswith(("alt+", "super+"))} == EDITING


@given(
    st.dictionaries(st.sampled_from(IDS), st.lists(st.sampled_from(KEYS), min_size=1, max_size=2), max_size=4)
)
def test_a_keymap_without_faults_leaves_every_key_to_one_action(wanted: dict[str, list[str]]) -> None:
    keymap, found = read_keymap(wanted)
    if found:
        return
    for one, other in combinations(keymap.actions(), 2):
        if together(one, other) and not set(action(one.id).names) & set(action(other.id).names):
            assert not set(one.names) & set(other.names)
    for entry in keymap.actions():
        assert not (set(entry.names) & KEPT) - set(action(entry.id).names)


def everything() -> FakeEngine:
    return FakeEngine().add(a_run(), an_approval(run_id="other"), a_form())


@pytest.mark.parametrize(
    "keys",
    [
        *[(), ("c",), ("c", "enter"), ("s",), ("x",), ("q",), ("?",), (":",), ("ctrl+t",)],
        *[("enter",), ("enter", "]"), ("enter", "]", "]"), ("enter", "d")],
        *[("2",), ("2", "r"), ("3",), ("3", "enter"), ("4",), ("5",), ("5", "enter")],
    ],
)
async def test_actions_bound_beside_each_other_are_known_to_be(
    console: OpenConsole, keys: tuple[str, ...]
) -> None:
    async with console(everything()) as stage:
        await stage.shows("● running")
        for key in keys:
            await stage.press(key)
            await stage.settle()
        for widget in [None, *(node for node in stage.app.screen.query("*") if node.focusable)]:
            stage.app.screen.set_focus(widget)
            bound = {
                entry
                for _, bindings in stage.app.screen._modal_binding_chain
                for _, binding in bindings
                if (entry := find(binding.id))
            }
            for one, other in combinations(sorted(bound, key=lambda entry: entry.id), 2):
                assert together(one, other), f"{one.id} and {other.id} are bound at the same time"


async def test_another_key_does_it_and_the_old_one_no_more(console: OpenConsole) -> None:
    engine = everything()
    async with console(engine, keys={"run.pause": ["F5", "z"], "app.approvals": ["9"]}) as stage:
        await stage.shows("● running")
        await stage.press("p")
        await stage.press("z")
        await stage.until(lambda: engine.asked("pause") == [("run-1", "ben")])
        assert "F5 Pause" in stage.plain("#keys")
        await stage.press("2")
        await shows_views(stage, "9 Approvals")
        await stage.press("?")
        await stage.on(HelpScreen)
        assert "F5 z" in stage.plain("#help-text")
        await stage.press("escape")
        await stage.press("9")
        await stage.shows("What exactly will happen")


async def shows_views(stage: Stage, words: str) -> None:
    await stage.until(lambda: words in stage.plain(".views"))


async def test_swapped_decision_keys_decide_as_they_say(console: OpenConsole) -> None:
    engine = everything()
    swapped = {"approvals.approve": ["r"], "approvals.reject": ["a"]}
    async with console(engine, keys=swapped) as stage:
        await stage.shows("● running")
        await stage.press("2")
        await stage.shows("What exactly will happen")
        await stage.graced()
        await stage.press("r")
        await stage.until(lambda: engine.asked("approve"))


def test_the_registry_without_changes_is_the_registry() -> None:
    assert Keymap().actions() == ACTIONS
