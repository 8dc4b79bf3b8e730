from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.governance.policies import Policies
from vasini_tui.settings.loading import load_settings
from vasini_tui.wiring import engine_config

if TYPE_CHECKING:
    import pytest


def test_the_engine_is_told_places_limits_and_policies(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VASINI_TOOLS__MEMORY_MB", "2")
    monkeypatch.setenv("VASINI_ENGINE__KILL_GRACE_SECONDS", "1.5")
    monkeypatch.setenv("VASINI_POLICIES__BLOCKED_TOOLS", '["http.get"]')
    monkeypatch.setenv("VASINI_LOGGING__REDACT_PATTERNS", '["id-[0-9]+"]')
    config = engine_config(load_settings())
    assert config.journal_path == home / "data" / "journal.db"
    assert config.home_packs == home / "packs"
    assert config.rules.limits.memory_bytes == 2 * 1024 * 1024
    assert config.rules.limits.kill_grace_seconds == 1.5
    assert config.rules.policies.blocked_tools == {"http.get"}
    assert config.redact_patterns == ("id-[0-9]+",)


def test_no_tool_may_enter_the_journals_directory_or_the_settings(home: Path) -> None:
    limits = engine_config(load_settings()).rules.limits
    settings = {home / name for name in ("config.yaml", "secrets.yaml", ".env")}
    assert set(limits.denied_roots) == {home / "data", *settings}
    assert limits.allowed_roots == (Path("/"),)


def test_secrets_are_handed_on_but_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VASINI_SECRETS__TOKEN", "hush-hush")
    config = engine_config(load_settings())
    assert config.secrets == {"token": "hush-hush"}
    assert "hush-hush" not in repr(config)


def test_a_packs_own_policies_differ_only_in_what_they_name(home: Path) -> None:
    home.mkdir()
    (home / "config.yaml").write_text(
        "policies:\n  max_steps: 9\n  blocked_tools: [http.get]\n"
        "  by_pack:\n    hello: {max_tool_calls: 2, blocked_tools: [files.write]}\n",
        encoding="utf-8",
    )
    policies = engine_config(load_settings()).rules.policies
    own = policies.for_pack("hello")
    assert (own.max_steps, own.max_tool_calls) == (9, 2)
    assert own.blocked_tools == {"files.write"}
    assert own.by_pack == {}
    assert policies.for_pack("other").blocked_tools == {"http.get"}


def test_policies_are_closed_by_default() -> None:
    policies = Policies().for_pack("any")
    assert policies.enforce
    assert not policies.allow_full_autonomy
    assert policies.max_payload_bytes == 4 * 1024 * 1024
