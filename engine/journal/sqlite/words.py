"""The words of runs on SQLite: the index where SQLite has FTS5, else they are looked through."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Any

from engine.journal.sqlite.queries import query

if TYPE_CHECKING:
    from collections.abc import Sequence


@cache
def has_full_text_search() -> bool:
    """Whether this SQLite was compiled with FTS5."""
    with closing(sqlite3.connect(":memory:")) as connection:
        return connection.execute(query("has_full_text_search")).fetchone() is not None


def make_index(connection: sqlite3.Connection) -> None:
    """Make the index of a journal that has none yet, where SQLite can."""
    if has_full_text_search() and not has_index(connection):
        connection.execute(query("make_word_index"))


def has_index(connection: sqlite3.Connection) -> bool:
    """Whether the journal has an index that can be read here."""
    return has_full_text_search() and connection.execute(query("has_word_index")).fetchone() is not None


def put_words(connection: sqlite3.Connection, run_id: str, words: str, *, lasting: bool) -> None:
    """Keep the words of a run in place of those before; those that last go into the index."""
    if not lasting:  # the first ones, which come with the run
        connection.execute(query("put_unindexed_words"), (run_id, words))
        return
    if not connection.execute(query("drop_unindexed_words"), (run_id,)).rowcount:
        drop_words(connection, [run_id])  # it had ended before
    if has_full_text_search():
        first = connection.execute(query("put_words"), (run_id, words)).fetchone()
        connection.execute(query("index_words"), (first["doc"], words))
    else:
        connection.execute(query("put_unindexed_words"), (run_id, words))


def drop_words(connection: sqlite3.Connection, run_ids: Sequence[str]) -> None:
    """Forget the words of runs. Numbers are not used twice: what an index keeps of one finds nothing."""
    ids = json.dumps(list(run_ids))
    if has_full_text_search():
        for row in connection.execute(query("indexed_words"), (ids,)).fetchall():
            connection.execute(query("unindex_words"), (row["doc"], row["words"]))
    connection.execute(query("drop_words"), (ids,))
    connection.execute(query("drop_all_unindexed_words"), (ids,))


def word_query(connection: sqlite3.Connection, wanted: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The query for the ids of runs with all of these words, and its arguments."""
    arguments: dict[str, Any] = {"words": json.dumps(list(wanted))}
    if not wanted:
        return query("ids_of_nothing"), arguments
    if not has_index(connection):
        return query("ids_by_words_read"), arguments
    return query("ids_by_words"), arguments | {"match": " ".join(f'"{word}"*' for word in wanted)}
