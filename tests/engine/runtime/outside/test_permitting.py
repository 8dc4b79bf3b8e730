"""What an outside agent is permitted is what was approved, of a process that waits for just that."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.acp.settings import AgentSettings
from engine.contracts.flows.outside_agent import asked_step
from engine.contracts.status import CancelMode, StepErrorCode, StepStatus
from engine.errors import ErrorCode, Unavailable
from engine.frozen import replace
from engine.governance.masking import Masker
from engine.governance.policies import Policies
from engine.governance.redactor import Redactor
from engine.journal.memory.journal import MemoryJournal
from engine.machine.model.state import Branches, Execution, Phase, RunState, Scope
from engine.runtime.clock import SystemClock
from engine.runtime.files.agent_places import AgentPlaces
from engine.runtime.pack_library.pinned import PinnedFlow
from engine.runtime.value_store import ValueStore
from engine.runtime.worker.steps.calls.tool_call import CallSite
from engine.runtime.worker.steps.outside.launching import Launching
from engine.runtime.worker.steps.outside.outside_calls import OutsideAgents
from engine.runtime.worker.steps.rendering import action_of, bound_digest
from engine.tools.context import ToolLimits
from engine.tools.sandbox.bubblewrap import bubblewrap
from tests.engine.machine.flow_builders import graph
from tests.engine.runtime.outside_programs import AGENT, agent
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from engine.machine.model.inputs import PermissionAsked, StepFinished

ROW = {"run_id": "run_1", "tenant": "default", "pack": "demo", "flow": "go", "requested_by": "ann"}
PACK = "0" * 64
TOLD = {"instructions": "Be a test.", "prompt": "Make it.", "tools": []}


class FakePaying:
    """Every program may begin."""

    async def begin_outside(self, *_: Any) -> None:
        return None


class FakeAwayJournal(MemoryJournal):
    """Cannot be read the first time."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: Mapping[str, bytes] = {}
        self.away = 1

    async def blob(self, digest: str) -> bytes | None:
        self.away -= 1
        if self.away == 0:
            raise Unavailable(ErrorCode.JOURNAL_LOCKED, "not now")
        return self.kept.get(digest)


class FakeSink:
    """What an agent writes, which nobody reads."""

    def hide(self, strike: Callable[[str], str]) -> None: ...

    def write(self, stream: str, data: bytes) -> None: ...


@asynccontextmanager
async def no_lines(*_: Any) -> AsyncIterator[FakeSink]:
    yield FakeSink()


@dataclass
class Asking:
    """An agent at work, which has asked for something; `asked` is what its run was told."""

    agents: OutsideAgents
    site: CallSite
    state: RunState
    folder: Path
    journal: FakeAwayJournal
    prompt: asyncio.Task[Any] = field(init=False)
    asked: PermissionAsked = field(init=False)

    def call(self, **changed: Any) -> Execution:
        """The call of exactly what it asked, as a person approved it."""
        tool, params = self.asked.call["tool"], {**self.asked.call["params"], **changed}
        digest = bound_digest(action_of(asked_step(tool), params), None, PACK)
        given = {"tool": tool, "params": params}
        return execution("work/1/call", "call", input=given, digest=digest)

    async def permitted(self, call: Execution) -> StepFinished:
        async with asyncio.timeout(PATIENCE):
            finished, _ = await self.agents.permit(self.site, call)
        return finished

    async def said(self) -> str:
        """Its last words, when it has ended."""
        async with asyncio.timeout(PATIENCE):
            finished, _ = await self.prompt
        return str(finished.output["text"])

    def now(self, **changed: Any) -> RunState:
        """The run, in which its question became that."""
        work = self.state.root.executions["work"]
        assert work.branches is not None
        branches = replace(work.branches, **changed)
        root = replace(self.state.root, executions={"work": replace(work, branches=branches)})
        return replace(self.state, root=root)


