"""What the commits of a run hold beside its events: whom they tell, and what they leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.contracts.status import RUN_TERMINAL, RunStatus
from engine.journal.memory.journal import MemoryJournal
from engine.machine.model.inputs import ChildEnded
from tests.engine.runtime.embedded_home import ANN, Home, approval, pending_approval, rest, start, tool

if TYPE_CHECKING:
    from engine.journal.records import Commit


class FakeWatchedJournal(MemoryJournal):
    """Keeps every commit that a worker appended."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[Commit] = []

    async def append(self, commit: Commit) -> None:
        await super().append(commit)
        self.commits.append(commit)


async def test_a_child_tells_its_end_once_though_more_is_committed_after_it(home: Home) -> None:
    home.flow("below", tool("act", params={"a": 1}))
    home.flow("asks", {"id": "sub", "type": "subflow", "subflow": "below"}, tool("after"))
    journal = FakeWatchedJournal()
    async with home.working(journal=journal) as engine:
        run_id = await start(engine, "asks")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (child,) = [one for one in (await engine.runs.list()).items if one.parent_run_id == run_id]
        await rest(engine, child.run_id, expect=RunStatus.COMPLETED)
    ended = [one for one in journal.commits if one.head.status in RUN_TERMINAL]
    assert len([one for one in ended if one.run_id == child.run_id]) > 1
    told = [(to, given) for one in journal.commits for to, given in one.mail]
    (mail,) = told
    assert mail[0] == run_id
    assert isinstance(mail[1], ChildEnded)
    assert (mail[1].path, mail[1].child_run_id, mail[1].status) == ("sub", child.run_id, "COMPLETED")


async def test_a_run_that_waits_leaves_what_it_knows_and_one_that_is_held_or_has_ended_leaves_nothing(
    home: Home,
) -> None:
    home.flow("asks", approval(timeout=3_600), tool("act"))
    journal = FakeWatchedJournal()
    async with home.working(journal=journal) as engine:
        run_id = await start(engine, "asks")
        shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
    assert journal.commits
    for one in journal.commits:
        waits = one.release and one.head.status not in RUN_TERMINAL
        assert (one.known is not None) is waits
        assert one.ready is not one.release
        assert (one.clock is not None) is bool(one.timers)
