"""A command that is looked at before it happens: what was shown is put in place, or nothing is."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.threads import StopFlag
from engine.tools.builtin.all import builtin_registry
from engine.tools.builtin.effects.changes import changes_between, digest_of_changes, shown_changes
from engine.tools.builtin.effects.committing import commit, unchanged
from engine.tools.builtin.effects.tree import read_tree
from engine.tools.executor import ToolExecutor
from engine.tools.failure import ToolFailure
from tests.engine.tools.isolation.isolating import Machine, machine_in, nothing_isolates

if TYPE_CHECKING:
    from engine.contracts.runs.preview import Preview
    from engine.tools.builtin.effects.changes import Change

NAMES = st.sampled_from(["a", "b", "c d", "ü"])
FILES = st.tuples(
    st.binary(max_size=6) | st.sampled_from([b"one\ntwo\n", b"two\n", b"\0"]), st.sampled_from([0o644, 0o755])
)
LINKS = st.sampled_from(["a", "../out", "/etc/passwd"])
TREES = st.recursive(
    st.dictionaries(NAMES, FILES | LINKS, max_size=3),
    lambda inner: st.dictionaries(NAMES, FILES | LINKS | inner, max_size=3),
    max_leaves=8,
)


def make(folder: Path, tree: dict[str, Any]) -> None:
    """The tree, where there was anything else before."""
    for path in folder.iterdir():
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path)
    for name, what in tree.items():
        path = folder / name
        match what:
            case dict():
                path.mkdir()
                make(path, what)
            case str():
                path.symlink_to(what)
            case (content, mode):
                path.write_bytes(content)
                path.chmod(mode)


def look(folder: Path, copy: Path, kept: Path, after: dict[str, Any]) -> list[Change]:
    """What a command that leaves the copy so would change, with its contents kept."""
    before = read_tree(folder, StopFlag(), copy)
    assert read_tree(copy, StopFlag()) == before
    make(copy, after)
    changes = changes_between(before, read_tree(copy, StopFlag()))
    for change in changes:
        if change.after is not None and change.after.kind == "file":
            shutil.copyfile(copy / change.path, kept / change.after.content)
    return changes


@settings(max_examples=150, deadline=None)
@given(before=TREES, after=TREES, meanwhile=TREES)
def test_what_was_shown_is_what_is_there_and_a_changed_base_always_voids(
    before: dict[str, Any], after: dict[str, Any], meanwhile: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        folder, copy, kept = (Path(directory, name) for name in ("folder", "copy", "kept"))
        for made in (folder, copy, kept):
            made.mkdir()
        make(folder, before)
        changes = look(folder, copy, kept, after)
        shown = shown_changes(changes, folder, copy)
        make(folder, meanwhile)
        now = read_tree(folder, StopFlag())
        if any(now.get(change.path) != change.before for change in changes):
            assert not unchanged(changes, folder)
            with pytest.raises(ToolFailure, match="nothing is written"):
                commit(changes, folder, kept)
            assert read_tree(folder, StopFlag()) == now, "nothing was touched"
        make(folder, before)
        commit(changes, folder, kept)
        assert read_tree(folder, StopFlag()) == read_tree(copy, StopFlag())
        for change in changes:
            if change.after is not None and change.after.kind == "file":
                there = hashlib.sha256((folder / change.path).read_bytes()).hexdigest()
                assert f"sha256 {there}" in shown


def test_other_bytes_have_another_digest_and_are_not_put_in_place(tmp_path: Path) -> None:
    folder, copy, kept = (tmp_path / name for name in ("folder", "copy", "kept"))
    for made in (folder, copy, kept):
        made.mkdir()
    changes = look(folder, copy, kept, {"a": (b"x", 0o644)})
    shutil.rmtree(copy)
    copy.mkdir()
    assert digest_of_changes(changes) != digest_of_changes(look(folder, copy, kept, {"a": (b"y", 0o644)}))
    assert changes[0].after is not None
    (kept / changes[0].after.content).write_bytes(b"evil")
    with pytest.raises(ToolFailure, match="nothing is written"):
        commit(changes, folder, kept)
    assert list(folder.iterdir()) == []


def test_a_directory_that_got_more_meanwhile_is_not_removed(tmp_path: Path) -> None:
    folder, copy, kept = (tmp_path / name for name in ("folder", "copy", "kept"))
    for made in (folder, copy, kept):
        made.mkdir()
    make(folder, {"a": {"b": (b"x", 0o644)}})
    changes = look(folder, copy, kept, {})
    (folder / "a" / "new").write_text("somebody's")
    with pytest.raises(ToolFailure, match="nothing is written"):
        commit(changes, folder, kept)
    assert sorted(path.name for path in (folder / "a").iterdir()) == ["b", "new"]


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    folder, copy, kept, elsewhere = (tmp_path / name for name in ("folder", "copy", "kept", "elsewhere"))
    for made in (folder, copy, kept, elsewhere):
        made.mkdir()
    make(folder, {"a": {}})
    changes = look(folder, copy, kept, {"a": {"b": (b"x", 0o644)}})
    (folder / "a").rmdir()
    (folder / "a").symlink_to(elsewhere)
    with pytest.raises(ToolFailure, match="nothing is written"):
        commit(changes, folder, kept)
    assert list(elsewhere.iterdir()) == []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return machine_in(tmp_path)


SCRIPT = (
    "echo two > a.txt; echo new > b.txt; rm old.txt; cat {secret} 2>/dev/null; "
    "echo x > {secret}; date +%N; true"
)


class Desk:
    """One command that is looked at."""

    def __init__(self, machine: Machine, script: str = SCRIPT, **params: Any) -> None:
        self.machine = machine
        self.place = machine.home.parent / "project"
        self.place.mkdir()
        (self.place / "a.txt").write_text("one\n")
        (self.place / "old.txt").write_text("gone\n")
        script = script.format(secret=machine.secret)
        self.params = {"argv": ["sh", "-c", script], "cwd": str(self.place), "effect": "preview", **params}
        self.executor = ToolExecutor(builtin_registry(), machine.limits)

    async def look(self) -> Preview:
        seen = await self.executor.preview("command.run", self.params, self.machine.context)
        assert seen is not None
        return seen

    async def call(self, approved: Preview | None) -> Any:
        context = replace(self.machine.context, previewed=approved)
        return await self.executor.call("command.run", self.params, context)

    def files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.place.iterdir()}


async def test_a_look_changes_nothing_and_approval_puts_exactly_that_in_place(machine: Machine) -> None:
    desk = Desk(machine)
    seen = await desk.look()
    assert desk.files() == {"a.txt": "one\n", "old.txt": "gone\n"}
    assert machine.secret.read_text() == "hunter2"
    lines = seen.text.splitlines()
    assert (seen.kind, seen.summary.partition(";")[0]) == ("diff", f"changes 3 paths below {desk.place}")
    assert {"sandbox: isolated", "network: none", "-one", "+two", "+new", "-gone"} <= set(lines)
    assert f"writes: a copy of {desk.place}" in lines
    assert await desk.look() == seen, "it has not run again: its output would be another"
    result = await desk.call(seen)
    assert result.error is None
    assert result.meta.sandbox == "isolated"
    assert result.data["stdout"].strip().isdigit(), "the secret was not there for it"
    assert desk.files() == {"a.txt": "two\n", "b.txt": "new\n"}
    assert not any((machine.workdir.parent / "effects").iterdir())
    assert machine.secret.read_text() == "hunter2"


async def test_a_file_that_changed_meanwhile_voids_what_was_approved(machine: Machine) -> None:
    desk = Desk(machine)
    seen = await desk.look()
    (desk.place / "a.txt").write_text("somebody's\n")
    result = await desk.call(seen)
    assert result.error is not None
    assert (result.error.code, result.error.recoverable) == ("approval_void", False)
    assert desk.files() == {"a.txt": "somebody's\n", "old.txt": "gone\n"}
    again = await desk.look()
    assert again != seen
    assert "-somebody's" in again.text
    assert (await desk.call(again)).error is None
    assert desk.files() == {"a.txt": "two\n", "b.txt": "new\n"}


async def test_nothing_happens_without_an_approval_or_by_another(machine: Machine) -> None:
    desk = Desk(machine)
    seen = await desk.look()
    for approved in (None, seen.model_copy(update={"text": "harmless"})):
        result = await desk.call(approved)
        assert result.error is not None
        assert result.error.code == ("permission_denied" if approved is None else "approval_void")
    assert desk.files() == {"a.txt": "one\n", "old.txt": "gone\n"}


@pytest.mark.parametrize(
    ("script", "params", "words"),
    [
        ("exit 3", {}, "ended with status 3"),
        ("mkfifo pipe", {}, "neither a file, a link nor a directory"),
        ("for i in $(seq 501); do echo > $i; done", {}, "more than 500"),
        ("i=0; while [ $i -lt 1200 ]; do mkdir d && cd d; i=$((i+1)); done", {}, "deeper than 100"),
        ("true", {"env": {}}, "takes neither `env` nor secrets"),
        ("sleep 60", {"timeout": 0.2}, "did not end within 0.2 s"),
    ],
)
async def test_what_cannot_be_shown_cannot_be_approved(
    machine: Machine, script: str, params: dict[str, Any], words: str
) -> None:
    desk = Desk(machine, script, **params)
    seen = await desk.look()
    assert (seen.kind, words in seen.summary) == ("unavailable", True), seen.summary
    result = await desk.call(seen)
    assert result.error is not None
    assert desk.files() == {"a.txt": "one\n", "old.txt": "gone\n"}
    left = (path for path in (machine.workdir.parent / "effects").rglob("*") if path.name == "copy")
    assert list(left) == [], "however deep it was"


async def test_a_name_cannot_pass_for_a_line_that_changes(machine: Machine) -> None:
    seen = await Desk(machine, "printf x > \"$(printf 'c\\n+++ d\\n+harmless')\"").look()
    lines = seen.text.splitlines()
    assert "+harmless" not in lines
    assert '+++ "c\\n+++ d\\n+harmless"' in lines


async def test_a_folder_that_the_operator_adds_opens_no_journal(machine: Machine) -> None:
    script = f"cat {machine.journal} {machine.secret} > seen; true"
    machine = replace(machine, limits=replace(machine.limits, sandbox_reads=(machine.home.parent,)))
    assert {"+hunter2", "+all runs"} & set((await Desk(machine, script).look()).text.splitlines()) == {
        "+hunter2"
    }


async def test_a_folder_with_the_journal_in_it_is_not_copied(machine: Machine) -> None:
    desk = Desk(machine, "true", cwd=str(machine.home.parent))
    seen = await desk.look()
    assert "which is not for tools" in seen.summary


async def test_where_nothing_isolates_nothing_is_looked_at_and_nothing_run(machine: Machine) -> None:
    desk = Desk(machine)
    desk.executor = ToolExecutor(builtin_registry(), machine.limits, {}, nothing_isolates)
    seen = await desk.look()
    assert seen.kind == "unavailable"
    assert "which cannot be had here: bubblewrap is not there" in seen.summary
    assert (await desk.call(seen)).error is not None
    assert desk.files() == {"a.txt": "one\n", "old.txt": "gone\n"}
