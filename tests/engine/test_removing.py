"""Folders that others have filled are measured and removed, whatever is in them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.safe_files.removing import discard, remove_tree, tree_bytes
from tests.engine.deep_folders import fill_deep

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """What links of the folder lead to; nobody may touch it."""
    place = tmp_path / "other"
    place.mkdir()
    (place / "kept.txt").write_text("kept")
    return place


@pytest.fixture
def folder(tmp_path: Path, other: Path) -> Path:
    place = tmp_path / "folder"
    (place / "a" / "b").mkdir(parents=True)
    (place / "a" / "b" / "c").symlink_to(other)
    (place / "link").symlink_to(other)
    (place / "a" / "file.txt").write_text("12345")
    os.mkfifo(place / "pipe")
    for closed in (place / "a" / "b", place / "a"):
        closed.chmod(0)
    return place


def test_what_is_closed_is_removed_and_links_are_only_links(
    folder: Path, other: Path, tmp_path: Path
) -> None:
    with opened(tmp_path) as parent:
        remove_tree("folder", parent)
    assert list(tmp_path.iterdir()) == [other]
    assert (other / "kept.txt").read_text() == "kept"


def test_what_is_deep_is_measured_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    fill_deep(folder, 1_500)
    (folder / "beside.txt").write_text("123")
    with opened(folder) as descriptor:
        assert tree_bytes(descriptor) == 7
    discard(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_tree_is_as_large_as_its_files_and_links_and_nothing_of_it_stays_open(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for place, size in (("a/one", 5), ("a/b/two", 7), ("c/three", 11), ("four", 13)):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(b"x" * size)
    (folder / "c" / "link").symlink_to("/etc")
    before = open_descriptors()
    with opened(folder) as descriptor:
        assert tree_bytes(descriptor) == 5 + 7 + 11 + 13 + len("/etc")
    discard(folder)
    assert list(tmp_path.iterdir()) == []
    assert open_descriptors() <= before


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path, other: Path) -> None:
    (tmp_path / "folder").symlink_to(other)
    with opened(tmp_path) as parent, pytest.raises(NotADirectoryError):
        remove_tree("folder", parent)
    assert (other / "kept.txt").read_text() == "kept"
    discard(tmp_path / "nothing")
