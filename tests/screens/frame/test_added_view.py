"""A view is added by its screen and one entry: header, key, palette, help and the check of keys know it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_a_screen_and_one_entry_make_a_view() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.screens.frame.added_view"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    header = next(line for line in done.stdout.splitlines() if "1 Runs" in line)
    assert "5 Packs   6 Notes" in header
    assert "vasini notes" in done.stdout
    assert "5 is also the key of app.packs (Packs)" in done.stdout
