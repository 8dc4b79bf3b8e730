"""Named SQL: the statements of `queries/*.sql`, read once; and the one UPDATE whose columns differ.

A block is `-- name: NAME`, a line that says what it is for, and one statement.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE = Path(__file__).parent


@cache
def query(name: str) -> str:
    """The statement called `name`. Raises KeyError for an unknown one."""
    return _all()[name]


@cache
def many(statement: str, count: int) -> str:
    """An INSERT of one row, as one of `count` rows."""
    into, values, row = statement.partition("VALUES ")
    return f"{into}{values}{', '.join([row] * count)}"


@cache
def update(table: str, columns: tuple[str, ...], keys: tuple[str, ...]) -> str:
    """Change columns of the row with these keys, names of this program only. Only columns that are named have
    their indexes written again, so a column that stays as it is is not named."""
    changes = ", ".join(f"{name} = ?" for name in columns)
    found = " AND ".join(f"{name} = ?" for name in keys)
    return f"UPDATE {table} SET {changes} WHERE {found}"  # noqa: S608 - closed names


def read_all() -> None:
    """Read every statement now, in the thread that opens the journal and not in the event loop."""
    _all()


@cache
def _all() -> dict[str, str]:
    found: dict[str, str] = {}
    for source in (_HERE / "queries").iterdir():
        if source.name.endswith(".sql"):
            for block in source.read_text(encoding="utf-8").split("-- name: ")[1:]:
                name, _, statement = block.partition("\n")
                found[name.strip()] = statement.partition("\n")[2].strip()
    return found


@cache
def migrations() -> dict[int, str]:
    """Numbered migration scripts, version -> SQL."""
    folder = _HERE / "migrations"
    return {
        int(source.name.partition("_")[0]): source.read_text(encoding="utf-8")
        for source in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if source.name.endswith(".sql")
    }


def listed(names: Sequence[str]) -> str:
    """Names for a statement that takes many of them; what is no text is refused where it is handed over."""
    return json.dumps(list(names), ensure_ascii=False)
