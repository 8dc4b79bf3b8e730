"""docs/dependencies.md explains exactly the dependencies there are; the lock file pins them all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
RUN: list[str] = PROJECT["project"]["dependencies"]
DEVELOP: list[str] = PROJECT["dependency-groups"]["dev"]


def names(requirements: list[str]) -> list[str]:
    return [re.split(r"[^A-Za-z0-9-]", requirement)[0] for requirement in requirements]


def documented(heading: str) -> list[str]:
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([A-Za-z0-9-]+)` \|", section, re.MULTILINE)


def test_every_dependency_is_explained_and_no_other() -> None:
    assert documented("To run") == names(RUN)
    assert documented("To develop") == names(DEVELOP)


def test_every_dependency_is_pinned_with_hashes() -> None:
    pinned = set(re.findall(r"^([a-z0-9-]+)==\S+(?: ; .*)? \\\n    --hash=sha256:", LOCK, re.MULTILINE))
    assert {name.lower() for name in names([*RUN, *DEVELOP])} <= pinned


def test_textual_is_pinned_exactly() -> None:
    assert [requirement for requirement in RUN if re.fullmatch(r"textual==[0-9.]+", requirement)]


def test_no_package_index_is_named() -> None:
    assert "://" not in LOCK
    assert "://" not in (ROOT / "pyproject.toml").read_text("utf-8")
