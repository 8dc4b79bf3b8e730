"""pause, resume, cancel, retry, and a worker that is told to stop, with real processes."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.system.warm_command import WarmProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.system.conftest import Vasini

pytestmark = pytest.mark.system

StartWorker = Callable[..., WarmProcess]

# `cat` of a named pipe: the call is under way until the test opens the other end.
HOLDS = """\
input: {type: object, properties: {pipe: {type: string}}}
steps:
  - {id: hold, type: tool, tool: command.run, on_lost: rerun, params: {argv: [cat, "{{ payload.pipe }}"]}}
  - {id: after, type: tool, tool: text.report, params: {title: after, body: "{{ steps.hold.output.stdout }}"}}
"""
READS = """\
input: {type: object, properties: {root: {type: string}}}
steps:
  - {id: before, type: tool, tool: text.report, params: {title: before, body: x}}
  - {id: read, type: tool, tool: files.read, params: {root: "{{ payload.root }}", path: later.txt}}
"""


@pytest.fixture
def drain_seconds() -> float:
    """How long a worker that is stopped lets calls end."""
    return 10.0


@pytest.fixture
def bench(vasini: Vasini, drain_seconds: float) -> Vasini:
    vasini.make_pack("bench", holds=HOLDS, reads=READS)
    return vasini.with_settings(
        VASINI_TOOLS__COMMAND_ALLOWLIST='["cat"]',
        VASINI_ENGINE__DRAIN_SECONDS=str(drain_seconds),
        VASINI_ENGINE__LEASE_SECONDS="1",
        VASINI_ENGINE__POLL_SECONDS="0.02",
        VASINI_ENGINE__KILL_GRACE_SECONDS="0.2",
    )


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe; nobody has opened it yet."""
    place = tmp_path / "pipe"
    os.mkfifo(place)
    return place


