"""docs/architecture.md names every source file, every edge that catches everything, and real functions."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

from docs.file_lists import with_lists
from engine.journal.sqlite.file.connection import open_writer

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text("utf-8")
SOURCES = [
    path for package in ("engine", "screens", "vasini_tui") for path in sorted((ROOT / package).rglob("*.py"))
]
EDGE = re.compile(r"^\s*except \(?.*\b(Base)?Exception\b", re.MULTILINE)


def test_the_lists_of_files_are_what_make_writes() -> None:
    assert with_lists(TEXT) == TEXT, "run `make architecture`"


def test_every_edge_that_catches_everything_is_named() -> None:
    table = TEXT.partition("\n## Errors\n")[2].partition("\n## ")[0]
    edges = [path.relative_to(ROOT).as_posix() for path in SOURCES if EDGE.search(path.read_text("utf-8"))]
    assert sorted(re.findall(r"^\| `(.*?\.py)` \|", table, re.MULTILINE)) == sorted(edges)


def test_the_path_of_a_decision_names_what_there_is() -> None:
    path = TEXT.partition("\n## The path of one decision\n")[2].partition("\n## ")[0]
    words = {word for source in SOURCES for word in re.findall(r"\w+", source.read_text("utf-8"))}
    names = {name.rpartition(".")[2] for name in re.findall(r"`([A-Za-z_.]+)(?:\([^`]*\))?`", path)}
    assert not names - words


def test_the_five_paths_name_files_that_are_there_each_once_and_count_them() -> None:
    section = TEXT.partition("\n## Five paths, file by file\n")[2].partition("\n## ")[0]
    paths = re.findall(
        r"\*\*The path of [^*]+\*\*.*? in (\d+) files:\n\n(.*?)\n\n", section + "\n\n", re.DOTALL
    )
    assert len(paths) == 5
    for count, listed in paths:
        files = re.findall(r"^\d+\. `([^`]+)`", listed, re.MULTILINE)
        assert len(files) == len(set(files)) == int(count)
        assert not [file for file in files if not (ROOT / file).is_file()]


def test_every_table_of_the_journal_is_named(tmp_path: Path) -> None:
    section = TEXT.partition("\n## The journal\n")[2].partition("\n## ")[0]
    with closing(open_writer(tmp_path / "journal.db", 1.0)) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
    ours = [name for name in tables if not name.startswith(("sqlite_", "run_words_"))]  # SQLite's own
    assert len(ours) > 20
    assert not [name for name in ours if f"`{name}`" not in section]
