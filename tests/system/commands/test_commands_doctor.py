"""`vasini doctor`, settings that are wrong, and a reader that goes away."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.system.conftest import PROGRAM

if TYPE_CHECKING:
    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system


def test_doctor_looks_and_makes_nothing(vasini: Vasini) -> None:
    found = vasini.ok("doctor")
    assert found["journal"]["state"] == "missing"
    assert {pack["pack"] for pack in found["packs"]} >= {"hello", "log-triage", "repo-steward"}
    assert found["problems"] == []
    assert not vasini.home.exists()


def test_doctor_tells_settings_with_their_source_and_the_journal(vasini: Vasini) -> None:
    vasini.ok("run", "hello/hello", "--set", "name=Bo")
    (vasini.home / "config.yaml").write_text("engine: {slots: 3}\n")
    secret = "s3cr" + "et-value"
    changed = vasini.with_settings(VASINI_ENGINE__LEASE_SECONDS="4", VASINI_SECRETS__SERVICE=secret)
    outcome = changed("doctor", "--json")
    settings = {item["key"]: item for item in outcome.document["settings"]}
    assert (settings["engine.slots"]["value"], settings["engine.slots"]["source"]) == (3, "config file")
    assert settings["engine.lease_seconds"]["source"] == "env"
    assert settings["engine.poll_seconds"]["source"] == "default"
    assert outcome.document["journal"]["runs"]["QUEUED"] == 1
    assert secret not in outcome.stdout + changed("doctor").stdout


@pytest.mark.parametrize("text", ["engine: {slots: many}\n", "engin: {}\n", "engine: [\n", "\x00"])
def test_faulty_settings_end_every_command_in_2(vasini: Vasini, text: str) -> None:
    vasini.home.mkdir()
    (vasini.home / "config.yaml").write_text(text)
    outcome = vasini("runs", "--json")
    assert (outcome.status, outcome.error["code"]) == (2, "config_invalid")
    assert "config.yaml" in outcome.error["message"]
    examined = vasini("doctor", "--json")
    assert (examined.status, examined.document["error"]["code"]) == (2, "config_invalid")


def test_a_faulty_variable_names_itself(vasini: Vasini) -> None:
    outcome = vasini.with_settings(VASINI_ENGINE__SLOTS="many")("runs", "--json")
    assert (outcome.status, outcome.error["code"]) == (2, "config_invalid")
    assert "VASINI_ENGINE__SLOTS" in outcome.error["message"]


def test_a_reader_that_goes_away_ends_the_command_quietly(vasini: Vasini) -> None:
    script = 'vasini=$1; { "$vasini" packs --json; echo $? >&2; } | true'
    done = subprocess.run(
        ["sh", "-c", script, "sh", PROGRAM],
        env=vasini.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "141\n"
