"""Git repositories made by tests."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

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
    shutil.copytree(_first_made(), place, dirs_exist_ok=True)
    return place


@cache
def _first_made() -> Path:
    """The one that git made; the others are copies."""
    kept = TemporaryDirectory()
    atexit.register(kept.cleanup)
    place = Path(kept.name, "repository")
    place.mkdir()
    git(place, "init", "-q", "-b", "trunk")
    (place / "a.txt").write_text("one\n")
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "feat: first")
    git(place, "tag", "v1")
    (place / "a.txt").write_text("two\n")
    git(place, "commit", "-q", "-am", "fix: second\n\nA body\nof two lines.")
    return place
