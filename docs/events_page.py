"""Writes the tables of docs/events.md: `make events`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from engine.machine.events.table import FACTS

if TYPE_CHECKING:
    from engine.machine.events.event import Fact

PAGE = Path(__file__).parent / "events.md"
MARK = "<!-- the events: make events writes what follows -->"


def page(text: str) -> str:
    """The page with its tables as the code has them."""
    head, _, _ = text.partition(MARK)
    return f"{head}{MARK}\n\n{tables()}"


def tables() -> str:
    """One section per kind, in the order of the table."""
    return "\n".join(_section(kind) for kind in FACTS.all())


def _section(kind: type[Fact]) -> str:
    words = " ".join((kind.__doc__ or "").split())
    version = f" (version {kind.version})" if kind.version > 1 else ""
    lines = [f"## {kind.kind}{version}", "", words, ""]
    rows = [f"| `{field.name}` | {field.metadata['doc']} |" for field in fields(kind)]
    if rows:
        lines += ["| key | is |", "|---|---|", *rows, ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
