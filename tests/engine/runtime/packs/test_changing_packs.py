"""Packs whose files change: what is in force, in every process and after a restart."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.packs.pack import PackState
from engine.contracts.packs.versions import PackOutcome
from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, NotFound, PackInvalid, Unavailable
from engine.facade.feed import PackChanged, PackListChanged
from engine.journal.memory.journal import MemoryJournal
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    finished,
    pending_approval,
    rest,
    start,
    tool,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from engine.contracts.packs.pack import PackView
    from engine.facade.engine import Engine


def write(home: Home, word: str = "one", *, flow: str = "greet", pack: str = "demo") -> Path:
    home.flow(flow, tool("say", params={"word": word}), pack=pack, shipped=False)
    return home.root / "home" / pack


def flow_file(home: Home, flow: str = "greet", pack: str = "demo") -> Path:
    return home.root / "home" / pack / "flows" / f"{flow}.yaml"


async def view(engine: Engine, pack: str = "demo") -> PackView:
    return (await engine.packs.get(pack)).view


async def test_a_broken_save_never_replaces_the_good_version(home: Home) -> None:
    write(home)
    async with home.working() as engine:
        good = await view(engine)
        flow_file(home).write_text("id: greet\nsteps: [\n")
        (notice,) = await engine.packs.reload()
        assert (notice.outcome, notice.problems) == (PackOutcome.FAILED, 1)
        detail = await engine.packs.get("demo")
        assert detail.view.state is PackState.STALE
        assert detail.view.digest == good.digest
        assert detail.view.valid
        (source,) = detail.sources
        assert (source.file, source.text) == ("flows/greet.yaml", "id: greet\nsteps: [\n")
        assert source.problems[0].line == 3
        assert detail.rejected is not None
        assert [file.name for file in detail.rejected.files] == ["flows/greet.yaml"]
        assert (await finished(engine, "greet")).output == {"word": "one"}
        write(home, "two")
        (notice,) = await engine.packs.reload()
        assert notice.outcome is PackOutcome.CHANGED
        assert (await view(engine)).state is PackState.OK
        assert (await finished(engine, "greet")).output == {"word": "two"}


async def test_the_good_version_survives_a_restart_and_other_processes_have_it_too(home: Home) -> None:
    write(home)
    async with home.open() as one, home.open() as another:
        good = await view(one)
        write(home, "two")
        await one.packs.reload()
        newer = await view(one)
        assert newer.digest != good.digest
        flow_file(home).write_text("- no flow\n")
        await another.packs.list()  # has never seen the second version
        await another.packs.reload()
        assert (await view(another)).digest == newer.digest
    async with home.working() as engine:
        assert (await view(engine)).state is PackState.STALE
        assert (await finished(engine, "greet")).output == {"word": "two"}


async def test_a_pack_that_was_never_good_is_broken(home: Home) -> None:
    (write(home) / "profession-pack.yaml").write_text("pack_id: demo\n")
    async with home.open() as engine:
        assert (await view(engine)).state is PackState.BROKEN
        with pytest.raises(PackInvalid):
            await start(engine, "greet")


async def test_a_broken_pack_with_another_id_does_not_take_the_good_one_for_its_own(home: Home) -> None:
    directory = write(home)
    async with home.open() as engine:
        await engine.packs.list()
        (directory / "profession-pack.yaml").write_text("pack_id: other\n")
        await engine.packs.reload()
        assert (await view(engine, "other")).state is PackState.BROKEN
        with pytest.raises(NotFound):
            await engine.packs.get("demo")


async def test_a_good_one_is_no_other_pack_that_names_itself_as_their_directory(home: Home) -> None:
    directory = write(home).rename(home.root / "home" / "other")
    async with home.open() as engine:
        await engine.packs.list()
        (directory / "profession-pack.yaml").write_text("pack_id: other\n")
        await engine.packs.reload()
        assert (await view(engine, "other")).state is PackState.BROKEN
        with pytest.raises(NotFound):
            await engine.packs.get("demo")


async def test_a_directory_whose_name_is_no_text_holds_a_pack_like_others(home: Home) -> None:
    directory = write(home).rename(home.root / "home" / os.fsdecode(b"d\xff"))
    async with home.open() as engine:
        assert (await view(engine)).state is PackState.OK
        (directory / "flows" / "greet.yaml").write_text("- no flow\n")
        await engine.packs.reload()
        assert (await view(engine)).state is PackState.STALE
        (home.root / "home" / os.fsdecode(b"e\xff")).mkdir()
        await engine.packs.reload()
        assert (await view(engine, "e\\xff")).state is PackState.BROKEN


class FakeFullJournal(MemoryJournal):
    """Has no room while it is full."""

    full = False

    async def write(self, *given: Any) -> Any:
        if self.full:
            raise Unavailable(ErrorCode.DISK_FULL, "the disk is full")
        return await super().write(*given)


async def test_what_was_good_while_the_disk_was_full_is_what_a_broken_save_leaves(home: Home) -> None:
    write(home)
    journal = FakeFullJournal()
    async with home.open(journal=journal) as engine:
        await engine.packs.list()
        journal.full = True
        write(home, "two")
        await engine.packs.reload()
        newer = await view(engine)
        journal.full = False
        flow_file(home).write_text("- no flow\n")
        await engine.packs.reload()
        assert (await view(engine)).state is PackState.STALE
        assert (await view(engine)).digest == newer.digest


async def test_what_changed_is_told_by_layer_and_file_also_after_a_restart(home: Home) -> None:
    write(home)
    async with home.open() as engine:
        assert (await engine.packs.get("demo")).last_change is None
        write(home, "two")
        await engine.packs.reload()
    async with home.open() as engine:
        change = (await engine.packs.get("demo")).last_change
    assert change is not None
    assert [part.name for part in change.layers] == ["flows/greet"]
    (file,) = change.files
    assert file.name == "flows/greet.yaml"
    assert [(line.kind, line.text.strip()) for line in file.lines if line.kind != "same"] == [
        ("removed", "word: one"),
        ("added", "word: two"),
    ]


async def test_runs_keep_what_they_pinned_when_their_flow_and_pack_vanish(home: Home) -> None:
    home.flow("ask", approval(), tool("say", params={"word": "one"}), shipped=False)
    write(home)
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        await pending_approval(engine, run_id)
        flow_file(home, "ask").unlink()
        await engine.packs.reload()
        with pytest.raises(NotFound):
            await start(engine, "ask")
        pinned = (await view(engine)).runs
        assert [(runs.label, runs.runs) for runs in pinned] == [("1.0.0", 1)]
    shutil.rmtree(home.root / "home" / "demo")
    async with home.working() as engine:
        request = await pending_approval(engine, run_id)
        await engine.requests.approve(request.approval_id, actor=ANN)
        assert (await rest(engine, run_id, expect=RunStatus.COMPLETED)).output == {"word": "one"}


async def test_packs_come_go_and_change_their_names(home: Home) -> None:
    directory = write(home)
    async with home.open() as engine:
        await engine.packs.list()
        write(home, pack="more")
        assert [(n.pack, n.outcome) for n in await engine.packs.reload()] == [("more", PackOutcome.ADDED)]
        directory.rename(directory.with_name("renamed"))
        told = {n.outcome for n in await engine.packs.reload()}
        assert told == {PackOutcome.ADDED, PackOutcome.REMOVED}
        assert (await view(engine)).directory.endswith("/renamed")
        shutil.rmtree(home.root / "home" / "renamed")
        assert [n.outcome for n in await engine.packs.reload()] == [PackOutcome.REMOVED]
        assert [pack.pack for pack in await engine.packs.list()] == ["more"]
        assert await engine.packs.reload() == ()


async def test_only_what_changed_is_read_again(home: Home) -> None:
    for number in range(5):
        write(home, pack=f"pack-{number}")
    async with home.open() as engine:
        before = {pack.pack: pack.loaded_at for pack in await engine.packs.list()}
        write(home, "two", pack="pack-3")
        await engine.packs.reload()
        after = {pack.pack: pack.loaded_at for pack in await engine.packs.list()}
    assert [pack for pack in before if before[pack] != after[pack]] == ["pack-3"]


async def test_a_shared_layer_is_followed_by_the_packs_that_use_it(home: Home) -> None:
    shared = home.root / "home" / "_shared"
    shared.mkdir(parents=True)
    soul = (
        'schema_version: "1.0"\nidentity: {{name: {}, language: en}}\n'
        "personality: {{communication_style: formal}}\n"
    )
    (shared / "calm.yaml").write_text(soul.format("Calm"))
    manifest = write(home, pack="uses") / "profession-pack.yaml"
    write(home, pack="alone")
    manifest.write_text(manifest.read_text() + "soul: {file: ../_shared/calm.yaml}\n")
    async with home.open() as engine:
        assert (await view(engine, "uses")).problems == ()
        (shared / "calm.yaml").write_text(soul.format("Calmer"))
        assert [notice.pack for notice in await engine.packs.reload()] == ["uses"]
        (shared / "calm.yaml").unlink()
        assert [notice.outcome for notice in await engine.packs.reload()] == [PackOutcome.FAILED]
        assert (await view(engine, "uses")).state is PackState.STALE
        (shared / "calm.yaml").write_text(soul.format("Calm again"))
        assert [notice.outcome for notice in await engine.packs.reload()] == [PackOutcome.CHANGED]


async def test_files_of_a_pack_are_found_and_no_others(home: Home) -> None:
    directory = write(home)
    (home.root / "secret").write_text("x")
    async with home.open() as engine:
        assert await engine.packs.path("demo") == directory
        assert await engine.packs.path("demo", "flows/greet.yaml") == flow_file(home)
        for outside in ("../../secret", "flows/none.yaml", "../../data", "\0"):
            with pytest.raises(NotFound):
                await engine.packs.path("demo", outside)


async def test_a_change_is_told_on_the_feed(home: Home) -> None:
    write(home)
    async with home.open() as engine, engine.feed.subscribe() as batches:
        await engine.packs.list()
        flow_file(home).write_text("")

        async def told() -> bool:
            return bool(await engine.packs.reload())

        await until(told)
        batch = await anext(batches)
    assert batch.of(PackListChanged) == (PackListChanged(),)
    assert [notice.pack.outcome for notice in batch.of(PackChanged)] == [PackOutcome.FAILED]


def _nested(depth: int) -> bytes:
    return b"id: greet\nsteps: " + b"[" * depth + b"]" * depth


def _laughs() -> bytes:
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 30)]
    return "\n".join(["l0: &l0 [lol]", *levels]).encode()


BAD_FLOWS: dict[str, bytes] = {
    "billion laughs": _laughs(),
    "50 MB": b"# " + b"x" * 50_000_000,
    "10,000 levels": _nested(10_000),
    "a python object": b"!!python/object/apply:os.system ['true']\n",
    "NUL bytes": b"id: greet\0\nsteps: []\n",
    "Latin-1": "id: greet\ndescription: Gr\u00fc\u00dfe\n".encode("latin-1"),
    "tabs": b"id: greet\nsteps:\n\t- x\n",
    "duplicate keys": b"id: greet\nid: greet\nsteps: []\n",
    "empty": b"",
    "bidi in a name": "id: greet\ndescription: \u202egreet\nsteps: []\n".encode(),
    "control characters": b'id: greet\ndescription: "\x1b[2J"\nsteps: []\n',
}


@pytest.mark.parametrize("name", BAD_FLOWS)
async def test_whatever_is_saved_the_good_version_stays(home: Home, name: str) -> None:
    write(home)
    async with home.open() as engine:
        good = await view(engine)
        flow_file(home).write_bytes(BAD_FLOWS[name])
        (notice,) = await engine.packs.reload()
        assert notice.outcome is PackOutcome.FAILED
        now = await view(engine)
    assert (now.state, now.digest) == (PackState.STALE, good.digest)
    assert all(problem.file == "flows/greet.yaml" for problem in now.problems)


def _a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _a_link_to_nothing(file: Path) -> None:
    file.unlink()
    file.symlink_to("none.yaml")


def _a_link_to_itself(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def _a_link_out(file: Path) -> None:
    file.unlink()
    file.symlink_to("/etc/hostname")


def _an_unknown_schema(file: Path) -> None:
    manifest = file.parents[1] / "profession-pack.yaml"
    manifest.write_text(manifest.read_text().replace("'1.0'", "'9.0'"))


def _a_layer_outside(file: Path) -> None:
    manifest = file.parents[1] / "profession-pack.yaml"
    manifest.write_text(manifest.read_text() + "soul: {file: ../../data/x.yaml}\n")


def _layers_in_a_circle(file: Path) -> None:
    manifest = file.parents[1] / "profession-pack.yaml"
    manifest.write_text(manifest.read_text() + "soul: {file: ./SOUL.yaml}\n")
    (file.parents[1] / "SOUL.yaml").write_text("extends: ./SOUL.yaml\n")


@pytest.mark.parametrize(
    "spoil",
    [
        _a_directory,
        _a_link_to_nothing,
        _a_link_to_itself,
        _a_link_out,
        _an_unknown_schema,
        _a_layer_outside,
        _layers_in_a_circle,
    ],
)
async def test_whatever_the_files_become_the_good_version_stays(
    home: Home, spoil: Callable[[Path], None]
) -> None:
    write(home)
    async with home.open() as engine:
        good = await view(engine)
        spoil(flow_file(home))
        assert [notice.outcome for notice in await engine.packs.reload()] == [PackOutcome.FAILED]
        now = await view(engine)
    assert (now.state, now.digest) == (PackState.STALE, good.digest)
