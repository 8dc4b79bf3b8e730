"""When a commit carries a snapshot of its run, what a run that waits is left with, and when it happened."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.machine.model.inputs import ChildEnded
from engine.machine.model.state import Phase, RunState
from engine.runtime.worker.sessions.planning import Plan
from engine.runtime.worker.sessions.restoring import RestoredRun
from engine.runtime.worker.sessions.run_planner import SNAPSHOT_EVERY, RunPlanner
from engine.runtime.worker.steps.calls.tool_call import CallSite
from tests.engine.journal.run_script import step_started

if TYPE_CHECKING:
    from pathlib import Path

    from engine.journal.records import Commit

ROW = {
    "run_id": "run_1",
    "tenant": "default",
    "pack": "demo",
    "flow": "flow",
    "requested_by": "ann",
    "parent_run_id": None,
    "parent_path": None,
}


class FakeStill:
    """A clock that stands still."""

    def now(self) -> int:
        return 1_000

    def uptime(self) -> int:
        return 1_000


def planner_of(folder: Path, restored: RestoredRun, **row: Any) -> RunPlanner:
    """Of a run with neither children nor calls."""
    nothing: Any = None
    site = CallSite(cast("Any", {**ROW, **row}), nothing, folder, folder, {}, "run_1")
    return RunPlanner(nothing, FakeStill(), "boot", site, restored, nothing, nothing, nothing)


def committed(planner: RunPlanner, state: RunState, *, release: bool = False) -> Commit:
    """The commit that leaves the run in that state, as the journal then holds it."""
    commit = planner.commit(planner.first_state, Plan(state), release=release, blobs={})
    planner.committed(commit, state)
    return commit


def at(seq: int, phase: Phase = Phase.ACTIVE, payload: Any = None) -> RunState:
    return RunState(run_seq=seq, phase=phase, payload=payload)


def test_a_snapshot_is_written_when_so_many_events_have_passed_since_the_last_one(tmp_path: Path) -> None:
    planner = planner_of(tmp_path, RestoredRun(at(0), 0))
    assert committed(planner, at(SNAPSHOT_EVERY - 1)).snapshot is None
    first = committed(planner, at(SNAPSHOT_EVERY)).snapshot
    assert first is not None
    due = 2 * SNAPSHOT_EVERY + len(first) // 512
    assert committed(planner, at(due - 1)).snapshot is None
    assert committed(planner, at(due)).snapshot is not None


def test_a_large_state_is_written_as_much_more_seldom_as_it_is_larger(tmp_path: Path) -> None:
    """Also by whoever goes on from a snapshot that another one has written."""
    planner = planner_of(tmp_path, RestoredRun(at(1_000), 0, snapshot_seq=1_000, snapshot_bytes=512_000))
    assert committed(planner, at(1_000 + SNAPSHOT_EVERY + 999)).snapshot is None
    assert committed(planner, at(1_000 + SNAPSHOT_EVERY + 1_000)).snapshot is not None


def test_a_run_that_waits_is_left_with_the_newest_snapshot_below_it(tmp_path: Path) -> None:
    planner = planner_of(tmp_path, RestoredRun(at(5), 0, snapshot_seq=5, snapshot_bytes=40))
    assert committed(planner, at(9)).known is None, "it is worked on"
    before = committed(planner, at(10), release=True).known
    assert before is not None
    assert (before.state.run_seq, before.snapshot_seq, before.snapshot_bytes) == (10, 5, 40)
    commit = committed(planner, at(5 + SNAPSHOT_EVERY, payload="x" * 1_000), release=True)
    assert commit.snapshot is not None
    assert commit.known is not None
    assert (commit.known.snapshot_seq, commit.known.snapshot_bytes) == (
        5 + SNAPSHOT_EVERY,
        len(commit.snapshot),
    )


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.COMPLETED, Phase.FAILED])
def test_only_a_run_that_goes_on_is_left_to_be_gone_on_with(tmp_path: Path, phase: Phase) -> None:
    planner = planner_of(tmp_path, RestoredRun(at(5), 0))
    assert committed(planner, at(9, phase), release=True).known is None


def test_nothing_is_committed_before_what_somebody_else_has_appended(tmp_path: Path) -> None:
    planner = planner_of(tmp_path, RestoredRun(at(5), 0))
    assert committed(planner, at(6)).now == FakeStill().now()
    planner.caught_up(2_000)
    assert committed(planner, at(7)).now == 2_000
    planner.caught_up(1_500)
    assert committed(planner, at(8)).now == 2_000, "what came before is no news"


def test_a_commit_happens_when_its_newest_event_does(tmp_path: Path) -> None:
    planner = planner_of(tmp_path, RestoredRun(at(5), 3_000))
    plan = Plan(at(7), events=[step_started("a", ts=3_000), step_started("b", ts=3_500)])
    commit = planner.commit(planner.first_state, plan, release=False, blobs={})
    assert commit.now == 3_500, "the clock was set back"


def test_the_run_that_waits_for_another_hears_once_that_it_has_ended(tmp_path: Path) -> None:
    planner = planner_of(tmp_path, RestoredRun(at(5), 0), parent_run_id="run_0", parent_path="sub")
    heard = []
    phases = [Phase.QUEUED, Phase.ACTIVE, Phase.FAILED, Phase.FAILED]
    for before, after in pairwise(phases):
        plan = Plan(RunState(run_seq=6, phase=after, output={"n": 1}))
        heard.append(planner.commit(at(5, before), plan, release=True, blobs={}).mail)
    assert (heard[0], heard[2]) == ([], [])
    ((parent, said),) = heard[1]
    assert parent == "run_0"
    assert isinstance(said, ChildEnded)
    assert (said.path, said.child_run_id, said.status, said.output) == ("sub", "run_1", "FAILED", {"n": 1})