@pytest.fixture
def worker(bench: Vasini) -> Iterator[StartWorker]:
    """Starts `vasini worker`; whatever is left of it is killed."""
    started: list[WarmProcess] = []

    def start(*arguments: str) -> WarmProcess:
        started.append(bench.start("worker", "--json", *arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def reader_of(pipe: Path) -> int:
    """The writing end of the pipe, once a call reads it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # ENXIO: no reader yet
            assert time.monotonic() < deadline, "no step reads the pipe"
            time.sleep(0.01)


def unread(pipe: Path) -> None:
    """Returns once nobody reads the pipe any more."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError:  # ENXIO: no reader
            return
        assert time.monotonic() < deadline, "the orphaned call still reads the pipe"
        time.sleep(0.01)


def let_go(pipe: Path, text: str) -> None:
    """Let the call that reads the pipe end with this output."""
    end = reader_of(pipe)
    os.write(end, text.encode())
    os.close(end)


def until(bench: Vasini, run_id: str, **wanted: object) -> dict[str, Any]:
    """The run's document once its run has these values."""
    deadline = time.monotonic() + PATIENCE
    while not wanted.items() <= (shown := bench.ok("show", run_id))["run"].items():
        assert time.monotonic() < deadline, f"{shown['run']} is not {wanted}"
        time.sleep(0.02)
    return shown


@pytest.mark.parametrize("drain_seconds", [0.2], ids=["soon"])
def test_a_worker_told_to_stop_drains_and_the_step_runs_again_elsewhere(
    bench: Vasini, pipe: Path, worker: StartWorker
) -> None:
    run = bench.ok("run", "bench/holds", "--set", f"pipe={pipe}")
    first = worker()
    end = reader_of(pipe)
    first.send_signal(signal.SIGTERM)
    out, err = first.communicate(timeout=PATIENCE)
    os.close(end)
    unread(pipe)
    assert first.returncode == 0
    assert json.loads(out)["stopped_by"] == "SIGTERM"
    assert b"Traceback" not in err
    left = bench.ok("show", run["run_id"])
    assert (left["run"]["status"], left["run"]["held_by"]) == ("RUNNING", None)
    second = worker("--until-idle")
    let_go(pipe, "whole")
    second.communicate(timeout=PATIENCE)
    assert second.returncode == 0
    shown = bench.ok("show", run["run_id"])
    assert shown["run"]["status"] == "COMPLETED"
    assert "whole" in shown["run"]["output"]["text"]


def test_a_worker_whose_terminal_is_closed_lets_its_call_end(
    bench: Vasini, pipe: Path, worker: StartWorker
) -> None:
    run = bench.ok("run", "bench/holds", "--set", f"pipe={pipe}")
    first = worker()
    end = reader_of(pipe)
    for _ in range(2):  # the shell says it, then the kernel
        first.send_signal(signal.SIGHUP)
    os.write(end, b"whole")
    os.close(end)
    out, _ = first.communicate(timeout=PATIENCE)
    assert json.loads(out)["stopped_by"] == "SIGHUP"
    worker("--until-idle").communicate(timeout=PATIENCE)
    shown = bench.ok("show", run["run_id"])
    assert "whole" in shown["run"]["output"]["text"]


def test_a_killed_workers_step_runs_again_in_another_worker(
    bench: Vasini, pipe: Path, worker: StartWorker
) -> None:
    run = bench.ok("run", "bench/holds", "--set", f"pipe={pipe}")
    first = worker()
    end = reader_of(pipe)
    first.kill()
    first.communicate(timeout=PATIENCE)
    os.close(end)  # the orphaned call ends with its input; nobody takes its result
    unread(pipe)  # or what the second call shall read would go to it
    second = worker("--until-idle")
    let_go(pipe, "again")
    second.communicate(timeout=PATIENCE)
    assert second.returncode == 0
    shown = bench.ok("show", run["run_id"])
    assert shown["run"]["status"] == "COMPLETED"
    assert shown["steps"][0]["recoveries"] == 1


@pytest.mark.parametrize("drain_seconds", [0.2], ids=["soon"])
def test_run_wait_told_to_stop_leaves_the_run_to_others(bench: Vasini, pipe: Path) -> None:
    waiting = bench.start("run", "bench/holds", "--set", f"pipe={pipe}", "--wait", "--json")
    end = reader_of(pipe)
    waiting.send_signal(signal.SIGTERM)
    out, _ = waiting.communicate(timeout=PATIENCE)
    os.close(end)
    assert waiting.returncode == 143
    run = json.loads(out)
    assert bench.ok("cancel", run["run_id"])["changed"] is True


def test_pause_and_resume_tell_whether_they_changed_anything(
    bench: Vasini, pipe: Path, worker: StartWorker
) -> None:
    run_id = bench.ok("run", "bench/holds", "--set", f"pipe={pipe}")["run_id"]
    assert bench.ok("pause", run_id) == {"run_id": run_id, "status": "PAUSED", "changed": True}
    assert bench.ok("pause", run_id) == {"run_id": run_id, "status": "PAUSED", "changed": False}
    assert bench.ok("resume", run_id)["changed"] is True
    assert bench.ok("resume", run_id)["changed"] is False
    worker()
    end = reader_of(pipe)
    bench.ok("pause", run_id)
    until(bench, run_id, pause_requested=True)
    os.write(end, b"x")
    os.close(end)
    shown = until(bench, run_id, status="PAUSED")
    assert [step["status"] for step in shown["steps"]] == ["COMPLETED"]
    bench.ok("resume", run_id)
    until(bench, run_id, status="COMPLETED")
    over = bench("pause", run_id, "--json")
    assert (over.status, over.error["code"]) == (5, "invalid_transition")


def test_cancel_after_the_step_and_at_once(bench: Vasini, pipe: Path, worker: StartWorker) -> None:
    worker()
    for arguments, held in (((), "COMPLETED"), (("--now",), "CANCELLED")):
        run_id = bench.ok("run", "bench/holds", "--set", f"pipe={pipe}")["run_id"]
        end = reader_of(pipe)
        assert bench.ok("cancel", run_id, *arguments)["changed"] is True
        if not arguments:
            until(bench, run_id, cancel_requested="boundary")
            os.write(end, b"x")
            os.close(end)
        shown = until(bench, run_id, status="CANCELLED")
        assert [step["status"] for step in shown["steps"]] == [held]
        assert bench.ok("cancel", run_id)["changed"] is False
        assert bench("resume", run_id, "--json").error["code"] == "invalid_transition"
        if arguments:
            os.close(end)


def test_a_queued_run_is_cancelled_without_any_worker(bench: Vasini, pipe: Path) -> None:
    run_id = bench.ok("run", "bench/holds", "--set", f"pipe={pipe}")["run_id"]
    assert bench.ok("cancel", run_id) == {"run_id": run_id, "status": "CANCELLED", "changed": True}
    assert bench.ok("worker", "--until-idle")["stopped_by"] == "idle"
    assert bench.ok("show", run_id)["steps"] == []


def test_retry_goes_on_at_the_failed_step(bench: Vasini, tmp_path: Path) -> None:
    failed = bench("run", "bench/reads", "--set", f"root={tmp_path}", "--wait", "--json")
    run_id = failed.document["run_id"]
    assert failed.status == 6
    (tmp_path / "later.txt").write_text("there")
    assert bench.ok("retry", run_id)["changed"] is True
    bench.ok("worker", "--until-idle")
    shown = bench.ok("show", run_id)
    assert shown["run"]["status"] == "COMPLETED"
    assert [(step["step_id"], step["status"], step["attempt"]) for step in shown["steps"]] == [
        ("before", "COMPLETED", 1),
        ("read", "COMPLETED", 2),
    ]
    again = bench("retry", run_id, "--json")
    assert (again.status, again.error["code"]) == (5, "invalid_transition")
