from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import ErrorCode, InvalidInput, Unavailable
from engine.runtime.files.file_names import safe_name
from engine.runtime.files.folder_access import open_directory, storage_errors
from engine.runtime.files.run_folder import MOST_COPIES
from engine.runtime.files.run_folders import RunFolders
from engine.safe_files.writing import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

PACK, RUN = "hello", "01HWX3V5Y7ZK9M2N4P6Q8R0S1T"


@pytest.fixture
def folders(tmp_path: Path) -> RunFolders:
    return RunFolders(tmp_path / "runs")


def loaded(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_input_is_written_once_with_its_lists(folders: RunFolders) -> None:
    payload = {"name": "ü", "messages": [{"role": "user"}], "comments": "no list"}
    with folders.opened(PACK, RUN) as run:
        assert run.write_input(payload)
    with folders.opened(PACK, RUN) as run:
        assert not run.write_input({"name": "other"})
    folder = folders.path(PACK, RUN) / "input"
    assert loaded(folder / "input.json") == payload
    assert loaded(folder / "messages.json") == [{"role": "user"}]
    assert not (folder / "comments.json").exists()


def test_directories_and_files_are_private(folders: RunFolders) -> None:
    with folders.opened(PACK, RUN) as run:
        run.write_input({})
    folder = folders.path(PACK, RUN) / "input"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "input.json").stat().st_mode) == 0o600


