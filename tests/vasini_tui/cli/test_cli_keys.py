from __future__ import annotations

from typing import TYPE_CHECKING

from vasini_tui.exit_codes import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.vasini_tui.conftest import Vasini


def configure(home: Path, text: str) -> None:
    home.mkdir()
    (home / "config.yaml").write_text(text, encoding="utf-8")


def test_keys_tells_what_is_in_force(vasini: Vasini, home: Path) -> None:
    configure(home, "console: {keys: {approvals.approve: A F5}}\n")
    outcome = vasini("keys", "--json")
    assert outcome.status == ExitCode.OK
    rows = {row["id"]: row for row in outcome.document["keys"]}
    assert rows["approvals.approve"] == {
        "id": "approvals.approve",
        "group": "Approvals",
        "keys": ["A", "F5"],
        "default_keys": ["a"],
        "does": "Approve exactly what the card shows",
        "command": "vasini approve ID",
    }
    assert rows["list.down"]["keys"] == rows["list.down"]["default_keys"] == ["j", "↓"]


def test_keys_for_a_person_is_a_table_of_every_action(vasini: Vasini) -> None:
    lines = vasini("keys").stdout.splitlines()
    assert lines[0].split() == ["PART", "KEYS", "DOES", "ID", "COMMAND", "LINE"]
    (line,) = (line for line in lines if " run.cancel " in line)
    assert line.split()[:2] == ["Run", "x"]
    assert "vasini cancel RUN" in line


def test_keys_in_each_others_way_stop_every_command(vasini: Vasini, home: Path) -> None:
    configure(home, "console:\n  keys:\n    approvals.approve: r\n")
    outcome = vasini("keys")
    assert outcome.status == ExitCode.USAGE
    assert "config_invalid" in outcome.stderr
    assert "approvals.reject" in outcome.stderr
    assert "approvals.approve" in outcome.stderr
