"""Git repositories made by tests."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada Löve",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2024-05-01T10:00:00+02:00",
    "GIT_COMMITTER_DATE": "2024-05-01T10:00:00+02:00",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(repo: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """Runs git as a person would, and fails with what it said."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=repo,
        env=os.environ | IDENTITY,
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def made_repository(place: Path) -> Path:
    """Two commits on the branch `trunk`, the first tagged v1."""
    place.mkdir(exist_ok=True)
    git(place, "init", "-q", "-b", "trunk")
    (place / "a.txt").write_text("one\n")
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "feat: first")
    git(place, "tag", "v1")
    (place / "a.txt").write_text("two\n")
    git(place, "commit", "-q", "-am", "fix: second\n\nA body\nof two lines.")
    return place
