"""The runs list as SQL: closed filters, paged by run id (which sorts by time)."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.contracts.run import RunFilter

TEXT_COLUMNS = ("run_id", "pack", "flow", "requested_by", "status")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def fold(text: str) -> str:
    """Text without the case of ASCII letters, as SQLite's `lower` does it."""
    return text.translate(_LOWER)


def run_list_query(filters: RunFilter, limit: int, after: str | None) -> tuple[str, list[Any]]:
    """Statement and arguments for one page, newest first."""
    where: list[str] = []
    arguments: list[Any] = []
    if after is not None:
        where.append("run_id < ?")
        arguments.append(after)
    if filters.status:
        where.append(f"status IN ({', '.join('?' * len(filters.status))})")
        arguments += [status.value for status in filters.status]
    for column, value in (("pack", filters.pack), ("flow", filters.flow), ("tenant", filters.tenant)):
        if value is not None:
            where.append(f"{column} = ?")
            arguments.append(value)
    if filters.text:
        where.append("(" + " OR ".join(f"instr(lower({column}), ?) > 0" for column in TEXT_COLUMNS) + ")")
        arguments += [fold(filters.text)] * len(TEXT_COLUMNS)
    clause = f"WHERE {' AND '.join(where)} " if where else ""
    return f"SELECT * FROM runs {clause}ORDER BY run_id DESC LIMIT ?", [*arguments, limit]  # noqa: S608 - closed names
