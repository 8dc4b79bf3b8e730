from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from typing import TYPE_CHECKING

import pytest

from engine.contracts.packs.pack import Problem
from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, Unavailable
from engine.facade.engine import RestingModel
from engine.journal.sqlite.file.connection import open_writer, schema_version
from tests.fakes.views import a_pack
from vasini_tui.exit_codes import ExitCode
from vasini_tui.identity import login_name, over_ssh

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


@pytest.fixture
def journal(home: Path) -> Path:
    path = home / "data" / "journal.db"
    path.parent.mkdir(parents=True)
    open_writer(path).close()
    return path


def test_doctor_tells_every_setting_its_value_and_where_it_is_from(
    vasini: Vasini, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_ENGINE__SLOTS", "5")
    monkeypatch.setenv("VASINI_SECRETS__TOKEN", "hush-hush")
    outcome = vasini("doctor", "--json")
    assert outcome.status == ExitCode.OK
    settings = {row["key"]: (row["value"], row["source"]) for row in outcome.document["settings"]}
    assert settings["engine.slots"] == (5, "env")
    assert settings["tools.roots"] == (["/"], "default")
    assert settings["secrets.token"] == ("set", "env")
    assert outcome.document["places"]["VASINI_HOME"] == str(home)
    assert outcome.document["sandbox"] == "isolated"
    assert "bubblewrap" in outcome.document["isolation"]
    assert "tools.sandbox: auto (calls that want it or must be)" in outcome.document["isolation"]
    assert "1024 MiB" in outcome.document["limits"]
    assert "1024 processes a call" in outcome.document["limits"]
    assert outcome.document["sqlite"] == sqlite3.sqlite_version
    assert "hush-hush" not in outcome.stdout + vasini("doctor").stdout


def test_doctor_tells_items_of_lists_as_they_were_written(
    vasini: Vasini, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VASINI_BUDGET__CAPS", '[{"scope": "run", "hard": 1}]')
    settings = {row["key"]: row["value"] for row in vasini("doctor", "--json").document["settings"]}
    assert settings["budget.caps"] == [{"scope": "run", "hard": "1"}]
    assert "scope run, hard 1" in vasini("doctor").stdout


def test_doctor_makes_no_journal_and_still_tells_the_packs(
    vasini: Vasini, fake: FakeEngine, home: Path
) -> None:
    problem = Problem(file="x.yaml", message="broken")
    fake.stored_packs = (a_pack(pack="p", version=None, source="home", trusted=False, problems=(problem,)),)
    outcome = vasini("doctor", "--json")
    assert outcome.document["journal"]["state"] == "missing"
    assert outcome.document["packs"] == [
        {"pack": "p", "version": None, "source": "home", "flows": 1, "problems": 1}
    ]
    assert not home.exists()
    assert fake.config is not None
    assert not fake.config.data_dir.exists()


def test_doctor_names_models_that_workers_leave_alone(
    vasini: Vasini, fake: FakeEngine, journal: Path
) -> None:
    fake.resting = (RestingModel("local", 21.6), RestingModel("gone", 0.0))
    told = vasini("doctor").stdout
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert "local failed too often: the worker 42 leaves it alone for 22 s more" in lines
    assert "gone failed too often: the worker 42 leaves it alone until its next call answers" in lines
    assert "resting_models" not in told


def test_doctor_tells_schema_sizes_runs_and_workers(vasini: Vasini, journal: Path) -> None:
    outcome = vasini("doctor", "--json")
    state = outcome.document["journal"]
    assert outcome.status == ExitCode.OK
    assert (state["state"], state["schema_version"], state["path"]) == (
        "ok",
        schema_version(),
        str(journal),
    )
    assert state["bytes"] > 0
    assert state["runs"] == dict.fromkeys(RunStatus, 0)
    assert state["workers"][0]["worker_id"] == "worker-1"
    assert "worker-1" in vasini("doctor").stdout


@pytest.mark.parametrize(
    ("code", "state"),
    [
        (ErrorCode.JOURNAL_CORRUPT, "corrupt"),
        (ErrorCode.JOURNAL_LOCKED, "locked"),
        (ErrorCode.JOURNAL_NEWER, "newer"),
    ],
)
def test_an_unusable_journal_ends_with_7_and_says_why(
    vasini: Vasini, fake: FakeEngine, journal: Path, code: ErrorCode, state: str
) -> None:
    journal.write_bytes(b"this is no database" * 100)
    fake.failures["open"] = Unavailable(code, "the journal is not usable")
    outcome = vasini("doctor", "--json")
    assert outcome.status == ExitCode.UNAVAILABLE
    assert outcome.document["journal"]["state"] == state
    assert outcome.error["code"] == code
    assert "not usable" in outcome.stderr


def test_a_place_where_no_journal_can_be_is_told(
    vasini: Vasini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("VASINI_HOME", str(tmp_path / "file" / "home"))
    outcome = vasini("doctor", "--json")
    assert outcome.status == ExitCode.UNAVAILABLE
    assert outcome.document["journal"]["state"] == "read_only"


def test_a_place_that_nobody_can_look_into_is_told(
    vasini: Vasini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name that is too long is refused to root as well, as a folder of another account is to others.
    monkeypatch.setenv("VASINI_HOME", str(tmp_path / ("x" * 300)))
    outcome = vasini("doctor", "--json")
    assert outcome.status == ExitCode.UNAVAILABLE
    assert outcome.document["journal"]["state"] == "unavailable"
    assert [found["code"] for found in outcome.document["problems"]] == [
        *["config_invalid"] * 3,
        "journal_unavailable",
    ]


def test_an_account_without_a_home_is_told_to_name_a_place(
    vasini: Vasini, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("VASINI_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "nowhere")
    monkeypatch.setattr(os, "getuid", lambda: 4_294_000_000)
    outcome = vasini("doctor")
    assert outcome.status == ExitCode.USAGE
    assert "name a place for everything with VASINI_HOME" in outcome.stderr


def test_a_full_temporary_folder_hides_only_the_packs(
    vasini: Vasini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    outcome = vasini("doctor", "--json")
    assert outcome.status == ExitCode.UNAVAILABLE
    assert "TMPDIR" in outcome.error["message"]
    assert outcome.document["settings"]


def test_every_fault_of_the_settings_is_told_to_a_person(vasini: Vasini, home: Path) -> None:
    home.mkdir()
    (home / "config.yaml").write_text("console: {grase_ms: 1}\nengine:\n  slots: 0\n", encoding="utf-8")
    told = vasini("doctor").stderr
    assert "config.yaml:1: console.grase_ms: unknown key" in told
    assert "config.yaml:3: engine.slots: " in told


def test_faulty_settings_are_told_beside_what_could_be_loaded(
    vasini: Vasini, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    (home / "config.yaml").write_text("console: {grase_ms: 1}\n", encoding="utf-8")
    monkeypatch.setenv("VASINI_POLICEIS__MAX_STEPS", "1")
    outcome = vasini("doctor", "--json")
    assert outcome.status == ExitCode.USAGE
    assert outcome.error["code"] == "config_invalid"
    assert "VASINI_POLICEIS__MAX_STEPS" in outcome.document["warnings"][0]
    assert outcome.document["settings"]


def test_a_shared_home_that_is_not_setgid_is_told(vasini: Vasini, home: Path) -> None:
    home.mkdir()
    home.chmod(0o770)
    assert f"chmod g+s {home}" in vasini("doctor").stdout
    home.chmod(0o2770)
    assert "chmod" not in vasini("doctor").stdout


def test_what_the_group_of_a_shared_home_cannot_write_is_told(vasini: Vasini, home: Path) -> None:
    for made in (home / "data", home / "runs" / "demo"):
        made.mkdir(parents=True)
    for shared in (home, home / "data", home / "runs"):
        shared.chmod(0o2770)
    (home / "runs" / "demo").chmod(0o700)
    for name, mode in (("calls.lock", 0o600), ("journal.db-turn", 0o640), ("vasini.log", 0o660)):
        (home / "data" / name).touch()
        (home / "data" / name).chmod(mode)
    told = vasini("doctor").stdout
    closed = "cannot be written by its group"
    assert f"data/calls.lock {closed}, nor can 1 more beside it; run: chmod -R g+rwX {home}/data" in told
    assert f"runs/demo {closed}; run: chmod -R g+rwX {home}/runs" in told


def test_who_one_is_and_what_one_may_is_told(vasini: Vasini, home: Path) -> None:
    me = login_name()
    assert vasini("doctor", "--json").document["identity"] == {
        "account": me,
        "over_ssh": over_ssh(),
        "operators": 0,
        "tenants": ["*"],
        "roles": ["admin"],
    }
    home.mkdir(exist_ok=True)
    mine = {"tenants": ["acme"], "roles": ["viewer", "approver"]}
    operators = {me: mine, "no-such-account": {"tenants": ["*"], "roles": ["admin"]}}
    (home / "config.yaml").write_text(json.dumps({"identity": {"operators": operators}}), encoding="utf-8")
    found = vasini("doctor", "--json").document
    assert (found["identity"]["tenants"], found["identity"]["roles"]) == (["acme"], ["approver", "viewer"])
    assert "identity.operators names no-such-account" in found["warnings"][0]


def test_who_may_decide_is_read_from_no_file_that_others_may_write(home: Path, vasini: Vasini) -> None:
    home.mkdir(exist_ok=True)
    config = home / "config.yaml"
    operators = {login_name(): {"tenants": ["*"], "roles": ["admin"]}}
    config.write_text(json.dumps({"identity": {"operators": operators}}), encoding="utf-8")
    for mode, accepted in ((0o664, False), (0o646, False), (0o644, True), (0o600, True)):
        config.chmod(mode)
        started = vasini("runs", "--json")
        assert (started.status == ExitCode.OK) is accepted, started.stderr
        if not accepted:
            assert started.error["code"] == "config_invalid"
            assert "chmod go-w" in started.error["message"]
            assert "may write it" in str(vasini("doctor", "--json").document)
    config.write_text(json.dumps({"console": {"theme": "vasini-light"}}), encoding="utf-8")
    config.chmod(0o664)
    assert vasini("runs", "--json").status == ExitCode.OK


def test_names_in_policies_that_nothing_has_are_warned_of(vasini: Vasini, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "config.yaml").write_text(
        "policies:\n  blocked_tools: [HTTP.get, http.gte, hello.greet]\n  by_pack: {helo: {max_steps: 3}}\n",
        encoding="utf-8",
    )
    warnings = vasini("doctor", "--json").document["warnings"]
    assert "policies.blocked_tools: there is no tool `http.gte`" in warnings
    assert "policies.by_pack: there is no pack `helo`" in warnings
    assert not [warning for warning in warnings if "http.get`" in warning or "hello.greet" in warning]


@pytest.mark.parametrize(("last", "beyond"), [("m4", ["m4"]), ("m1", [])], ids=["four models", "three"])
def test_tiers_that_an_agents_attempts_do_not_reach_are_warned_of(
    vasini: Vasini, home: Path, last: str, beyond: list[str]
) -> None:
    home.mkdir(exist_ok=True)
    named = "".join(f"    m{one}: {{provider: ollama, model: m}}\n" for one in range(1, 5))
    tiers = f"  tiers: {{a: m1, b: m2, c: m3, d: {last}}}\n  fallback: [a, b, c, d]\n"
    (home / "config.yaml").write_text(f"models:\n  named:\n{named}{tiers}", "utf-8")
    warnings = vasini("doctor", "--json").document["warnings"]
    told = [
        f"models.fallback: from its first tier on {name} is asked by steps alone whose"
        " `retry.max_attempts` is 4: it is 3 where they say nothing"
        for name in beyond
    ]
    assert [one for one in warnings if "models.fallback" in one] == told


def test_tools_that_are_given_a_secret_that_is_not_set_are_warned_of(vasini: Vasini, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "config.yaml").write_text(
        "tools:\n"
        "  remote: {crm.find: {endpoint: 'https://crm.test/', headers: {Authorization: {$secret: crm_key},"
        " X-Again: {$secret: crm_key}, X-Open: {$secret: there}, X-Text: plain}}}\n"
        "  mcp:\n"
        "    servers:\n"
        "      desk: {command: [server], env: {TOKEN: {$secret: desk_token}}}\n"
        "      web: {url: 'https://web.test/', headers: {Authorization: {$secret: web_key}}}\n",
        "utf-8",
    )
    (home / "secrets.yaml").write_text("secrets: {there: hush}\n", "utf-8")
    (home / "secrets.yaml").chmod(0o600)
    warnings = vasini("doctor", "--json").document["warnings"]
    assert [one for one in warnings if "secret" in one] == [
        "tools.remote.crm.find is given the secret 'crm_key', which is not set",
        "tools.mcp.servers.desk is given the secret 'desk_token', which is not set",
        "tools.mcp.servers.web is given the secret 'web_key', which is not set",
    ]


def test_caps_that_nothing_can_meet_are_warned_of(vasini: Vasini, home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "config.yaml").write_text(
        "models: {named: {local: {provider: ollama, model: l}}}\n"
        "agents: {acp: {coder: {command: sh}}}\n"
        "budget: {caps: [{scope: pack, of: gone, window: day, hard: 1}]}\n",
        "utf-8",
    )
    warnings = vasini("doctor", "--json").document["warnings"]
    assert "budget.caps: there is no pack `gone`" in warnings
    assert any("model local costs is not known" in one for one in warnings)
    assert any("the agent acp:coder will cost nobody knows" in one for one in warnings)


def test_a_program_that_is_an_agent_is_looked_for_where_a_worker_looks(
    vasini: Vasini, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir(exist_ok=True)
    monkeypatch.chdir(home)
    programs = home / "programs"
    programs.mkdir()
    (programs / "coder").write_text("#!/bin/sh\n", "utf-8")
    (programs / "coder").chmod(0o755)
    (home / "config.yaml").write_text(
        "agents:\n"
        "  acp:\n"
        f"    known: {{command: coder, env: {{PATH: '{programs}'}}}}\n"
        "    kept: {command: coder, env: {PATH: {$secret: where}}}\n"
        "    lost: {command: coder}\n"
        f"    here: {{command: programs/coder, cwd: '{home}'}}\n"
        "    nowhere: {command: programs/coder}\n",
        "utf-8",
    )
    (home / "secrets.yaml").write_text(f"secrets: {{where: '{programs}'}}\n", "utf-8")
    (home / "secrets.yaml").chmod(0o600)
    warnings = vasini("doctor", "--json").document["warnings"]
    assert [one.partition(":")[0] for one in warnings if one.startswith("agents.acp")] == [
        "agents.acp.lost",
        "agents.acp.nowhere",
    ]
