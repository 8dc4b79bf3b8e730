from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from engine.errors import PackInvalid
from engine.packs.loader import load_content, read_pack
from engine.packs.source.content import PackContent, content_digest
from engine.packs.source.directory import MAX_FILES
from tests.permissions import permissions_bind

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.packs.conftest import WritePack

FLOW = """
    id: f
    steps:
      - type: tool
        tool: files.read
"""


def messages(directory: Path) -> list[str]:
    problems = read_pack(directory).problems
    assert all(problem.line for problem in problems)
    return [str(problem) for problem in problems]


def test_reads_the_manifest_flows_and_code_and_nothing_else(write_pack: WritePack) -> None:
    directory = write_pack(f=FLOW)
    (directory / "tools.py").write_text("")
    (directory / "README.md").write_text("words")
    for name in (".f.yaml.swp", ".#f.yaml", "#f.yaml#", "f.yaml~", ".hidden.yaml", "notes.txt"):
        (directory / "flows" / name).write_text("{{{")
    (directory / "flows" / "__pycache__").mkdir()
    pack = read_pack(directory)
    assert sorted(pack.content.files) == ["flows/f.yaml", "profession-pack.yaml", "tools.py"]
    assert pack.problems == ()


def test_the_digest_is_the_same_for_every_newline_style_and_changes_with_content(
    write_pack: WritePack,
) -> None:
    directory = write_pack(f=FLOW)
    first = read_pack(directory).content.digest
    flow = directory / "flows" / "f.yaml"
    text = flow.read_text()
    flow.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_pack(directory).content.digest == first
    flow.write_text(text + "# more\n")
    assert read_pack(directory).content.digest != first


def test_paths_and_texts_cannot_be_shifted_into_each_other() -> None:
    assert content_digest({"a": "b", "c": ""}) != content_digest({"a": "", "bc": ""})


def test_content_survives_json_and_loads_to_the_same_flows(write_pack: WritePack) -> None:
    pack = read_pack(write_pack(f=FLOW))
    content = PackContent.from_json(pack.content.to_json(), pack.content.digest)
    assert content == pack.content
    assert load_content(content).flows == pack.flows


def test_a_hidden_layer_among_the_flows_is_no_flow_of_the_stored_content_either(
    write_pack: WritePack,
) -> None:
    directory = write_pack(f=FLOW)
    manifest = directory / "profession-pack.yaml"
    manifest.write_text(f"{manifest.read_text()}memory: {{file: flows/.memory.yaml}}\n")
    (directory / "flows" / ".memory.yaml").write_text("short_term: {ttl: 12h}\n")
    pack = read_pack(directory)
    assert (pack.problems, load_content(pack.content).problems) == ((), ())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 1, "pack_id": "a", "version": "1"}'])
def test_stored_text_that_is_no_content_is_a_typed_error(text: str) -> None:
    with pytest.raises(PackInvalid, match="stored pack content"):
        PackContent.from_json(text, "")


def test_stored_content_of_another_digest_is_a_typed_error(write_pack: WritePack) -> None:
    content = read_pack(write_pack(f=FLOW)).content
    with pytest.raises(PackInvalid, match="is not what was stored"):
        PackContent.from_json(content.to_json().replace("files.read", "files.list"), content.digest)


def test_a_link_that_leads_out_is_not_followed(write_pack: WritePack, tmp_path: Path) -> None:
    directory = write_pack(f=FLOW)
    outside = tmp_path / "outside.yaml"
    outside.write_text("secret: words")
    (directory / "flows" / "g.yaml").symlink_to(outside)
    (directory / "tools.py").symlink_to("/etc/hostname")
    pack = read_pack(directory)
    assert "flows/g.yaml" not in pack.content.files
    assert not pack.has_code
    assert [problem.file for problem in pack.problems] == ["tools.py", "flows/g.yaml"]
    assert all("outside the packs" in problem.message for problem in pack.problems)


def test_a_flows_directory_that_leads_out_is_not_followed(write_pack: WritePack, tmp_path: Path) -> None:
    directory = write_pack()
    (directory / "flows").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (directory / "flows").symlink_to(tmp_path / "elsewhere")
    assert "outside the packs" in messages(directory)[0]


def test_a_link_inside_the_pack_is_read(write_pack: WritePack) -> None:
    directory = write_pack()
    (directory / "shared.yaml").write_text("id: f\nsteps: [{type: tool, tool: files.read}]\n")
    (directory / "flows" / "f.yaml").symlink_to("../shared.yaml")
    assert list(read_pack(directory).flows) == ["f"]


@pytest.mark.parametrize("kind", ["dangling", "loop", "pipe", "directory"])
def test_what_is_no_regular_file_is_a_problem(write_pack: WritePack, kind: str) -> None:
    directory = write_pack()
    odd = directory / "flows" / "odd.yaml"
    match kind:
        case "dangling":
            odd.symlink_to("nothing.yaml")
        case "loop":
            odd.symlink_to("odd.yaml")
        case "pipe":
            os.mkfifo(odd)
        case _:
            odd.mkdir()
    assert messages(directory)[0].startswith("flows/odd.yaml:1:1:")


def test_an_unreadable_file_is_a_problem(write_pack: WritePack) -> None:
    directory = write_pack(f=FLOW)
    (directory / "flows" / "f.yaml").chmod(0)
    with permissions_bind():
        assert "cannot be read: Permission denied" in messages(directory)[0]


def test_a_ten_megabyte_file_is_refused_without_being_kept(write_pack: WritePack) -> None:
    directory = write_pack()
    (directory / "flows" / "f.yaml").write_text("#" * 10_000_000)
    pack = read_pack(directory)
    assert "too large: 10,000,000 bytes" in pack.problems[0].message
    assert "flows/f.yaml" not in pack.content.files


def test_number_and_total_size_of_files_are_bounded(write_pack: WritePack) -> None:
    directory = write_pack()
    for number in range(MAX_FILES + 1):
        (directory / "flows" / f"f{number:04}.json").write_text("{}")
    pack = read_pack(directory)
    assert len(pack.content.files) == MAX_FILES
    assert "too many files" in pack.problems[0].message
    for number in range(12):
        (directory / "flows" / f"f{number:04}.json").write_text(" " * 1_000_000)
    assert any("larger than" in problem.message for problem in read_pack(directory).problems)


@pytest.mark.parametrize("place", ["missing", "a-file"])
def test_a_directory_that_is_none_is_a_problem(tmp_path: Path, place: str) -> None:
    (tmp_path / "a-file").write_text("")
    pack = read_pack(tmp_path / place)
    assert pack.content.files == {}
    assert "cannot be read" in pack.problems[0].message


def test_a_missing_manifest_is_a_problem(tmp_path: Path) -> None:
    pack = read_pack(tmp_path)
    assert pack.pack_id == tmp_path.name
    assert pack.manifest is None
    assert "profession-pack.yaml:1:1: the file is missing" in str(pack.problems[0])


def test_pinned_content_that_would_be_refused_today_still_gives_its_flows(write_pack: WritePack) -> None:
    pack = read_pack(write_pack(f=FLOW))
    files = {**pack.content.files, "profession-pack.yaml": "pack_id: demo\nsoul: {file: gone.yaml}\n"}
    loaded = load_content(PackContent("demo", "1.0.0", content_digest(files), files))
    assert loaded.problems
    assert loaded.flows == pack.flows
