from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import RUN_TERMINAL, CancelMode, RunStatus
from engine.errors import InvalidInput, InvalidTransition, NotFound
from engine.journal.records import RunHead
from engine.machine.model.inputs import Cancel, Input, Pause, Resume, Retry, Tell
from tests.engine.journal.run_script import NOW, a_run, hold, refused_run

if TYPE_CHECKING:
    from engine.journal.port import Journal
    from tests.engine.journal.run_script import HeldRun

PAUSE = Pause(now=NOW, actor="bob")
RESUME = Resume(now=NOW, actor="bob")
CANCEL = Cancel(now=NOW, actor="bob")
CANCEL_NOW = Cancel(now=NOW, actor="bob", mode=CancelMode.NOW)
RETRY = Retry(now=NOW, actor="bob")
PAST = {PAUSE: "paused", RESUME: "resumed", CANCEL: "cancelled", CANCEL_NOW: "cancelled", RETRY: "retried"}


async def run_that_is(journal: Journal, head: RunHead) -> HeldRun:
    held = await hold(journal)
    await held.append(head=head)
    return held


def changes(status: RunStatus, verb: Input) -> bool | None:
    """What is meant: True posts the verb, False says that it is so already, None refuses."""
    if isinstance(verb, Retry):
        return True if status in {RunStatus.FAILED, RunStatus.DEAD_LETTER} else None
    if isinstance(verb, Cancel) and status is RunStatus.CANCELLED:
        return False
    if status in RUN_TERMINAL:
        return None
    return not isinstance(verb, Resume)


@pytest.mark.parametrize(
    "verb", [PAUSE, RESUME, CANCEL, CANCEL_NOW, RETRY], ids=lambda verb: type(verb).__name__
)
@pytest.mark.parametrize("status", RunStatus)
async def test_a_verb_in_each_status(journal: Journal, status: RunStatus, verb: Input) -> None:
    held = await run_that_is(journal, RunHead(status))
    meant = changes(status, verb)
    if meant is None:
        with pytest.raises(InvalidTransition) as caught:
            await journal.steer(held.run_id, verb)
        assert caught.value.message == f"run run_0001 is {status.value}: it cannot be {PAST[verb]}"
        assert caught.value.details["status"] == status.value
    else:
        assert await journal.steer(held.run_id, verb) == (status, meant)
    mail = [given for _, _, given in await journal.mail_for("worker-1")]
    assert mail == ([verb] if meant else [])


@pytest.mark.parametrize(
    ("head", "verb", "changed"),
    [
        (RunHead(RunStatus.PAUSED, pause=True), PAUSE, False),
        (RunHead(RunStatus.PAUSED, pause=True), RESUME, True),
        (RunHead(RunStatus.RUNNING, pause=True), RESUME, True),
        (RunHead(RunStatus.RUNNING, cancel="boundary"), CANCEL, False),
        (RunHead(RunStatus.RUNNING, cancel="boundary"), CANCEL_NOW, True),
        (RunHead(RunStatus.RUNNING, cancel="now"), CANCEL, False),
        (RunHead(RunStatus.RUNNING, cancel="now"), CANCEL_NOW, False),
        (RunHead(RunStatus.RUNNING, cancel="boundary"), PAUSE, True),
    ],
)
async def test_what_the_run_already_is_changes_nothing(
    journal: Journal, head: RunHead, verb: Input, changed: bool
) -> None:
    held = await run_that_is(journal, head)
    assert await journal.steer(held.run_id, verb) == (head.status, changed)


@pytest.mark.parametrize(
    ("verbs", "changed"),
    [
        ([PAUSE, PAUSE], [True, False]),
        ([PAUSE, RESUME, RESUME, PAUSE], [True, True, False, True]),
        ([RESUME], [False]),
        ([CANCEL, CANCEL], [True, False]),
        ([CANCEL, CANCEL_NOW, CANCEL], [True, True, False]),
        ([CANCEL_NOW, CANCEL], [True, False]),
        ([PAUSE, CANCEL, PAUSE], [True, True, False]),
    ],
)
async def test_verbs_in_the_mail_count_as_done(
    journal: Journal, verbs: list[Input], changed: list[bool]
) -> None:
    await journal.create_run(a_run())
    answers = [await journal.steer("run_0001", verb) for verb in verbs]
    assert answers == [(RunStatus.QUEUED, item) for item in changed]
    (claim,) = await journal.claim("worker-1", NOW, 1)
    posted = [verb for verb, item in zip(verbs, changed, strict=True) if item]
    assert [given for _, given in claim.run.mail] == posted


async def test_a_retry_is_posted_once(journal: Journal) -> None:
    held = await run_that_is(journal, RunHead(RunStatus.FAILED))
    assert await journal.steer(held.run_id, RETRY) == (RunStatus.FAILED, True)
    assert await journal.steer(held.run_id, RETRY) == (RunStatus.FAILED, False)


async def test_a_run_that_was_refused_cannot_be_retried(journal: Journal) -> None:
    await journal.create_run(refused_run())
    with pytest.raises(InvalidTransition, match="cannot be retried"):
        await journal.steer("run_0001", RETRY)


async def test_a_verb_wakes_a_parked_run(journal: Journal) -> None:
    held = await hold(journal)
    await held.append(status=RunStatus.PAUSED, release=True, ready=False)
    assert not await journal.any_ready(NOW)
    await journal.steer(held.run_id, CANCEL)
    assert await journal.any_ready(NOW)


async def test_an_unknown_run_is_not_found(journal: Journal) -> None:
    with pytest.raises(NotFound) as caught:
        await journal.steer("run_none", PAUSE)
    assert caught.value.details == {"run_id": "run_none"}


async def test_ten_messages_wait_for_a_worker_that_takes_none_in(journal: Journal) -> None:
    held = await run_that_is(journal, RunHead(RunStatus.RUNNING))
    for number in range(10):
        assert await journal.steer(held.run_id, Tell(now=NOW, actor="bob", text=f"{number}"))
    with pytest.raises(InvalidInput, match="10 messages wait"):
        await journal.steer(held.run_id, Tell(now=NOW, actor="bob", text="one more"))
