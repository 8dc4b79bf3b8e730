from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vasini_tui.log_file import LogFile, logging_to_file
from vasini_tui.settings.loading import load_settings
from vasini_tui.wiring import RulesInForce

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_secrets_and_patterns_are_masked_in_messages_and_tracebacks(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_SECRETS__SHORT", "hush")
    monkeypatch.setenv("VASINI_SECRETS__LONG", "hush-hush")
    monkeypatch.setenv("VASINI_LOGGING__REDACT_PATTERNS", '["id-[0-9]+"]')
    with logging_to_file(load_settings()):
        logging.getLogger("x").warning("with %s and id-42", "hush-hush")
        try:
            int("hush")
        except ValueError:
            logging.getLogger("x").exception("failed")
    text = (home / "data" / "vasini.log").read_text(encoding="utf-8")
    assert "with *** and ***" in text
    assert "base 10: '***'" in text
    assert "hush" not in text


def test_secrets_that_come_into_use_while_a_worker_works_are_masked_beside_those_before(home: Path) -> None:
    settings = home / "secrets.yaml"
    home.mkdir()
    settings.touch(mode=0o600)
    settings.write_text("secrets: {key: old-one}\n")
    loaded = load_settings()
    with logging_to_file(loaded):
        now = RulesInForce(loaded).settings_now
        assert now is not None
        settings.write_text("secrets: {key: the-new-one}\n")
        assert now() is not None
        logging.getLogger("x").warning("with old-one and the-new-one")
    text = (home / "data" / "vasini.log").read_text(encoding="utf-8")
    assert "with *** and ***" in text


def test_a_log_is_made_only_when_there_is_something_to_say(home: Path) -> None:
    with logging_to_file(load_settings()):
        logging.getLogger("x").debug("below the level")
    assert not home.exists()


def test_a_log_that_cannot_be_written_says_nothing(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    home.write_text("", encoding="utf-8")
    with logging_to_file(load_settings()):
        logging.getLogger("x").error("lost")
    assert capfd.readouterr() == ("", "")


def test_a_full_log_becomes_an_older_one_and_three_are_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_LOGGING__MAX_BYTES", "10000")
    with logging_to_file(load_settings()):
        for number in range(600):
            logging.getLogger("x").warning("line %d %s", number, "-" * 60)
    logs = sorted((home / "data").glob("vasini.log*"))
    assert [log.name for log in logs] == ["vasini.log", "vasini.log.1", "vasini.log.2", "vasini.log.3"]
    assert all(log.stat().st_size < 10_200 for log in logs)
    assert "line 599 " in logs[0].read_text("utf-8")


def test_a_log_that_another_process_renamed_is_left(home: Path) -> None:
    log = home / "data" / "vasini.log"
    with logging_to_file(load_settings()):
        logging.getLogger("x").warning("before")
        log.rename(log.with_name("vasini.log.1"))
        logging.getLogger("x").warning("after")
    assert "after" in log.read_text("utf-8")
    assert "after" not in log.with_name("vasini.log.1").read_text("utf-8")


def test_a_full_log_that_cannot_be_renamed_is_written_on_and_holds_no_other_process_up(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_LOGGING__MAX_BYTES", "10000")
    log = home / "data" / "vasini.log"
    log.with_name("vasini.log.3").mkdir(parents=True)
    log.with_name("vasini.log.2").touch()
    loaded = load_settings()
    with logging_to_file(loaded):
        logging.getLogger("x").warning("-" * 10_000)
        logging.getLogger("x").warning("mine")
        # As of another process: locks are of open files.
        theirs = LogFile(loaded.places, 10_000)
        theirs.emit(logging.LogRecord("x", logging.WARNING, "", 0, "theirs", (), None))
        theirs.close()
    assert log.read_text("utf-8").endswith("mine\ntheirs\n")
