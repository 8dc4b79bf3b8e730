"""Every link from one document to another leads somewhere, and every target of make is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if "://" in target:
            continue
        place, _, anchor = target.partition("#")
        found = (document.parent / place).resolve() if place else document
        assert found.is_file(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_files_of_ours_are_named_as_they_are(document: Path) -> None:
    if document.name == "CHANGELOG.md":  # which tells of what was
        return
    for named in re.findall(r"`([a-z_]+/[a-z_/]+\.(?:py|sql))`", document.read_text("utf-8")):
        rooms = ("", "engine", "engine/*", "engine/*/*", "screens", "vasini_tui")
        assert any(any(ROOT.glob(f"{room}/{named}".lstrip("/"))) for room in rooms), named


def test_every_target_of_make_is_explained() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    told = re.findall(r"^\| `make ([a-z-]+)", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    assert set(told) == set(targets)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_no_document_names_a_target_that_make_does_not_have(document: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = re.findall(r"(?:`|^ {4}|^)make ([a-z][a-z-]*)", document.read_text("utf-8"), re.MULTILINE)
    assert [target for target in named if target not in targets] == []


@pytest.mark.parametrize("name", [picture.name for picture in (ROOT / "docs").glob("*.svg")])
def test_pictures_show_nothing_of_the_machine_they_were_made_on(name: str) -> None:
    picture = (ROOT / "docs" / name).read_text("utf-8")
    assert "vasini" in picture
    assert not re.search(r"/(tmp|home|work|root|Users|var)\b", picture)
    assert "url(http" not in picture
