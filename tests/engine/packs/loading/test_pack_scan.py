from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from engine.packs.catalog.pack_cache import PackCache
from engine.packs.catalog.scan import MAX_ENTRIES, MAX_PACKS, PackRoot, scan_roots, tree_stamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.engine.packs.conftest import WritePack

CALM = "identity: {name: A, language: en}\n"
TOOL = "id: f\nsteps: [{type: tool, tool: files.read}]\n"


def append(file: Path) -> None:
    file.write_text(file.read_text() + "#\n")


def name_layer(directory: Path, line: str) -> None:
    manifest = directory / "profession-pack.yaml"
    manifest.write_text(f"{manifest.read_text()}{line}\n")


def rewrite_with_the_same_size_and_time(file: Path) -> None:
    stat = file.stat()
    beside = file.with_name(".beside")
    beside.write_text(file.read_text().replace("f", "g"))
    os.utime(beside, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    beside.replace(file)


def replace_by_a_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere.yaml")


CHANGES: dict[str, Callable[[Path], object]] = {
    "written": append,
    "replaced by one of the same size and time": rewrite_with_the_same_size_and_time,
    "deleted": lambda file: file.unlink(),
    "renamed": lambda file: file.rename(file.with_name("other.yaml")),
    "made unreadable": lambda file: file.chmod(0),
    "replaced by a link": replace_by_a_link,
    "a new file": lambda file: file.with_name("new.yaml").write_text(""),
    "a new directory": lambda file: (file.parents[1] / "SKILLS").mkdir(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_changes_the_stamp(write_pack: WritePack, change: str) -> None:
    directory = write_pack(f=TOOL)
    before = tree_stamp(directory)
    assert tree_stamp(directory) == before
    CHANGES[change](directory / "flows" / "f.yaml")
    assert tree_stamp(directory) != before


def test_what_editors_and_python_leave_behind_changes_nothing(write_pack: WritePack) -> None:
    directory = write_pack(f=TOOL)
    before = tree_stamp(directory)
    for name in (".f.yaml.swp", "#f.yaml#", ".git/index", "__pycache__/tools.pyc"):
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text("x")
    assert tree_stamp(directory) == before


def test_a_tree_without_an_end_is_looked_at_in_bounded_time(write_pack: WritePack) -> None:
    directory = write_pack(f=TOOL)
    for name in ("a", "b", "c"):
        (directory / name).symlink_to(directory, target_is_directory=True)
    assert tree_stamp(directory) == tree_stamp(directory)


def test_a_pack_beside_more_files_than_are_compared_is_read_at_every_look(
    write_pack: WritePack, tmp_path: Path
) -> None:
    directory = write_pack("demo", f=TOOL)
    (directory / "data").mkdir()
    for number in range(MAX_ENTRIES):
        (directory / "data" / str(number)).touch()
    cache = PackCache(None, tmp_path / "packs", {"files.read"})
    cache.scan()
    append(directory / "flows" / "f.yaml")
    (reading,) = cache.scan().readings
    assert reading.files.content.files["flows/f.yaml"].endswith("#\n")
    assert reading.files.problems == ()


def test_more_packs_than_are_loaded_are_told(tmp_path: Path) -> None:
    for number in range(MAX_PACKS + 1):
        (tmp_path / "packs" / f"p{number}").mkdir(parents=True)
    fault, *packs = scan_roots([PackRoot(tmp_path / "packs", "home")])
    assert len(packs) == MAX_PACKS
    assert (fault.directory, fault.fault.partition(":")[0]) == (tmp_path / "packs", "too many packs")


def test_a_pack_is_read_again_only_when_its_files_changed(write_pack: WritePack, tmp_path: Path) -> None:
    first, second = write_pack("first", f=TOOL), write_pack("second", f=TOOL)
    cache = PackCache(None, tmp_path / "packs", {"files.read"})
    assert len(cache.scan().fresh) == 2
    assert cache.scan().fresh == frozenset()
    append(second / "flows" / "f.yaml")
    assert cache.scan().fresh == {str(second)}
    first.rename(tmp_path / "gone")
    scan = cache.scan()
    assert (scan.fresh, [reading.files.pack_id for reading in scan.readings]) == (frozenset(), ["second"])


def test_a_broken_pack_is_read_again_when_anything_changed_that_it_may_lack(
    write_pack: WritePack, tmp_path: Path
) -> None:
    broken = write_pack("broken", f=TOOL)
    manifest = broken / "profession-pack.yaml"
    manifest.write_text(manifest.read_text() + "soul: {file: ../other/SOUL.yaml}\n")
    cache = PackCache(None, tmp_path / "packs", {"files.read"})
    (reading,) = cache.scan().readings
    assert reading.files.problems
    soul = write_pack("other", f=TOOL) / "SOUL.yaml"
    soul.write_text(
        'schema_version: "1.0"\nidentity: {name: A, language: en}\n'
        "personality: {communication_style: formal}\n"
    )
    scan = cache.scan()
    assert {reading.files.pack_id: reading.files.problems for reading in scan.readings} == {
        "broken": (),
        "other": (),
    }
    append(soul)
    assert cache.scan().fresh == {str(broken), str(soul.parent)}


@pytest.mark.parametrize(
    "name",
    ["../soul.yaml", "../_souls/calm.yaml", "../.souls/calm.yaml", "./.soul.yaml", "../other/soul.yaml"],
)
def test_a_layer_is_followed_wherever_it_stands(write_pack: WritePack, tmp_path: Path, name: str) -> None:
    directory = write_pack(f=TOOL)
    name_layer(directory, f"soul: {{extends: {name}}}")
    layer = directory / name
    layer.parent.mkdir(exist_ok=True)
    cache = PackCache(None, tmp_path / "packs", {"files.read"})

    def problems() -> list[bool]:
        scan = cache.scan()
        return [bool(one.files.problems) for one in scan.readings if one.place.key in scan.fresh]

    assert True in problems()
    layer.write_text(CALM)
    assert False in problems()
    assert problems() == []
    append(layer)
    assert False in problems()
    layer.unlink()
    assert True in problems()


def test_a_pack_behind_a_link_is_followed_to_the_layers_beside_what_it_leads_to(
    write_pack: WritePack, tmp_path: Path
) -> None:
    directory = write_pack(root="packs/.releases", f=TOOL)
    name_layer(directory, "soul: {file: ../_shared/soul.yaml}")
    shared = directory.parent / "_shared" / "soul.yaml"
    shared.parent.mkdir()
    shared.write_text(CALM)
    (tmp_path / "packs" / "demo").symlink_to(directory)
    cache = PackCache(None, tmp_path / "packs", {"files.read"})
    (reading,) = cache.scan().readings
    assert reading.files.problems == ()
    append(shared)
    assert cache.scan().fresh == {reading.place.key}