def execution(path: str, type_: str, **fields: Any) -> Execution:
    return Execution(path=path, step=path, type=type_, status=StepStatus.RUNNING, **fields)


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    settings = {"command": sys.executable, "args": ["-I", "-S", str(AGENT), "file", str(tmp_path)]}
    launching = Launching(
        AgentSettings.model_validate({"acp": {"plain": settings}}),
        {},
        ToolLimits(kill_grace_seconds=0.2),
        bubblewrap,
    )
    journal = FakeAwayJournal()
    values = ValueStore(journal, Redactor(Masker()))
    places, free = AgentPlaces(tmp_path / "runs"), cast("Any", FakePaying())
    agents = OutsideAgents(launching, places, values, SystemClock(), no_lines, free)
    flow = PinnedFlow(graph(agent()), None, PACK, Policies(), {})
    site = CallSite(cast("Any", ROW), flow, tmp_path, tmp_path, {}, "run_1")
    prompt = execution("work/0/prompt", "prompt")
    beside = Scope(path="work/0", executions={"prompt": prompt})
    work = execution("work", "agent", input=TOLD, branches=Branches(total=1, children={0: beside}))
    state = RunState(phase=Phase.ACTIVE, root=Scope(path="", executions={"work": work}))
    found, asked = Asking(agents, site, state, tmp_path, journal), asyncio.Event()

    def tell(what: PermissionAsked, _blobs: Mapping[str, bytes]) -> None:
        found.asked = what
        asked.set()

    found.prompt = asyncio.create_task(agents.prompt(site, prompt, state, tell, lambda _waits: None))
    try:
        async with asyncio.timeout(PATIENCE):
            await asked.wait()
        yield found
    finally:
        found.prompt.cancel()
        with suppress(asyncio.CancelledError):
            await found.prompt


def asked_about(status: StepStatus) -> dict[int, Scope]:
    """The question, about which a person is asked, or was."""
    shown = replace(execution("work/1/permission", "permission"), status=status)
    return {1: Scope(path="work/1", executions={"permission": shown})}


async def test_what_was_approved_is_done_for_the_question_that_waits_and_for_no_other(asking: Asking) -> None:
    for path in ("work/2/call", "other/1/call"):
        refused = await asking.permitted(replace(asking.call(), path=path))
        assert refused.error is not None
        assert refused.error["message"] == "the agent does not wait for it any more"
        assert not refused.error["details"]["recoverable"]
    waiting, over = asked_about(StepStatus.PENDING_HUMAN), asked_about(StepStatus.FAILED)
    assert list(asking.agents.hear("run_1", asking.now(children=waiting))) == []
    assert list(asking.agents.hear("run_2", asking.now(children=over))) == [], "of another run"
    done = await asking.permitted(asking.call())
    assert (done.ok, done.output["title"]) == (True, "Write made.txt")
    assert (await asking.said()).endswith("It is made.")
    late = await asking.permitted(asking.call())
    assert late.error is not None
    assert late.error["message"] == "the agent does not wait for it any more"
    assert list(asking.agents.hear("run_1", replace(asking.now(), cancel=CancelMode.NOW))) == []


@pytest.mark.parametrize("changed", ["digest", "params"])
async def test_what_is_not_exactly_what_was_approved_is_rejected(asking: Asking, changed: str) -> None:
    call = asking.call() if changed == "digest" else asking.call(title="Write another.txt")
    refused = await asking.permitted(replace(call, digest="f" * 64) if changed == "digest" else call)
    assert refused.error is not None
    assert refused.error["code"] == StepErrorCode.AGENT_ERROR
    assert refused.error["message"] == "what the agent waits for is not what was approved"
    assert not refused.error["details"]["recoverable"]
    assert (await asking.said()).endswith("I leave it.")
    assert not (asking.folder / "made.txt").exists()


async def test_what_was_approved_waits_while_the_journal_cannot_be_read_and_is_done_then(
    asking: Asking,
) -> None:
    call = asking.call()
    stored = Redactor(Masker()).storable({**call.input, "beside": "x" * 100_000})
    asking.journal.kept = stored.blobs
    large = replace(call, input=stored.value)
    with pytest.raises(Unavailable):
        await asking.permitted(large)
    assert (await asking.permitted(large)).ok
    assert (await asking.said()).endswith("It is made.")


async def test_an_agent_whose_question_is_over_is_told_no(asking: Asking) -> None:
    assert list(asking.agents.hear("run_1", asking.now(children=asked_about(StepStatus.FAILED)))) == []
    assert (await asking.said()).endswith("I leave it.")


async def test_a_cancel_ends_the_prompt_once_and_not_before_what_was_approved_is_done(asking: Asking) -> None:
    made = Scope(path="work/1", executions={"call": execution("work/1/call", "call")})
    cancelled = replace(asking.now(children={1: made}), cancel=CancelMode.BOUNDARY)
    assert list(asking.agents.hear("run_1", cancelled)) == []
    nothing_made = replace(asking.now(), cancel=CancelMode.BOUNDARY)
    assert list(asking.agents.hear("run_1", nothing_made)) == ["work/0/prompt"]
    assert list(asking.agents.hear("run_1", nothing_made)) == []
