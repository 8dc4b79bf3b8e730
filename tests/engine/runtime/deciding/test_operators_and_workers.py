"""Any interleaving of two operators and two workers keeps every invariant."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from engine.contracts.actor import Actor
from engine.contracts.status import CancelMode
from engine.errors import Refused
from engine.journal.memory.journal import MemoryJournal
from engine.journal.sqlite.journal import SqliteJournal
from tests.engine.in_memory import in_memory
from tests.engine.runtime.embedded_home import Home, Step, approval, form, start, tool
from tests.engine.runtime.journal_invariants import check_journal
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.facade.engine import Engine

VERBS = ("approve", "reject", "answer", "pause", "resume", "cancel", "cancel_now", "retry", "start")
FLOWS = ("host", "side", "each", "top", "narrow")

Act = tuple[str, int, int]
"""A verb, which of the runs or requests there are it is about, and how often others may go first."""

ACTS = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 7), st.integers(0, 12)), max_size=14)


def write_flows(home: Home) -> None:
    flaky = tool("flaky", "fake.flaky", params={"fails": 2}, retry={"max_attempts": 2})
    wait = {"max_attempts": 2, "backoff_seconds": 0.002}
    home.flow("host", approval("ok"), flaky, form("word"), tool("end", params={"x": 1}))
    branches = [[approval("ok"), tool("a", params={"x": 1})], [form("word")], [tool("b", params={"x": 2})]]
    side: Step = {"id": "p", "type": "parallel", "branches": branches}
    home.flow("side", side)
    home.flow("any", {**side, "join": "any"})
    again = tool("again", "fake.flaky", params={"fails": 1}, retry=wait)
    home.flow("each", {"id": "each", "type": "for_each", "items": [1, 2, 3], "steps": [form("word"), again]})
    home.flow("top", {"id": "sub", "type": "subflow", "subflow": "host"}, tool("end", params={"x": 1}))
    home.flow("narrow", tool("a", params={"x": 1}), approval("ok"), again, concurrency=1)


@dataclass
class Operator:
    """A person with an engine; remembers what was accepted."""

    name: str
    engine: Engine
    accepted: list[str] = field(default_factory=list)

    async def work(self, acts: list[Act]) -> None:
        for verb, pick, pauses in acts:
            for _ in range(pauses):
                await asyncio.sleep(0)
            try:
                await self._act(verb, pick)
            except Refused:  # it came too late, or the run is in no state for it
                continue

    async def _act(self, verb: str, pick: int) -> None:
        actor, requests, runs = Actor(name=self.name), self.engine.requests, self.engine.runs
        if verb == "start":
            await start(self.engine, FLOWS[pick % len(FLOWS)])
        elif verb == "answer":
            forms = (await requests.forms(status=None)).items
            if forms:
                asked = forms[pick % len(forms)]
                await requests.answer(asked.request_id, {"word": self.name}, actor=actor)
                self.accepted.append(asked.request_id)
        elif verb in {"approve", "reject"}:
            approvals = (await requests.approvals(status=None)).items
            if approvals:
                shown = approvals[pick % len(approvals)]
                decide = requests.approve if verb == "approve" else requests.reject
                await decide(shown.approval_id, actor=actor, comment="because", digest=shown.digest)
                self.accepted.append(shown.approval_id)
        else:
            found = (await runs.list()).items
            run_id = found[pick % len(found)].run_id
            match verb:
                case "pause":
                    await runs.pause(run_id, actor=actor)
                case "resume":
                    await runs.resume(run_id, actor=actor)
                case "retry":
                    await runs.retry(run_id, actor=actor)
                case _:
                    mode = CancelMode.NOW if verb == "cancel_now" else CancelMode.BOUNDARY
                    await runs.cancel(run_id, actor=actor, mode=mode)


class FakeLog(logging.Handler):
    """Keeps what is logged as an error: a session's bug, which the worker's next try would hide."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(f"{record.getMessage()}: {record.exc_info[1] if record.exc_info else ''}")


@contextmanager
def no_errors_logged() -> Iterator[None]:
    log = FakeLog()
    logger = logging.getLogger("engine")
    logger.addHandler(log)
    try:
        yield
    finally:
        logger.removeHandler(log)
    assert log.said == []


async def play(root: Path, kind: str, flows: list[str], first: list[Act], second: list[Act]) -> None:
    """Start the flows, let both operators act while both workers work, and look at what is left."""
    home = Home(root)
    write_flows(home)
    shared = MemoryJournal() if kind == "memory" else None
    async with AsyncExitStack() as stack:
        engines = [await stack.enter_async_context(home.open(journal=shared)) for _ in range(2)]
        ann, bob = Operator("ann", engines[0]), Operator("bob", engines[1])
        async with engines[0].work(slots=3) as left, engines[1].work(slots=3) as right:
            for flow in flows:
                await start(engines[0], flow)
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(ann.work(first), bob.work(second))
                await asyncio.gather(left.idle(), right.idle())
        journal = shared or await SqliteJournal.open(home.config().journal_path)
        try:
            decided = await check_journal(journal)
        finally:
            await journal.close()
        assert sorted(ann.accepted + bob.accepted) == sorted(decided)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@settings(max_examples=24, deadline=None, database=None, phases=(Phase.explicit, Phase.generate))
@given(flows=st.lists(st.sampled_from((*FLOWS, "any")), min_size=1, max_size=4), first=ACTS, second=ACTS)
@example(flows=["narrow", "narrow", "narrow"], first=[], second=[])  # idle while the other one worked
async def test_any_interleaving_keeps_every_invariant(
    kind: str, flows: list[str], first: list[Act], second: list[Act]
) -> None:
    with TemporaryDirectory(dir=in_memory()) as root, no_errors_logged():
        await play(Path(root), kind, flows, first, second)