def test_attachments_are_copied_and_listed(folders: RunFolders, tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "my file.csv", tmp_path / "b" / "my file.csv"
    reserved = tmp_path / "input.json"
    for source, text in ((first, "1"), (second, "22"), (reserved, "{}")):
        source.parent.mkdir(exist_ok=True)
        source.write_text(text)
    payload = {"files": [{"name": "my file.csv"}, {"name": "elsewhere.pdf"}, "x", {"name": " "}]}
    with folders.opened(PACK, RUN) as run:
        assert run.write_input(payload, [first, second, reserved])
    folder = folders.path(PACK, RUN) / "input"
    listed = loaded(folder / "attachments.json")
    assert [item["stored_name"] for item in listed] == ["my_file.csv", "1_my_file.csv", "1_input.json", None]
    assert listed[0] == {
        "name": "my file.csv",
        "stored_name": "my_file.csv",
        "content_type": "text/csv",
        "size": 1,
        "sha256": hashlib.sha256(b"1").hexdigest(),
        "source": "upload",
        "ref": None,
    }
    assert listed[3]["source"] == "ref"
    assert (folder / "1_my_file.csv").read_text() == "22"
    assert loaded(folder / "input.json") == payload


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo"])
def test_an_attachment_that_is_no_readable_file_is_only_listed(
    folders: RunFolders, tmp_path: Path, kind: str
) -> None:
    source, good = tmp_path / "thing", tmp_path / "good"
    good.write_text("x")
    if kind == "directory":
        source.mkdir()
    if kind == "fifo":
        os.mkfifo(source)
    with folders.opened(PACK, RUN) as run:
        assert run.write_input({"files": [{"name": "thing"}]}, [source, good])
    folder = folders.path(PACK, RUN) / "input"
    assert names(folder) == ["attachments.json", "good", "input.json"]
    sources = {item["name"]: item["source"] for item in loaded(folder / "attachments.json")}
    assert sources == {"good": "upload", "thing": "ref"}


def test_comments_follow_those_of_the_payload_once(folders: RunFolders) -> None:
    with folders.opened(PACK, RUN) as run:
        run.write_input({"comments": [{"comment": "first"}]})
    second = {"comment": "second", "decision": "REJECTED", "step_id": "s", "ts": "2024-01-01T00:00:00Z"}
    third = {**second, "comment": "third"}
    path = folders.path(PACK, RUN) / "input" / "comments.json"
    with folders.opened(PACK, RUN) as run:
        run.write_comments([second])
    assert loaded(path) == [{"comment": "first"}, second]
    with folders.opened(PACK, RUN) as run:
        run.write_comments([second, third])
    assert loaded(path) == [{"comment": "first"}, second, third]


@pytest.mark.parametrize("broken", ["{broken", "{}", "[" * 100_000], ids=range(3))
def test_comments_that_somebody_broke_are_left_alone(folders: RunFolders, broken: str) -> None:
    with folders.opened(PACK, RUN) as run:
        run.write_input({"comments": []})
    path = folders.path(PACK, RUN) / "input" / "comments.json"
    path.write_text(broken)
    with pytest.raises(InvalidInput, match=r"comments\.json"), folders.opened(PACK, RUN) as run:
        run.write_comments([{"comment": "third"}])
    assert path.read_text() == broken


def test_answers_of_the_same_form_do_not_collide(folders: RunFolders) -> None:
    with folders.opened(PACK, RUN) as run:
        paths = [run.write_answer("../form", request, {"v": request}) for request in ("r1", "r2")]
    assert [loaded(path)["v"] for path in paths] == ["r1", "r2"]
    assert {path.parent for path in paths} == {folders.path(PACK, RUN) / "runtime" / "user_input"}


def test_output_files_get_safe_names_roles_and_digests(folders: RunFolders) -> None:
    files = [
        {"name": "../../etc/Report 1.pdf", "content_base64": encoded(b"pdf")},
        {"name": "page.html", "content_base64": encoded(b"<p>")},
        {"name": "data.bin", "content_base64": encoded(b""), "role": "primary", "content_type": "x/y"},
        {"name": "response.json", "content_base64": encoded(b"{}")},
        {"name": "PAGE.html", "content_base64": encoded(b"other")},
        {"name": "...", "content_base64": encoded(b"dots")},
    ]
    with folders.opened(PACK, RUN) as run:
        stored = run.write_output_files(files)
    assert [item["stored_name"] for item in stored] == [
        "Report_1.pdf",
        "page.html",
        "data.bin",
        "1_response.json",
        "1_PAGE.html",
        "file_5",
    ]
    assert [item["role"] for item in stored[:4]] == ["primary", "interactive", "primary", "supporting"]
    assert stored[0]["content_type"] == "application/pdf"
    assert stored[2]["content_type"] == "x/y"
    assert stored[0]["sha256"] == hashlib.sha256(b"pdf").hexdigest()
    assert (folders.path(PACK, RUN) / "output" / "Report_1.pdf").read_bytes() == b"pdf"
    with folders.opened(PACK, RUN) as run:
        run.write_output_files([{"name": "late.txt", "content_base64": encoded(b"x")}])
    listed = {item["stored_name"]: item for item in folders.list_files(PACK, RUN)}
    assert (listed["data.bin"]["role"], listed["data.bin"]["content_type"]) == ("primary", "x/y")
    with folders.opened(PACK, RUN) as run:
        response = run.write_response({"run_id": RUN})
    assert {item["stored_name"]: item["role"] for item in response["files"]}["data.bin"] == "primary"


@pytest.mark.parametrize("broken", ["", "{broken", "[]", "[" * 100_000], ids=range(4))
def test_files_are_listed_where_what_was_said_of_them_is_broken(folders: RunFolders, broken: str) -> None:
    with folders.opened(PACK, RUN) as run:
        run.write_output_files([{"name": "a.bin", "content_base64": encoded(b"x"), "role": "primary"}])
    (folders.path(PACK, RUN) / "output" / ".files.json").write_text(broken)
    (listed,) = folders.list_files(PACK, RUN)
    assert (listed["stored_name"], listed["size"], listed["role"]) == ("a.bin", 1, "supporting")


def test_copies_say_where_the_file_was_written_and_are_bounded(folders: RunFolders) -> None:
    def copied(number: int) -> dict[str, str]:
        return {
            "name": f"{number}.md",
            "content_base64": encoded(b"%d" % number),
            "copy_of": f"/out/{number}.md",
        }

    for number in range(MOST_COPIES + 2):
        with folders.opened(PACK, RUN) as run:
            run.write_output_files([copied(number)], copies=True)
    listed = folders.list_files(PACK, RUN)
    assert {item["copy_of"] for item in listed} == {f"/out/{number}.md" for number in range(len(listed))}
    assert len(listed) <= MOST_COPIES
    with folders.opened(PACK, RUN) as run:
        (claimed,) = run.write_output_files([copied(MOST_COPIES)])
    assert "copy_of" not in claimed


def test_writing_the_same_outputs_again_leaves_them_once(folders: RunFolders) -> None:
    files = [{"name": "a.txt", "content_base64": encoded(text)} for text in (b"one", b"two", b"one")]
    with folders.opened(PACK, RUN) as run:
        first = run.write_output_files(files)
    with folders.opened(PACK, RUN) as run:
        assert run.write_output_files(files) == first
    assert len(folders.list_files(PACK, RUN)) == 3


@pytest.mark.parametrize(
    "item",
    [
        {"name": "a.txt", "content_base64": "not base64!"},
        {"name": "a.txt", "content_base64": "YQ"},
        {"name": "a.txt", "content_base64": "ü"},
        {"name": "a.txt"},
        {"name": " ", "content_base64": ""},
        {"content_base64": ""},
        {"name": "a.txt", "content_base64": "", "role": "boss"},
    ],
)
def test_a_bad_output_file_is_refused_before_any_is_written(
    folders: RunFolders, item: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput), folders.opened(PACK, RUN) as run:
        run.write_output_files([{"name": "good.txt", "content_base64": encoded(b"x")}, item])
    assert folders.list_files(PACK, RUN) == []


def test_the_response_document_lists_the_files_and_is_replaced_whole(folders: RunFolders) -> None:
    assert folders.list_files(PACK, RUN) == []
    with folders.opened(PACK, RUN) as run:
        run.write_output_files([{"name": "a.pdf", "content_base64": encoded(b"x")}])
    response = {"run_id": RUN, "status": "COMPLETED", "result": {"summary": "ü"}}
    with folders.opened(PACK, RUN) as run:
        written = run.write_response(response)
    path = Path(written["path"])
    document = loaded(path)
    assert document == {"response_version": "1.0", **response, "files": written["files"]}
    assert written["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "files" not in response
    with folders.opened(PACK, RUN) as run:
        assert run.write_response(response) == written
    (listed,) = folders.list_files(PACK, RUN)
    assert listed["path"] == str(path.parent / "a.pdf")
    assert listed["role"] == "primary"


@pytest.mark.parametrize(
    ("pack", "run"), [("..", RUN), (PACK, "../x"), (PACK, ""), ("a/b", RUN), (".x", RUN)]
)
def test_names_that_lead_elsewhere_are_refused(folders: RunFolders, pack: str, run: str) -> None:
    with pytest.raises(InvalidInput):
        folders.path(pack, run)


@pytest.mark.parametrize("level", ["pack", "run", "output"])
def test_links_in_place_of_our_directories_are_refused(
    folders: RunFolders, tmp_path: Path, level: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run = folders.path(PACK, RUN)
    place = {"pack": run.parent, "run": run, "output": run / "output"}[level]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(elsewhere)
    with pytest.raises(Unavailable), folders.opened(PACK, RUN) as opened:
        opened.write_response({})
    assert list(elsewhere.iterdir()) == []


def test_a_link_in_place_of_a_file_is_replaced_not_followed(folders: RunFolders, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("mine")
    with folders.opened(PACK, RUN) as run:
        run.write_response({})
    path = folders.path(PACK, RUN) / "output" / "response.json"
    path.unlink()
    path.symlink_to(target)
    (path.parent / "link.pdf").symlink_to(target)
    with folders.opened(PACK, RUN) as run:
        assert run.write_response({})["files"] == []
    assert target.read_text() == "mine"
    assert not path.is_symlink()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, ErrorCode.DISK_FULL),
        (errno.EDQUOT, ErrorCode.DISK_FULL),
        (errno.EROFS, ErrorCode.READ_ONLY),
        (errno.EACCES, ErrorCode.READ_ONLY),
        (errno.EIO, ErrorCode.JOURNAL_UNAVAILABLE),
    ],
)
def test_what_the_system_refuses_is_a_typed_error(number: int, code: ErrorCode, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught, storage_errors(tmp_path):
        raise OSError(number, os.strerror(number))
    assert caught.value.code is code
    assert str(tmp_path) in caught.value.message


def test_a_write_that_fails_midway_leaves_what_was_there(tmp_path: Path) -> None:
    def full_disk() -> Iterator[bytes]:
        yield b"half"
        raise OSError(errno.ENOSPC, "no space")

    with open_directory(tmp_path, ()) as directory:
        write_atomically(directory, "a", [b"old"], fsync=False)
        with pytest.raises(Unavailable), storage_errors(tmp_path):
            write_atomically(directory, "a", full_disk(), fsync=False)
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_folder_that_cannot_be_written_is_a_typed_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(Unavailable) as caught, RunFolders(blocked).opened(PACK, RUN) as run:
        run.write_response({})
    assert str(blocked) in caught.value.message


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.txt", "a.txt"),
        ("..\\..\\x.txt", "x.txt"),
        ("/etc/passwd", "passwd"),
        (".hidden", "hidden"),
        ("\x1b[2Jé.md", "2J_.md"),
        ("", "file_3"),
        ("a" * 300 + ".pdf", "a" * 116 + ".pdf"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert safe_name(name, 3) == safe
