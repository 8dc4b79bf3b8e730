"""A journal that cannot be used: what is wrong is said, and nothing is lost or half-written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE
from tests.system.conftest import PROGRAM, ended
from tests.system.own_disk import FOR_READING, SMALL, own_disk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.conftest import Outcome, Vasini

pytestmark = pytest.mark.system


@pytest.fixture
def used(vasini: Vasini) -> Vasini:
    """A home with one queued run."""
    vasini.ok("run", "hello/hello", "--set", "name=Bo")
    return vasini


def journal_file(vasini: Vasini) -> Path:
    return vasini.home / "data" / "journal.db"


def put_another(journal: Path) -> None:
    """A copy in the place of the journal."""
    copy = journal.with_name("copy.db")
    shutil.copy(journal, copy)
    copy.replace(journal)


def refused(vasini: Vasini, code: str) -> None:
    """Reading, writing and working all end in 7 with that code; doctor says the same."""
    for command in (("runs",), ("run", "hello/hello", "--set", "name=x"), ("worker", "--until-idle")):
        outcome = vasini(*command, "--json")
        assert (outcome.status, outcome.error["code"]) == (7, code), command
        assert str(vasini.home) in outcome.error["message"]
        people = vasini(*command)
        assert people.stderr.count("\n") == 1
        assert people.stdout == ""
    examined = vasini("doctor", "--json")
    assert examined.status == 7
    assert code in {problem["code"] for problem in examined.document["problems"]}


def test_a_damaged_journal_is_refused_and_left_as_it_is(used: Vasini) -> None:
    size = journal_file(used).stat().st_size
    journal_file(used).write_bytes(os.urandom(size))
    before = journal_file(used).read_bytes()
    refused(used, "journal_corrupt")
    assert journal_file(used).read_bytes() == before


def test_a_journal_that_is_damaged_inside_is_told_so(used: Vasini) -> None:
    content = bytearray(journal_file(used).read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    journal_file(used).write_bytes(content)
    outcome = used("runs", "--json")
    assert (outcome.status, outcome.error["code"]) == (7, "journal_corrupt")


def test_a_journal_of_a_newer_version_is_refused_untouched(used: Vasini) -> None:
    with closing(sqlite3.connect(journal_file(used))) as database:
        database.execute("PRAGMA user_version = 999")
    refused(used, "journal_newer")
    with closing(sqlite3.connect(journal_file(used))) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (999,)
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_the_database_of_another_program_is_refused_untouched(vasini: Vasini) -> None:
    journal_file(vasini).parent.mkdir(parents=True)
    with closing(sqlite3.connect(journal_file(vasini))) as database:
        database.execute("PRAGMA application_id = 1234")
        database.execute("CREATE TABLE theirs (x)")
        database.commit()
    refused(vasini, "journal_corrupt")
    with closing(sqlite3.connect(journal_file(vasini))) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_a_database_without_a_name_that_is_not_ours_is_refused_untouched(vasini: Vasini) -> None:
    journal_file(vasini).parent.mkdir(parents=True)
    with closing(sqlite3.connect(journal_file(vasini))) as database:
        database.execute("CREATE TABLE runs (x)")
        database.commit()
    outcome = vasini("runs", "--json")
    assert (outcome.status, outcome.error["code"]) == (7, "journal_corrupt")
    with closing(sqlite3.connect(journal_file(vasini))) as database:
        assert database.execute("SELECT sql FROM sqlite_master").fetchall() == [("CREATE TABLE runs (x)",)]


def test_a_locked_journal_is_told_after_a_while_and_works_again_when_free(used: Vasini) -> None:
    with closing(sqlite3.connect(journal_file(used), isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        assert len(used.ok("runs")["runs"]) == 1, "readers go on"
        outcome = used("run", "hello/hello", "--set", "name=x", "--json")
        assert (outcome.status, outcome.error["code"]) == (7, "journal_locked")
        database.execute("ROLLBACK")
    assert len(used.ok("runs")["runs"]) == 1
    used.ok("run", "hello/hello", "--set", "name=x")


def test_a_home_that_is_a_file_is_told_and_left_as_it_is(vasini: Vasini) -> None:
    vasini.home.write_text("not a directory")
    outcome = vasini("runs", "--json")
    assert (outcome.status, outcome.error["code"]) == (2, "config_invalid")
    assert vasini.home.read_text() == "not a directory"


def test_a_home_without_write_permission_can_be_read_only(used: Vasini) -> None:
    data = journal_file(used).parent
    for file in data.iterdir():
        file.chmod(0o400)
    data.chmod(0o500)
    outcome = replace(used, permissions_bind=True)("run", "hello/hello", "--set", "name=x", "--json")
    data.chmod(0o700)
    assert (outcome.status, outcome.error["code"]) == (7, "read_only")


def test_files_that_cannot_grow_leave_nothing_half_made(vasini: Vasini) -> None:
    limited = subprocess.run(
        ["sh", "-c", 'ulimit -f 40; exec "$0" run hello/hello --set name=x', PROGRAM],
        cwd=vasini.cwd,
        env=vasini.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert limited.returncode == 7
    assert limited.stderr.startswith("vasini: journal_unavailable: ")
    assert limited.stderr.count("\n") == 1
    assert vasini.ok("runs")["runs"] == []
    assert vasini.ok("run", "hello/hello", "--set", "name=x", "--wait")["status"] == "PENDING_USER_INPUT"


def told(outcome: Outcome, code: str) -> None:
    """It ended in 7, with that code and nothing else."""
    assert (outcome.status, outcome.stdout) == (7, "")
    assert outcome.stderr.startswith(f"vasini: {code}: ")
    assert outcome.stderr.count("\n") == 1


RUN = ("run", "hello/hello", "--set", "name=x")


def statuses(vasini: Vasini) -> list[str]:
    return sorted(run["status"] for run in vasini.ok("runs")["runs"])


def wait_for_input(vasini: Vasini, runs: int) -> None:
    """Until there are so many runs, each of which waits for a person."""
    end = time.monotonic() + PATIENCE
    while (seen := statuses(vasini)) != ["PENDING_USER_INPUT"] * runs:
        assert time.monotonic() < end, seen
        time.sleep(0.1)


def test_a_full_disk_is_told_and_work_goes_on_once_there_is_room(vasini: Vasini) -> None:
    with own_disk(vasini, SMALL) as disk:
        disk.vasini.ok(*RUN)
        disk.fill()
        told(disk.vasini(*RUN), "disk_full")
        disk.make_room()
        assert disk.vasini.ok(*RUN, "--wait")["status"] == "PENDING_USER_INPUT"
        assert len(statuses(disk.vasini)) == 2


def test_a_disk_that_fills_up_under_a_worker_loses_nothing(vasini: Vasini) -> None:
    with own_disk(vasini, SMALL) as disk:
        disk.vasini.ok(*RUN)
        worker = disk.vasini.start("worker")
        wait_for_input(disk.vasini, 1)
        disk.fill()
        told(disk.vasini(*RUN), "disk_full")
        disk.make_room()
        disk.vasini.ok(*RUN)
        wait_for_input(disk.vasini, 2)
        worker.terminate()
        stopped = ended(worker)
        assert (stopped.status, "Traceback" in stopped.stderr) == (0, False)


@pytest.mark.parametrize("accident", [Path.unlink, put_another], ids=["deleted", "replaced"])
def test_a_worker_whose_journal_is_lost_ends_so_that_its_supervisor_sees_it(
    used: Vasini, accident: Callable[[Path], None]
) -> None:
    worker = used.start("worker", "--json")
    try:
        wait_for_input(used, 1)
        accident(journal_file(used))
        outcome = ended(worker)
    finally:
        worker.kill()
    assert (outcome.status, outcome.error["code"]) == (7, "journal_unavailable")
    assert "deleted or replaced" in outcome.error["message"]
    assert "Traceback" not in outcome.stderr


def test_a_read_only_disk(used: Vasini) -> None:
    with own_disk(used, FOR_READING) as disk:
        told(disk.vasini(*RUN), "read_only")
        examined = disk.vasini("doctor")
        assert (examined.status, "Traceback" in examined.stderr) == (7, False)
        document = disk.vasini("doctor", "--deep", "--json").document
        assert [problem["code"] for problem in document["problems"]] == ["read_only"]
        assert document["journal"]["state"] == "read_only"
        assert document["journal"]["schema_version"] is not None
        assert len(disk.vasini.ok("runs")["runs"]) == 1
        copy = used.home.parent / "copy.db"
        assert disk.vasini.ok("backup", str(copy))["runs"] == 1
    assert len(used.ok("runs")["runs"]) == 1


def test_doctor_names_the_run_that_is_damaged(used: Vasini) -> None:
    (run,) = used.ok("runs")["runs"]
    assert used("doctor", "--json").document["journal"]["state"] == "ok"
    with closing(sqlite3.connect(journal_file(used))) as database, database:
        database.execute("UPDATE events SET payload = '{'")
    for command in (("doctor",), ("doctor", "--deep")):
        examined = used(*command, "--json")
        assert (examined.status, examined.document["journal"]["state"]) == (7, "corrupt")
        (problem,) = examined.document["problems"]
        assert (problem["code"], problem["details"]["run_id"]) == ("journal_corrupt", run["run_id"])
