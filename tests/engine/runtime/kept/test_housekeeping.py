"""Old runs gone, and one run taken away whole."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import threading
import zipfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.contracts.actor import Operator, Role
from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, InvalidInput, NotFound, Refused
from engine.journal.memory.journal import MemoryJournal
from engine.journal.rules.levels.alerts import AlertLook, NewAlert
from engine.runtime.archive.run_archive import RunArchive
from engine.runtime.archive.verifying import check_archive
from tests.engine.deep_folders import fill_deep
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    approval,
    finished,
    pending_approval,
    rest,
    start,
    tool,
)
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from engine.journal.port import Journal
    from engine.runtime.archive.writing import ArchiveWriter
    from engine.runtime.views.run_reader import RunReader
    from tests.engine.runtime.embedded_home import Home

MAIL = "ann.example@example.org"


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


async def test_pruned_runs_are_gone_with_their_folders_and_values(home: Home, each_journal: Journal) -> None:
    home.flow("main", tool("say", params={"text": "{{ payload.text }}"}))
    home.flow("ask", approval())
    async with home.working(journal=each_journal) as engine:
        old = await finished(engine, "main", {"text": "x" * 50_000})
        waits = await start(engine, "ask")
        await pending_approval(engine, waits)
        folder = home.root / "runs" / "demo" / old.run_id
        assert folder.is_dir()
        would = await engine.housekeeping.prune(later(), actor=ANN, dry_run=True)
        assert (would.runs, would.dry_run, would.folders) == ((old.run_id,), True, 1)
        assert would.folder_bytes > 50_000
        assert (await engine.runs.summary(old.run_id)).run_id == old.run_id
        gone = await engine.housekeeping.prune(later(), actor=ANN)
        assert (gone.runs, gone.folders, gone.values > 0) == ((old.run_id,), 1, True)
        assert gone.value_bytes > 50_000
        assert not folder.exists()
        with pytest.raises(NotFound):
            await engine.runs.summary(old.run_id)
        assert (await engine.runs.summary(waits)).status is RunStatus.PENDING_HUMAN
        nothing = await engine.housekeeping.prune(later(), actor=ANN)
        assert (nothing.runs, nothing.values) == ((), 0)


async def test_the_folder_of_a_run_that_is_gone_is_removed_the_next_time(home: Home) -> None:
    stray = home.root / "runs" / "demo" / "run_00000000000000000000000000"
    stray.mkdir(parents=True)
    (stray / "left.txt").write_text("left")
    other = home.root / "runs" / "demo" / "notes"
    other.mkdir()
    async with home.open() as engine:
        of_another = await engine.housekeeping.prune(later(), actor=ANN, pack="other")
        assert of_another.folders == 0
        assert (await engine.housekeeping.prune(later(), actor=ANN)).folder_bytes == 4
    assert not stray.exists()
    assert other.is_dir()


async def test_a_tree_with_a_run_of_no_known_status_stays_and_keeps_nothing_else(home: Home) -> None:
    home.flow("child", tool("say", params={"n": 1}))
    home.flow("main", {"id": "below", "type": "subflow", "subflow": "child"})
    async with home.working() as engine:
        damaged, good, _newest = [await finished(engine, "main") for _ in range(3)]
    with closing(sqlite3.connect(home.config().journal_path)) as journal, journal:
        journal.execute("UPDATE runs SET status = 'GONE' WHERE parent_run_id = ?", (damaged.run_id,))
    async with home.open() as engine:
        pruned = await engine.housekeeping.prune(later(), actor=ANN)
    assert good.run_id in pruned.runs
    assert damaged.run_id not in pruned.runs


async def test_what_two_remove_at_once_is_removed_and_neither_fails(home: Home) -> None:
    for number in range(40):
        stray = home.root / "runs" / "demo" / f"run_{number:026}"
        stray.mkdir(parents=True)
        for name in "abcdef":
            (stray / name).mkdir()
            (stray / name / "left.txt").write_text("left")
    async with home.open() as one, home.open() as other:
        await asyncio.gather(*(each.housekeeping.prune(later(), actor=ANN) for each in (one, other)))
    assert not os.listdir(home.root / "runs" / "demo")  # noqa: PTH208


async def test_a_folder_deeper_than_anybody_walks_is_removed_too(home: Home) -> None:
    stray = home.root / "runs" / "demo" / "run_00000000000000000000000000"
    stray.mkdir(parents=True)
    fill_deep(stray, 1_500)
    async with home.open() as engine:
        for dry_run in (True, False):
            pruned = await engine.housekeeping.prune(later(), actor=ANN, dry_run=dry_run)
            assert (pruned.folders, pruned.folder_bytes) == (1, 4)
    assert not stray.exists()


async def test_only_an_admin_prunes_and_only_what_has_ended(home: Home) -> None:
    operators = {"ann": Operator(tenants=("default",), roles=frozenset({Role.OPERATOR}))}
    ann = replace(ANN, account="ann")
    async with home.open(operators=operators) as engine:
        with pytest.raises(Refused) as refused:
            await engine.for_(ann).housekeeping.prune(later(), actor=ann)
        assert refused.value.code is ErrorCode.ROLE_MISSING
        with pytest.raises(InvalidInput, match="PENDING_HUMAN"):
            await engine.housekeeping.prune(later(), actor=BOB, statuses=[RunStatus.PENDING_HUMAN])


async def test_an_archive_has_the_run_and_its_children_whole_and_masked(home: Home, tmp_path: Path) -> None:
    home.flow("child", tool("say", params={"text": "{{ payload.text }}"}))
    home.flow(
        "main",
        {"id": "below", "type": "subflow", "subflow": "child", "params": {"text": "{{ payload.text }}"}},
    )
    target = tmp_path / "run.zip"
    async with home.working() as engine:
        run = await finished(engine, "main", {"text": f"{MAIL} {'long ' * 9000}end"})
        report = await engine.housekeeping.export(run.run_id, target, actor=ANN)
    child = report.runs[1]
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        texts = {name: archive.read(name).decode() for name in names}
    assert {f"{run.run_id}/run.json", f"{run.run_id}/events.jsonl", f"{child}/steps.jsonl"} <= set(names)
    assert len([name for name in names if name.startswith("packs/")]) == 1
    assert not [name for name, text in texts.items() if MAIL in text]
    (step,) = [json.loads(line) for line in texts[f"{child}/steps.jsonl"].splitlines()]
    assert step["input"]["text"].endswith("long end")
    kinds = [json.loads(line)["kind"] for line in texts[f"{run.run_id}/events.jsonl"].splitlines()]
    assert kinds[0] == "run_queued"
    manifest = await asyncio.to_thread(check_archive, target)
    assert (manifest["digest"], manifest["run_id"]) == (report.digest, run.run_id)
    assert target.stat().st_mode & 0o777 == 0o600


async def test_files_of_a_run_are_in_its_archive_unless_they_cannot_be_masked(
    home: Home, tmp_path: Path
) -> None:
    home.flow("main", tool("say", params={"n": 1}))
    target = tmp_path / "run.zip"
    async with home.working() as engine:
        run = await finished(engine, "main")
        output = home.root / "runs" / "demo" / run.run_id / "output"
        (output / "report.md").write_text(f"# To {MAIL}")
        (output / "picture.png").write_bytes(b"\x89PNG\0\1")
        report = await engine.housekeeping.export(run.run_id, target, actor=ANN)
    assert [(file.name, file.size) for file in report.left_out] == [("picture.png", 6)]
    with zipfile.ZipFile(target) as archive:
        text = archive.read(f"{run.run_id}/files/report.md").decode()
    assert text.startswith("# To ")
    assert MAIL not in text


async def test_an_archive_takes_nobodys_place_and_a_failed_one_leaves_nothing(
    home: Home, tmp_path: Path
) -> None:
    there = tmp_path / "there.zip"
    there.write_text("mine")
    home.flow("main", tool("say", params={"n": 1}))
    async with home.working() as engine:
        run = await finished(engine, "main")
        with pytest.raises(InvalidInput, match="there already"):
            await engine.housekeeping.export(run.run_id, there, actor=ANN)
        with pytest.raises(NotFound):
            await engine.housekeeping.export("run_none", tmp_path / "none.zip", actor=ANN)
        with pytest.raises(InvalidInput, match="no directory"):
            await engine.housekeeping.export(run.run_id, tmp_path / "no" / "x.zip", actor=ANN)
        with pytest.raises(InvalidInput, match="cannot be a file: File name too long"):
            await engine.housekeeping.export(run.run_id, tmp_path / ("x" * 300), actor=ANN)
    assert there.read_text() == "mine"
    assert [name for name in await asyncio.to_thread(os.listdir, tmp_path) if "zip" in name] == ["there.zip"]


@pytest.fixture
async def archive(home: Home, tmp_path: Path) -> Path:
    home.flow("main", tool("say", params={"n": 1}))
    target = tmp_path / "run.zip"
    async with home.working() as engine:
        run = await rest(engine, await start(engine, "main"))
        await engine.housekeeping.export(run.run_id, target, actor=ANN)
    return target


def rewritten(archive: Path, change: dict[str, bytes | None]) -> Path:
    """The archive with other contents of some files; None leaves one out."""
    target = archive.with_name("changed.zip")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(target, "w") as new:
        for name in {*old.namelist(), *change}:
            content = change[name] if name in change else old.read(name)
            if content is not None:
                new.writestr(name, content)
    return target


def test_every_change_of_an_archive_is_told(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if name.endswith((".json", ".jsonl"))]
    events = next(name for name in names if name.endswith("events.jsonl"))
    changes: list[tuple[dict[str, bytes | None], str]] = [
        ({events: b"{}"}, f"{events} was changed"),
        ({events: None}, f"{events} is missing"),
        ({"more.txt": b"x"}, "more.txt was added"),
    ]
    for change, words in changes:
        with pytest.raises(InvalidInput) as refused:
            check_archive(rewritten(archive, change))
        assert refused.value.details["differences"] == [words]
    check_archive(archive)


FACTS = {"run_id": "r", "exported_at": "t", "exported_by": "ann"}
LISTED = {"name": "a", "size": 5_000, "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ({"files": []}, "no archive of a run"),
        ({"files": [], **FACTS, "exported_by": 7}, "no archive of a run"),
        ({"files": [LISTED], **FACTS}, "a was changed"),
        ({"files": [], **FACTS}, "a was added; a is there twice"),
    ],
)
@pytest.mark.parametrize("packed", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_from_somebody_else_is_refused_in_words(
    tmp_path: Path, manifest: dict[str, object], words: str, packed: int
) -> None:
    file = tmp_path / "x.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for _ in range(2):
            archive.writestr("a", b"hello" * 1_000, compress_type=packed)
    raw = bytearray(file.read_bytes())
    at = raw.rindex(b"PK\x03\x04") + 31  # behind the last header: what is packed
    raw[at + 4 : at + 40] = b"\xff" * 36
    file.write_bytes(raw)
    with pytest.raises(InvalidInput, match=words):
        check_archive(file)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_second_manifest_is_told_whichever_of_them_another_program_reads(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as changed:
        mine = changed.read("manifest.json")
        changed.writestr("manifest.json", b'{"files": []}')
        changed.writestr("manifest.json", mine)
    with pytest.raises(InvalidInput) as refused:
        check_archive(archive)
    assert refused.value.details["differences"] == ["manifest.json is there twice"]


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.zip"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match="no archive of a run"):
        check_archive(file)
    with pytest.raises(NotFound):
        check_archive(tmp_path / "none.zip")


async def test_alerts_that_ended_go_unless_only_some_runs_are_meant(home: Home) -> None:
    journal = MemoryJournal()
    await journal.note_alerts(AlertLook("default", "demo", frozenset(), (NewAlert("page", "x", "y"),), (), 1))
    await journal.note_alerts(AlertLook("default", "demo", frozenset({1}), (), {1}, 2))
    async with home.open(journal=journal) as engine:
        prune = engine.for_(ANN, tenant="default").housekeeping.prune
        assert (await prune(later(), actor=ANN, statuses={RunStatus.COMPLETED})).alerts == 0
        assert (await prune(later(), actor=ANN, pack="demo")).alerts == 0
        assert (await prune(later(), actor=ANN, dry_run=True)).alerts == 1
        assert (await prune(later(), actor=ANN)).alerts == 1
        assert (await prune(later(), actor=ANN)).alerts == 0


async def test_a_name_that_no_file_can_have_is_not_there_and_no_defect(home: Home, tmp_path: Path) -> None:
    home.flow("main", tool("say", params={"n": 1}))
    nowhere = tmp_path / ("x" * 300)
    async with home.open() as engine:
        with pytest.raises(NotFound, match="no directory"):
            await engine.packs.validate(nowhere)
        with pytest.raises(NotFound, match="no directory"):
            await engine.packs.diff("demo", nowhere)
    with pytest.raises(NotFound, match="no file"):
        await asyncio.to_thread(check_archive, nowhere)


class FakeArchive:
    """Takes its time for a file."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.added: list[str] = []

    def add(self, name: str, _content: bytes) -> None:
        self.begun.set()
        self.may_end.wait(PATIENCE)
        self.added.append(name)


class FakeReader:
    """Has one run, without anything in it."""

    async def detail(self, run_id: str, *, steps: bool) -> FakeReader:
        return self

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return {}


async def test_an_export_that_is_given_up_is_over_when_nothing_is_written_any_more() -> None:
    """An archive with an open file cannot be closed: its error stood in the place of the cancellation."""
    nothing: Any = None
    reader, written = cast("RunReader", FakeReader()), FakeArchive()
    archive = RunArchive(nothing, reader, nothing, nothing, cast("ArchiveWriter", written))
    adding = asyncio.create_task(archive.add("run_1"))
    await asyncio.to_thread(written.begun.wait, PATIENCE)
    adding.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not adding.done()
    written.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await adding
    assert written.added == ["run_1/run.json"]
