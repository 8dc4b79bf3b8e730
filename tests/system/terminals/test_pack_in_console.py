"""A pack that is edited while the console is open: seen at once, valid or not, and the good one goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system.conftest import PROGRAM
from tests.system.terminals.terminal import terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system


def script(tmp_path: Path, name: str, body: str) -> str:
    file = tmp_path / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)
    return str(file)


def parts(line: str) -> set[str]:
    """The cells of a line of the list: two spaces lie between them."""
    return {cell.strip(" ▌") for cell in line.split("  ")}


def test_the_editor_breaks_a_pack_and_mends_it_again(vasini: Vasini, tmp_path: Path) -> None:
    vasini.ok("pack", "new", "notes", "--template", "sop")
    manifest = vasini.home / "packs" / "notes" / "profession-pack.yaml"
    # The first time it breaks the file, the second time it mends it.
    editor = script(
        tmp_path,
        "editor",
        'if grep -q "^pack_id:" "$1"; then sed -i "s/^pack_id:/pakc_id:/" "$1"; '
        'else sed -i "s/^pakc_id:/pack_id:/" "$1"; fi',
    )
    env = {**vasini.environment, "TERM": "xterm-256color", "VISUAL": editor}
    with terminal([PROGRAM], env=env, cwd=vasini.cwd, start=vasini.warm.on_terminal) as screen:

        def state(mark: str) -> None:
            screen.until(
                lambda: any({mark, "notes"} <= parts(line) for line in screen.lines), f"notes is {mark}"
            )

        screen.shows("No runs yet")
        screen.press("5")
        state("✓ ok")
        screen.press("j", "j", "j")
        screen.until(lambda: any("▌" in line and "notes" in parts(line) for line in screen.lines), "its line")
        screen.press("e")
        state("▲ stale")
        screen.shows("Pack notes not reloaded")
        assert "pakc_id" in manifest.read_text("utf-8")
        assert vasini.ok("run", "notes/main", "--json")["status"] == "QUEUED"
        screen.press("e")
        state("✓ ok")
        screen.press("q")
        screen.shows("Leave")
        screen.press("q")
        assert screen.ended() == 0
        assert screen.left_on() == []
