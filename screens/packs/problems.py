"""The problems of a pack, each beside the line it points at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.safe_text import sanitize
from screens.widgets.numbers import counted
from screens.widgets.status_labels import Tone
from screens.widgets.tables.columns import Column
from screens.widgets.tables.rows import Cell, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from engine.contracts.packs.pack import Problem
    from engine.contracts.packs.versions import SourceFile

COLUMNS = (Column("Line", 6), Column("", 40, flex=1))

AROUND = 2
"""Lines shown before and after the one with the problem."""


def problem_rows(sources: Sequence[SourceFile], problems: Sequence[Problem]) -> list[Row]:
    """File by file: the lines around each problem, and under each line what is wrong with it."""
    shown = {source.file for source in sources}
    rows: list[Row] = []
    for source in sources:
        rows += _file_rows(source.file, source.text, source.problems)
    elsewhere: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.file not in shown:
            elsewhere.setdefault(problem.file, []).append(problem)
    for file, found in elsewhere.items():
        rows += _file_rows(file, None, found)
    return rows


def format_problem(problem: Problem) -> str:
    """Field and what is wrong."""
    return f"{problem.field}: {problem.message}" if problem.field else problem.message


def format_wanted(problem: Problem) -> str:
    """What was found and what was expected; empty when the message says it all."""
    parts = [
        f"found {problem.found}" if problem.found else "",
        f"expected {problem.expected}" if problem.expected else "",
    ]
    return " · ".join(part for part in parts if part)


def format_place(problem: Problem) -> str:
    """`flows/x.yaml:12:5`."""
    return ":".join(str(part) for part in (problem.file, problem.line, problem.column) if part is not None)


def _file_rows(file: str, text: str | None, problems: Sequence[Problem]) -> Iterator[Row]:
    count = counted(len(problems), "problem")
    yield _row(f"{file}", "", f"{file}  {count}", Tone.BUSY)
    lines = text.splitlines() if text is not None else []
    by_line: dict[int, list[Problem]] = {}
    for problem in problems:
        by_line.setdefault(min(problem.line or 1, max(1, len(lines))), []).append(problem)
    before = 0
    for number in _shown_lines(by_line, len(lines)):
        if number > before + 1 and before:
            yield _row(f"{file}/gap/{number}", "", "⋯", Tone.QUIET)
        before = number
        if lines:
            tone = Tone.WAITING if number in by_line else Tone.QUIET
            yield _row(f"{file}/{number}", str(number), lines[number - 1], tone)
        for place, problem in enumerate(by_line.get(number, ())):
            at = " " * max(0, (problem.column or 1) - 1) if lines else ""
            yield from _problem_rows(f"{file}/{number}/problem/{place}", at, problem)


def _problem_rows(key: str, at: str, problem: Problem) -> Iterator[Row]:
    yield _row(key, "✗", f"{at}^ {format_problem(problem)}", Tone.BAD)
    if wanted := format_wanted(problem):
        yield _row(f"{key}/wanted", "", f"{at}  {wanted}", Tone.QUIET)


def _shown_lines(wanted: Iterable[int], last: int) -> list[int]:
    if not last:
        return sorted(wanted)
    around = {near for line in wanted for near in range(line - AROUND, line + AROUND + 1)}
    return sorted(line for line in around if 1 <= line <= last)


def _row(key: str, name: str, words: str, tone: Tone) -> Row:
    return Row(key, (Cell(sanitize(name), tone), Cell(sanitize(words, limit=1_000), tone)))
