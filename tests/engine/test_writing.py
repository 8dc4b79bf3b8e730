"""Files are written whole or not at all, with the permissions that were asked for."""

from __future__ import annotations

import hashlib
import os
from functools import partial
from typing import TYPE_CHECKING

import pytest

from engine.safe_files.writing import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHUNKS = (b"one\n", b"", b"two\n")


@pytest.fixture(name="write")
def in_an_open_folder(tmp_path: Path) -> Iterator[Callable[..., tuple[int, str]]]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    umask = os.umask(0o022)
    try:
        yield partial(write_atomically, descriptor, fsync=True)
    finally:
        os.umask(umask)
        os.close(descriptor)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_what_was_written_is_there_alone_and_told(
    tmp_path: Path, write: Callable[..., tuple[int, str]]
) -> None:
    assert write("n" * 255, CHUNKS) == (8, hashlib.sha256(b"one\ntwo\n").hexdigest())
    (written,) = tmp_path.iterdir()
    assert (written.name, written.read_bytes(), mode_of(written)) == ("n" * 255, b"one\ntwo\n", 0o600)


def test_a_file_has_the_mode_that_was_asked_for_or_that_of_the_one_before(
    tmp_path: Path, write: Callable[..., tuple[int, str]]
) -> None:
    path = tmp_path / "file"
    for mode, exact, found in ((0o666, False, 0o644), (0o666, True, 0o666)):
        write("file", CHUNKS, mode=mode, exact_mode=exact)
        assert mode_of(path) == found
    path.chmod(0o4751)
    write("file", CHUNKS, keep_mode=True)
    assert mode_of(path) == 0o751
    write("new", CHUNKS, keep_mode=True)
    assert mode_of(tmp_path / "new") == 0o600


def test_a_link_is_replaced_and_not_followed(tmp_path: Path, write: Callable[..., tuple[int, str]]) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    write("link", CHUNKS)
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "kept").read_text() == "kept"


def test_what_is_there_is_written_over_only_when_it_may_be(
    tmp_path: Path, write: Callable[..., tuple[int, str]]
) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(FileExistsError):
        write("file", CHUNKS, overwrite=False)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("file", "kept")]
    write("other", CHUNKS, overwrite=False)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "other"]


def test_what_cannot_be_finished_leaves_all_as_it_was(
    tmp_path: Path, write: Callable[..., tuple[int, str]]
) -> None:
    def changed() -> None:
        assert (tmp_path / "file").read_text() == "kept"
        raise ValueError("somebody changed it")

    (tmp_path / "file").write_text("kept")
    with pytest.raises(ValueError, match="somebody"):
        write("file", CHUNKS, before=changed)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("file", "kept")]
