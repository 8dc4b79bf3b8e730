"""A worker hears of servers that somebody declares, and keeps those it has where the file is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vasini_tui.settings.servers_now import ServersNow

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ONE = "tools: {mcp: {servers: {one: {command: [server]}}}}\n"


def names(now: ServersNow) -> tuple[list[str], dict[str, str]]:
    found = now()
    assert found is not None
    servers, secrets = found
    return list(servers), dict(secrets)


def test_settings_are_read_again_when_their_file_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_HOME", str(tmp_path))
    file = tmp_path / "config.yaml"
    file.write_text(ONE)
    secrets = tmp_path / "secrets.yaml"
    now = ServersNow(file, secrets)
    assert now() is None
    file.write_text(ONE.replace("one:", "other:"))
    assert names(now) == (["other"], {})
    assert now() is None
    secrets.touch(mode=0o600)
    secrets.write_text("secrets: {key: a-value}\n")
    assert names(now) == (["other"], {"key": "a-value"})
    secrets.unlink()
    assert names(now) == (["other"], {})
    file.write_text("tools: {mcp: {servers: {files: {command: [server]}}}}\n")
    assert now() is None, "no server is called so"
    file.write_text("tools: {}\n")
    assert names(now) == ([], {})
    file.unlink()
    assert names(now) == ([], {})
