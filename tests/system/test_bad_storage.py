"""A journal that cannot be used: what is wrong is said, and nothing is lost or half-written."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.patience import PATIENCE
from tests.system.conftest import PROGRAM, ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.conftest import Vasini

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


UNTIL = """\
import os, sqlite3, sys, time
journal = sqlite3.connect(f"file:{os.environ['VASINI_HOME']}/data/journal.db?mode=ro", uri=True)
waiting = "SELECT count(*) FROM runs WHERE status = 'PENDING_USER_INPUT'"
while journal.execute(waiting).fetchone() != (int(sys.argv[1]),):
    time.sleep(0.05)
"""
"""Waits for so many runs that wait for a person; each look by a command would cost its start."""


def shell(vasini: Vasini, script: str) -> subprocess.CompletedProcess[str]:
    """A script of several commands, each a process that starts from nothing."""
    environment = {
        **vasini.environment,
        "VASINI": str(PROGRAM),
        "PYTHON": sys.executable,
        "UNTIL": UNTIL,
    }
    command = ["sh", "-c", script]
    return subprocess.run(
        command,
        cwd=vasini.cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=6 * PATIENCE,
    )


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
    limited = shell(vasini, 'ulimit -f 40; exec "$VASINI" run hello/hello --set name=x')
    assert limited.returncode == 7
    assert limited.stderr.startswith("vasini: journal_unavailable: ")
    assert limited.stderr.count("\n") == 1
    assert vasini.ok("runs")["runs"] == []
    assert vasini.ok("run", "hello/hello", "--set", "name=x", "--wait")["status"] == "PENDING_USER_INPUT"


def in_small_disk(vasini: Vasini, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script whose home is a file system of 1 MB of its own; skips where that may not be made."""
    vasini.home.mkdir()
    unshare = shutil.which("unshare")
    probe = [unshare or "false", "-rm", "mount", "-t", "tmpfs", "-o", "size=2m", "none", str(vasini.home)]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("no mount name spaces here")
    made = shell(vasini, f"unshare -rm sh -c '{script}'")
    assert "Traceback" not in made.stderr
    return made


MOUNT = 'mount -t tmpfs -o size=2m none "$VASINI_HOME" && chmod 700 "$VASINI_HOME"'
RUN = '"$VASINI" run hello/hello --set name=x'


def test_a_full_disk_is_told_and_work_goes_on_once_there_is_room(vasini: Vasini) -> None:
    made = in_small_disk(
        vasini,
        f"""{MOUNT}; {RUN} >&2 || echo first failed
        dd if=/dev/zero of="$VASINI_HOME/ballast" bs=1k 2>/dev/null
        {RUN}; echo $?
        rm "$VASINI_HOME/ballast"
        {RUN} --wait >&2; echo $?
        "$VASINI" runs >&2""",
    )
    assert made.stdout.split() == ["7", "0"], made
    assert made.stderr.count("vasini: disk_full: ") == 1
    assert (
        made.stderr.count("QUEUED  hello/hello") + made.stderr.count("QUEUED              hello/hello") >= 1
    )


def test_a_disk_that_fills_up_under_a_worker_loses_nothing(vasini: Vasini) -> None:
    made = in_small_disk(
        vasini,
        f"""{MOUNT}; {RUN} >&2
        "$VASINI" worker & worker=$!
        "$PYTHON" -I -S -c "$UNTIL" 1
        dd if=/dev/zero of="$VASINI_HOME/ballast" bs=1k 2>/dev/null
        {RUN}; echo $?
        rm "$VASINI_HOME/ballast"
        {RUN} >&2; echo $?
        "$PYTHON" -I -S -c "$UNTIL" 2
        kill -TERM $worker; wait $worker; echo $?""",
    )
    assert made.stdout.split() == ["7", "0", "0"], made
    assert made.stderr.count("vasini: disk_full: ") == 1


@pytest.mark.parametrize("accident", [Path.unlink, put_another], ids=["deleted", "replaced"])
def test_a_worker_whose_journal_is_lost_ends_so_that_its_supervisor_sees_it(
    used: Vasini, accident: Callable[[Path], None]
) -> None:
    worker = used.start("worker", "--json")
    try:
        shell(used, '"$PYTHON" -I -S -c "$UNTIL" 1')
        accident(journal_file(used))
        outcome = ended(worker)
    finally:
        worker.kill()
    assert (outcome.status, outcome.error["code"]) == (7, "journal_unavailable")
    assert "deleted or replaced" in outcome.error["message"]
    assert "Traceback" not in outcome.stderr


def test_a_read_only_disk(used: Vasini) -> None:
    unshare = shutil.which("unshare")
    if (
        unshare is None
        or subprocess.run([unshare, "-rm", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no mount name spaces here")
    made = shell(
        used,
        "unshare -rm sh -c '"
        'mount --bind "$VASINI_HOME" "$VASINI_HOME" && mount -o remount,ro,bind "$VASINI_HOME" || exit 99; '
        '"$VASINI" run hello/hello --set name=x; echo $?; "$VASINI" doctor >/dev/null; echo $?; '
        'shown="$("$VASINI" runs)"; status=$?; echo "$shown" | grep -c hello/hello; echo $status\'',
    )
    if made.returncode == 99:
        pytest.skip("no bind mounts here")
    assert made.stdout.split() == ["7", "7", "1", "0"], made
    assert "vasini: read_only: " in made.stderr
    assert "Traceback" not in made.stderr
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
