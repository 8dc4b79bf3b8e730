"""Writes the lists of files in docs/architecture.md from the docstrings. Run by `make architecture`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("engine", "screens", "vasini_tui")
HEADING = "\n## Files\n"
SUBJECT = re.compile(r'"""(.*?)(?:\n\n|""")', re.DOTALL)


def with_lists(text: str) -> str:
    """`text` of the page with its last section, the files, written anew."""
    return text.partition(HEADING)[0] + HEADING + "\n" + file_lists()


def file_lists() -> str:
    """Every room with what it is, and its files with their subjects: the first lines of their docstrings."""
    rooms = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("__init__.py"))
    return "\n".join(_room(init) for init in sorted(rooms, key=lambda path: path.parent.parts))


def _room(init: Path) -> str:
    files = [path for path in sorted(init.parent.glob("*.py")) if path != init]
    title = init.parent.relative_to(ROOT).as_posix()
    rows = [f"- `{path.name}`: {_subject(path)}" for path in files]
    return "\n".join([f"### {title}", "", f"{_subject(init)}.", "", *([*rows, ""] if rows else [])])


def _subject(path: Path) -> str:
    found = SUBJECT.match(path.read_text("utf-8"))
    return " ".join(found[1].split()).removesuffix(".") if found else ""


if __name__ == "__main__":
    PAGE.write_text(with_lists(PAGE.read_text("utf-8")), "utf-8")
