"""`vasini prune`, `backup`, `export` and `verify`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RUN_TERMINAL, RunStatus
from engine.journal.sqlite.file.connection import open_writer
from engine.safe_files.removing import discard
from tests.engine.deep_folders import fill_deep
from tests.fakes.views import a_run
from vasini_tui.exit_codes import ExitCode
from vasini_tui.identity import login_name
from vasini_tui.output import format_size

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.engine import FakeEngine
    from tests.vasini_tui.conftest import Vasini


def test_prune_tells_what_went(vasini: Vasini, fake: FakeEngine) -> None:
    outcome = vasini("prune", "--older-than", "30d", "--json")
    assert outcome.document["runs"] == ["run-1"]
    assert outcome.document["dry_run"] is False
    assert fake.housekeeping.pruned["statuses"] == set(RUN_TERMINAL)
    age = datetime.now(UTC) - fake.housekeeping.pruned["before"]
    assert timedelta(days=30) <= age < timedelta(days=31)


def test_prune_only_says_what_would_go(vasini: Vasini, fake: FakeEngine) -> None:
    outcome = vasini(
        "prune", "--older-than", "2030-01-01", "--status", "failed", "--pack", "hello", "--dry-run"
    )
    assert "1 runs with 4 events would go" in outcome.stdout
    assert fake.housekeeping.pruned["statuses"] == {RunStatus.FAILED}
    assert (fake.housekeeping.pruned["rejected"], fake.housekeeping.pruned["pack"]) == (False, "hello")
    assert fake.housekeeping.pruned["before"] == datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("named", "rejected"), [(["rejected"], True), (["failed", "rejected"], None), (["completed"], None)]
)
def test_prune_tells_rejected_runs_from_failed_ones(
    vasini: Vasini, fake: FakeEngine, named: list[str], rejected: bool | None
) -> None:
    vasini("prune", "--older-than", "30d", *(word for name in named for word in ("--status", name)))
    wanted = {RunStatus.COMPLETED if named == ["completed"] else RunStatus.FAILED}
    assert (fake.housekeeping.pruned["statuses"], fake.housekeeping.pruned["rejected"]) == (wanted, rejected)


def test_prune_takes_statuses_as_they_are_told(vasini: Vasini, fake: FakeEngine) -> None:
    assert vasini("prune", "--older-than", "1d", "--status", "dead letter").status == ExitCode.OK
    assert fake.housekeeping.pruned["statuses"] == {RunStatus.DEAD_LETTER}


@pytest.mark.parametrize("words", [(), ("--older-than", "soon"), ("--older-than", "1d", "--status", "old")])
def test_prune_wants_an_age_and_known_statuses(vasini: Vasini, words: tuple[str, ...]) -> None:
    assert vasini("prune", *words).status == ExitCode.USAGE


def test_backup_copies_the_journal(vasini: Vasini, home: Path, tmp_path: Path) -> None:
    journal = home / "data" / "journal.db"
    journal.parent.mkdir(parents=True)
    open_writer(journal).close()
    target = tmp_path / "copy.db"
    outcome = vasini("backup", str(target), "--json")
    assert (outcome.status, outcome.document["path"]) == (ExitCode.OK, str(target))
    assert outcome.document["bytes"] == target.stat().st_size
    assert vasini("backup", str(target)).status == ExitCode.INVALID_INPUT
    assert "not in it" in vasini("backup", str(tmp_path / "two.db")).stderr


@pytest.mark.parametrize(
    "operators",
    [
        "nobody-here: {roles: [admin], tenants: ['*']}",
        "{account}: {roles: [approver], tenants: ['*']}",
        "{account}: {roles: [admin], tenants: [acme, default]}",
    ],
)
def test_backup_is_for_an_admin_of_every_tenant(
    vasini: Vasini, home: Path, tmp_path: Path, operators: str
) -> None:
    home.mkdir()
    who = operators.replace("{account}", login_name())
    (home / "config.yaml").write_text(f"identity:\n  operators:\n    {who}\n")
    outcome = vasini("backup", str(tmp_path / "copy.db"), "--json")
    assert outcome.error["code"] == "role_missing"
    assert not (tmp_path / "copy.db").exists()


def test_export_names_the_archive_after_the_run(
    vasini: Vasini, fake: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fake.add(a_run())
    assert vasini("export", "run-1", "--json").document["path"] == str(tmp_path / "run-1.zip")
    told = vasini("export", "run-1", "--to", "other.zip")
    assert "d" * 64 in told.stdout
    assert fake.housekeeping.exported is not None
    assert fake.housekeeping.exported[1] == tmp_path / "other.zip"
    assert vasini("export", "none").status == ExitCode.NOT_FOUND


def test_verify_refuses_what_is_no_archive(vasini: Vasini, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK")
    assert vasini("verify", str(tmp_path / "x.zip")).status == ExitCode.INVALID_INPUT
    assert vasini("verify", str(tmp_path / "none.zip"), "--json").error["code"] == "not_found"


def test_doctor_tells_the_disk_by_kind(vasini: Vasini, home: Path) -> None:
    journal = home / "data" / "journal.db"
    journal.parent.mkdir(parents=True)
    open_writer(journal).close()
    folder = home / "runs" / "demo"
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"x" * 1996)
    (folder / "deep").mkdir()
    fill_deep(folder / "deep", 1_500)  # as a call can leave it in its work folder
    disk = vasini("doctor", "--json").document["disk"]
    assert disk["folders of runs"] == 2000
    assert disk["journal: events"] == 0
    assert disk["journal: rows and indexes"] > 0
    assert "2.0 kB" in vasini("doctor").stdout
    discard(folder)


def test_sizes_are_told_in_round_numbers() -> None:
    assert [format_size(size) for size in (0, 999, 1000, 2_500_000, 3 * 10**15)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "2.5 MB",
        "3000.0 TB",
    ]
