"""parallel and for_each with approvals inside: cancel, pause, retry and kill, in real processes."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import CancelMode, RequestStatus, RunStatus, StepStatus
from engine.errors import ErrorCode, InvalidTransition, Refused
from tests.patience import PATIENCE
from tests.system.drill import effects_file, make_home
from tests.system.history import Journal
from tests.system.kills.nursery import KILLED, open_nursery
from tests.system.terminals.person import ANA, Person, person_at

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.runs.run import RunDetail

pytestmark = pytest.mark.system

HELD = ("held", "held_items")
HELD_CALL = {"held": "split/0/hold", "held_items": "each/0/hold"}


def effects(home: Path) -> Counter[str]:
    """How often each effect was made, by label."""
    file = effects_file(home)
    lines = file.read_text().splitlines() if file.exists() else []
    return Counter(line.split("\t")[2] for line in lines)


async def holding(person: Person, flow: str) -> str:
    """A run with one tool call under way and approvals pending beside it."""
    run_id = await person.start(flow)
    wanted = 1 if flow == "held" else 2

    def asked(detail: RunDetail) -> bool:
        pending = [item for item in detail.approvals if item.status is RequestStatus.PENDING]
        return len(pending) == wanted

    await person.until(run_id, asked)
    async with asyncio.timeout(PATIENCE):
        # The call says in a file that it is under way; no event follows it.
        while effects(person.home)["holding"] != 1:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)
    return run_id


@pytest.mark.parametrize("flow", HELD)
@pytest.mark.parametrize("mode", list(CancelMode))
async def test_cancel_withdraws_approvals_and_stops_or_awaits_the_call(
    flow: str, mode: CancelMode, memory_path: Path
) -> None:
    home = make_home(memory_path / "home")
    async with open_nursery() as nursery, person_at(home) as person:
        worker = await nursery.start(home)
        run_id = await holding(person, flow)
        asked = (await person.engine.requests.approvals(run_id=run_id)).items
        assert (await person.engine.runs.cancel(run_id, actor=ANA, mode=mode)).changed
        if mode is CancelMode.BOUNDARY:
            detail = await person.until(run_id, lambda found: found.run.cancel_requested is not None)
            assert detail.run.status is RunStatus.RUNNING
            (home / "open").touch()
        detail = await person.until(run_id, lambda found: found.run.status is RunStatus.CANCELLED)
        assert {item.status for item in detail.approvals} == {RequestStatus.WITHDRAWN}
        with pytest.raises(Refused) as refused:
            await person.engine.requests.approve(asked[0].approval_id, actor=ANA)
        assert refused.value.code is ErrorCode.REQUEST_WITHDRAWN
        (held,) = [step for step in detail.steps if step.step_id == HELD_CALL[flow]]
        finished = mode is CancelMode.BOUNDARY
        assert held.status is (StepStatus.COMPLETED if finished else StepStatus.CANCELLED)
        assert not (await person.engine.runs.cancel(run_id, actor=ANA, mode=mode)).changed
        await person.operate()
        assert await worker.drain() == 0
    assert effects(home) == ({"holding": 1, "held": 1} if finished else {"holding": 1})
    Journal(home).check()


@pytest.mark.parametrize("flow", HELD)
async def test_a_pause_holds_what_was_approved_until_it_is_resumed(flow: str, memory_path: Path) -> None:
    home = make_home(memory_path / "home")
    async with open_nursery() as nursery, person_at(home) as person:
        worker = await nursery.start(home)
        run_id = await holding(person, flow)
        assert (await person.engine.runs.pause(run_id, actor=ANA)).changed
        assert not (await person.engine.runs.pause(run_id, actor=ANA)).changed
        await person.until(run_id, lambda found: found.run.pause_requested)
        await person.approve_all()
        (home / "open").touch()
        await person.until(run_id, lambda found: found.run.status is RunStatus.PAUSED)
        assert effects(home) == {"holding": 1, "held": 1}
        assert (await person.engine.runs.resume(run_id, actor=ANA)).changed
        with suppress(InvalidTransition):  # what is left is short: the run may have ended by now
            assert not (await person.engine.runs.resume(run_id, actor=ANA)).changed
        await person.operate()
        assert await worker.drain() == 0
    journal = Journal(home)
    assert journal.runs[run_id]["status"] == RunStatus.COMPLETED
    assert sum(effects(home).values()) == {"held": 4, "held_items": 5}[flow]
    journal.check(person.acknowledged)


async def test_a_retry_opens_only_the_failed_branch_and_item_again(memory_path: Path) -> None:
    home = make_home(memory_path / "home")
    async with open_nursery() as nursery, person_at(home) as person:
        worker = await nursery.start(home)
        run_id = await person.start("healing")
        for gate in ("healed", "healed-a", "healed-b"):
            await person.operate()
            failed = await person.engine.runs.summary(run_id)
            assert failed.status is RunStatus.FAILED
            assert failed.error is not None
            assert failed.error.code == "temporary"
            (home / gate).touch()
            assert (await person.engine.runs.retry(run_id, actor=ANA)).changed
        await person.operate()
        detail = await person.engine.runs.get(run_id)
        assert await worker.drain() == 0
    assert detail.run.status is RunStatus.COMPLETED
    assert effects(home) == {"left": 1, "right": 1, "healed": 1, "healed-a": 1, "healed-b": 1}
    asked = [approval.step_id for approval in detail.approvals]
    assert asked == ["split/0/ask", "split/0/ask~2"], "an approval is used once: a retry asks anew"
    Journal(home).check(person.acknowledged)


@pytest.mark.parametrize("flow", HELD)
async def test_a_killed_call_runs_again_with_its_key_and_a_decision_made_meanwhile_counts(
    flow: str, memory_path: Path
) -> None:
    home = make_home(memory_path / "home")
    async with open_nursery() as nursery, person_at(home) as person:
        worker = await nursery.start(home)
        run_id = await holding(person, flow)
        await worker.kill()
        assert await worker.ended == KILLED
        await person.approve_all()
        assert person.acknowledged
        (home / "open").touch()
        second = await nursery.start(home)
        await person.operate()
        assert await second.drain() == 0
    journal = Journal(home)
    assert journal.runs[run_id]["status"] == RunStatus.COMPLETED
    assert effects(home)["holding"] == 2
    keys = {line.split("\t")[0] for line in effects_file(home).read_text().splitlines() if "hold" in line}
    assert len(keys) == 1
    journal.check(person.acknowledged)


@pytest.mark.parametrize("flow", HELD)
@pytest.mark.parametrize("verb", ["pause and resume", "cancel"])
async def test_a_verb_after_a_workers_death_does_not_strand_the_run(
    flow: str, verb: str, memory_path: Path
) -> None:
    home = make_home(memory_path / "home")
    async with open_nursery() as nursery, person_at(home) as person:
        worker = await nursery.start(home)
        run_id = await holding(person, flow)
        await worker.kill()
        await until_no_worker_lives(person)
        runs = person.engine.runs
        if verb == "cancel":
            assert (await runs.cancel(run_id, actor=ANA)).changed
        else:
            assert (await runs.pause(run_id, actor=ANA)).changed
            assert (await runs.resume(run_id, actor=ANA)).changed
        (home / "open").touch()
        second = await nursery.start(home)
        await person.operate()
        assert await second.drain() == 0
    journal = Journal(home)
    ended = RunStatus.CANCELLED if verb == "cancel" else RunStatus.COMPLETED
    assert journal.runs[run_id]["status"] == ended
    journal.check(person.acknowledged)


async def until_no_worker_lives(person: Person) -> None:
    """Wait until the lease of a killed worker has expired."""
    async with asyncio.timeout(PATIENCE):
        while any(worker.alive for worker in await person.engine.workers()):  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.02)
