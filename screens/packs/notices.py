"""What changed on disk, in the words of a notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from engine.contracts.packs.versions import PackOutcome
from screens.packs.problems import format_place, format_problem
from screens.widgets.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.contracts.packs.versions import PackNotice

Severity = Literal["information", "warning", "error"]

AT_ONCE = 3
"""Notices shown of one moment; a checkout that touches a hundred packs must not cover the screen."""


def notices_of(changed: Sequence[PackNotice]) -> Iterator[tuple[str, Severity]]:
    """Failures first; what is more than a few is counted."""
    ordered = sorted(changed, key=lambda notice: notice.outcome is not PackOutcome.FAILED)
    for notice in ordered[:AT_ONCE]:
        yield format_notice(notice), "error" if notice.outcome is PackOutcome.FAILED else "information"
    rest = ordered[AT_ONCE:]
    if rest:
        failed = sum(notice.outcome is PackOutcome.FAILED for notice in rest)
        words = f"{len(rest)} more packs changed" + (f", {failed} with problems" if failed else "")
        yield words, "warning" if failed else "information"


def format_notice(notice: PackNotice) -> str:
    """`hello 1.2.0 reloaded`, or where it is broken."""
    match notice.outcome:
        case PackOutcome.ADDED:
            return f"Pack {notice.pack} {notice.label} added"
        case PackOutcome.CHANGED:
            return f"Pack {notice.pack} {notice.label} reloaded"
        case PackOutcome.REMOVED:
            return f"Pack {notice.pack} removed"
        case PackOutcome.FAILED:
            count = counted(notice.problems, "problem")
            first = notice.first_problem
            where = f": {format_place(first)} {format_problem(first)}" if first else ""
            return f"Pack {notice.pack} not reloaded, {count}{where}"
