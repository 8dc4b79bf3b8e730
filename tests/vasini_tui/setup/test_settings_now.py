"""A worker hears of servers that somebody declares, and keeps those it has where the file is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vasini_tui.settings.settings_now import SettingsNow

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ONE = "tools: {mcp: {servers: {one: {command: [server]}}}}\n"


def names(now: SettingsNow) -> tuple[list[str], dict[str, str]]:
    found = now()
    assert found is not None
    return list(found.servers), dict(found.secrets)


def test_settings_are_read_again_when_their_file_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_HOME", str(tmp_path))
    file = tmp_path / "config.yaml"
    file.write_text(ONE)
    secrets = tmp_path / "secrets.yaml"
    hidden: set[str] = set()
    now = SettingsNow(file, secrets, hide=hidden.update)
    assert now() is None
    file.write_text(ONE.replace("one:", "other:"))
    assert names(now) == (["other"], {})
    assert now() is None
    secrets.touch(mode=0o600)
    secrets.write_text("secrets: {key: a-value}\n")
    assert names(now) == (["other"], {"key": "a-value"})
    assert hidden == {"a-value"}
    secrets.unlink()
    assert names(now) == (["other"], {})
    file.write_text("tools: {mcp: {servers: {files: {command: [server]}}}}\n")
    assert now() is None, "no server is called so"
    file.write_text("tools: {}\n")
    assert names(now) == ([], {})
    file.unlink()
    assert names(now) == ([], {})


def test_models_with_their_prices_are_read_again_and_broken_ones_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_HOME", str(tmp_path))
    file = tmp_path / "config.yaml"
    file.write_text("models: {default: one, named: {one: {provider: ollama, model: a}}}\n")
    now = SettingsNow(file, tmp_path / "secrets.yaml", hide=lambda _: None)
    file.write_text(
        "models: {default: two, named: {two: {provider: ollama, model: b}}}\n"
        "budget: {prices: {two: {input: 1, output: 2}}}\n"
    )
    found = now()
    assert found is not None
    assert (found.models.default, list(found.budget.prices)) == ("two", ["two"])
    file.write_text("models: {default: gone}\n")
    assert now() is None
