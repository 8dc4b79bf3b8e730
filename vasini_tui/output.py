"""What a command writes: JSON that is plain ASCII, or text tables with every outside string sanitized."""

from __future__ import annotations

import json
import math
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from engine.contracts.times import rfc3339
from engine.safe_text import sanitize
from vasini_tui.text_table import TextTable, cell, wrapped

if TYPE_CHECKING:
    from engine.contracts.runs.listed import Page

T = TypeVar("T")

LEAST_COLUMNS = 20
"""Narrower terminals break lines as they like."""
_LINE_LIMIT = 2000
_BLOCK_LIMIT = 100_000
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


class Output:
    """Stdout and stderr of one command."""

    def __init__(self, *, as_json: bool, stdout: TextIO, stderr: TextIO) -> None:
        self.as_json = as_json
        self._stdout = stdout
        self._stderr = stderr
        self._unwritten: str | None = None
        """What ends the list of a document that is being written."""

    @property
    def to_terminal(self) -> bool:
        """Whether a person reads what is written, while it is."""
        return not self.as_json and self._stdout.isatty()

    @property
    def columns(self) -> int:
        """How wide the terminal is now; 0 where what is written goes elsewhere."""
        try:
            return os.get_terminal_size(self._stdout.fileno()).columns
        except (OSError, ValueError):
            return 0

    def document(self, content: object, *, indent: int | None = None) -> None:
        """One JSON document, on a line of its own without `indent`; contracts stand by their wire names."""
        self._stdout.write(json_text(content, indent=indent) + "\n")
        self._stdout.flush()

    async def long_document(
        self, content: Mapping[str, object], name: str, items: AsyncIterator[object]
    ) -> None:
        """The same, on one line; its list `name` is written as it is read, and never held whole.

        When that fails, `error` ends the document: what was read, then the error in place of what is missing.
        """
        put = self._stdout.write
        for number, (key, value) in enumerate(content.items()):
            put(f"{', ' if number else '{'}{json_text(key)}: ")
            if key != name:
                put(json_text(value))
                continue
            before, self._unwritten = "[", "[]"
            async for item in items:
                put(f"{before}{json_text(item)}")
                before, self._unwritten = ", ", "]"
            put(self._unwritten)
            self._unwritten = None
        put("}\n")
        self._stdout.flush()

    def line(self, text: str) -> None:
        """One line for a person."""
        self._stdout.write(sanitize(text, limit=_LINE_LIMIT) + "\n")
        self._stdout.flush()

    def fenced(self, lines: Iterable[str]) -> None:
        """Lines that stand behind a bar; what of them does not fit into the terminal does so, too.

        Prose is broken at spaces; code and what looks like a table keep their columns.
        """
        from screens.run.conversation.prose import prose_begins  # noqa: PLC0415 - few commands need it
        from screens.widgets.breaking import CONTINUED, broken, broken_at_spaces  # noqa: PLC0415 - as above

        safe, width = [sanitize(line, limit=_LINE_LIMIT) for line in lines], self.columns
        for line, begins in zip(safe, prose_begins(safe), strict=True):
            pieces: Sequence[str] = [line]
            if width > LEAST_COLUMNS and begins:
                pieces = broken_at_spaces(line, width, CONTINUED, begins)
            elif width > LEAST_COLUMNS:
                pieces = broken(line, width, CONTINUED)
            self._stdout.writelines(f"{piece}\n" for piece in pieces)
        self._stdout.flush()

    def block(self, text: str) -> None:
        """Several lines for a person."""
        self._stdout.write(sanitize(text, multiline=True, limit=_BLOCK_LIMIT) + "\n")

    def piece(self, text: str) -> None:
        """A part of a text that is still coming; `line` ends it."""
        self._stdout.write(sanitize(text, multiline=True, limit=_BLOCK_LIMIT))
        self._stdout.flush()

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """A table of rows that are there."""
        table = TextTable(heads)
        for row in rows:
            table.add(row)
        self.whole_table(table)

    def whole_table(self, table: TextTable) -> None:
        """A table whose rows were read one after the other; a terminal gets no line that is wider than it."""
        width = self.columns if self.to_terminal else 0
        for line in table.lines(width if width > LEAST_COLUMNS else 0):
            self._stdout.write(line + "\n")

    def pairs(self, rows: Iterable[tuple[str, object]]) -> None:
        """Names and values, one pair a line; on a terminal as many as a value needs."""
        known = [(name, cell(value, limit=_LINE_LIMIT)) for name, value in rows]
        width = max((len(name) for name, _ in known), default=0)
        room = self.columns - width - 2 if self.to_terminal else 0
        for name, text in known:
            whole = room <= LEAST_COLUMNS or max(map(len, text.split(" "))) > room  # a path is copied
            first, *more = [text] if whole else wrapped(text, room)
            self._stdout.write(f"{name.ljust(width)}  {first}\n")
            self._stdout.writelines(f"{'':{width}}  {piece}\n" for piece in more)

    def note(self, text: str) -> None:
        """One line beside the result, on stderr; what that does not take is lost, and stops nothing."""
        with suppress(OSError):
            self._stderr.write(sanitize(text, limit=_LINE_LIMIT) + "\n")
            self._stderr.flush()

    def error(self, code: str, message: str, details: Mapping[str, Any]) -> None:
        """One line on stderr and, for programs, the error document on stdout."""
        if self.as_json:
            told = json_text({"error": {"code": code, "message": message, "details": details}})
            begun, self._unwritten = self._unwritten, None
            try:
                self._stdout.write((told if begun is None else f"{begun}, {told[1:]}") + "\n")
                self._stdout.flush()
            except BrokenPipeError:
                raise
            except OSError:
                pass  # it may be what went wrong
        self.note(f"vasini: {code}: {message}")

    def left_out(self, unreadable: Sequence[str]) -> dict[str, Sequence[str]]:
        """Say which rows of a list are damaged and not shown; the same for its document."""
        if not unreadable:
            return {}
        names = ", ".join(unreadable)
        self.note(f"vasini: left out, cannot be read: {names}; `vasini doctor --deep` tells why")
        return {"unreadable": unreadable}

    def page(
        self,
        name: str,
        page: Page[T],
        heads: Sequence[str],
        row: Callable[[T], Sequence[object]],
        *,
        nothing: str,
    ) -> None:
        """One page of a list: a document under its name, or a table; what is left out of it, what follows.

        `nothing` are the words for a person who finds no row.
        """
        left_out = self.left_out(page.unreadable)
        if self.as_json:
            self.document({name: page.items, "next": page.next, **left_out})
            return
        self.table(heads, map(row, page.items))
        if not page.items:
            self.note(nothing)
        self.next_page(page.next)

    def next_page(self, cursor: str | None) -> None:
        """Tell a person that there is more."""
        if cursor is not None:
            self.note(f"there is more: --after {cursor}")


def format_size(size: int) -> str:
    """Bytes as a person reads them."""
    amount, unit = float(size), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{size} bytes" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def format_count(number: int, noun: str) -> str:
    """A number of things: 1 flow, 2 flows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON without a raw control, bidirectional or non-ASCII character, and without NaN."""
    try:
        text = json.dumps(value, default=_plain, allow_nan=False, indent=indent)
    except ValueError:
        finite = _finite(json.loads(json.dumps(value, default=_plain)))
        text = json.dumps(finite, allow_nan=False, indent=indent)
    return text.replace("\x7f", "\\u007f")


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if is_dataclass(value):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return str(value)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
