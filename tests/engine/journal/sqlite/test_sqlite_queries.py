"""Statements stand in named blocks, each with a line that says what it is for."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.journal.sqlite import queries

SQLITE = Path(queries.__file__).parent
BLOCKS = [
    (path.name, block)
    for path in sorted((SQLITE / "queries").glob("*.sql"))
    for block in path.read_text(encoding="utf-8").split("-- name: ")[1:]
]
DATA = re.compile(r"""["'](SELECT|INSERT|UPDATE|DELETE|WITH) """)


@pytest.mark.parametrize(("file", "block"), BLOCKS, ids=[block.split("\n")[0] for _, block in BLOCKS])
def test_a_block_says_what_it_is_for(file: str, block: str) -> None:
    name, purpose, *statement = block.strip().split("\n")
    assert re.fullmatch(r"[a-z_]+", name), file
    assert purpose.startswith("-- ")
    assert len(purpose) > 10
    assert queries.query(name) == "\n".join(statement)


def test_every_block_has_a_name_of_its_own_and_is_used() -> None:
    names = [block.split("\n")[0].strip() for _, block in BLOCKS]
    assert len(names) == len(set(names))
    code = "".join(path.read_text(encoding="utf-8") for path in SQLITE.rglob("*.py"))
    assert [name for name in names if f'query("{name}")' not in code] == []


def test_scopes_are_counted_by_halves() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE steps (run_id TEXT, path TEXT)")
        others = ["talk/0/model/0/model", "talk~2/7/model", "talk/7/message"]
        connection.executemany("INSERT INTO steps VALUES ('r', ?)", [(path,) for path in others])
        for count in range(70):
            (found,) = connection.execute(queries.query("count_scopes"), ("r", "talk", "model")).fetchone()
            assert found == count
            connection.execute("INSERT INTO steps VALUES ('r', ?)", (f"talk/{count}/model",))


def test_no_other_statement_stands_in_the_code() -> None:
    builders = {
        "statements.py",
        "connection.py",
        "queries.py",
    }  # built from columns and ranges; the schema's own tables
    found = [path.name for path in SQLITE.rglob("*.py") if DATA.search(path.read_text(encoding="utf-8"))]
    assert set(found) <= builders
