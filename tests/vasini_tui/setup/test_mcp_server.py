"""`vasini mcp`: what agents elsewhere ask is asked here, decided by people, and told back exactly."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine import open_engine
from engine.config import EngineConfig
from engine.contracts.actor import Actor
from engine.contracts.runs.listed import RunFilter
from engine.contracts.status import RequestStatus, RunStatus
from engine.errors import ErrorCode, Unavailable
from engine.journal.memory.journal import MemoryJournal
from engine.runtime.processes import this_process
from tests.fakes.engine import FakeEngine
from tests.patience import PATIENCE
from vasini_tui.mcp_server.desk import MAX_OPEN, Desk, HumanReply, client_name, exactly
from vasini_tui.mcp_server.server import make_server
from vasini_tui.mcp_server.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from mcp import Client

    from engine.contracts.runs.request import ApprovalView, FormView
    from engine.facade.engine import Engine

PACKS = Path(__file__).parents[3] / "packs"
AGENT = Actor(name="ana", account="ana", via="mcp")
BOB = Actor(name="bob", account="bob", via="console")
BASH = {"tool_name": "Bash", "input": {"command": "make deploy", "timeout": 10}}


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    (tmp_path / "data").mkdir()
    config = EngineConfig(
        data_dir=tmp_path / "data",
        runs_dir=tmp_path / "runs",
        cache_dir=tmp_path / "cache",
        shipped_packs=PACKS,
        home_packs=tmp_path / "packs",
        pack_watch="poll",
        drain_seconds=0.0,
    )
    async with open_engine(config, journal=MemoryJournal()) as opened, opened.work():
        yield opened


def client_of(desk: Desk) -> Client:
    from mcp import Client  # noqa: PLC0415 - slow to import, and every test worker reads this file

    return Client(make_server(desk))


@asynccontextmanager
async def connected(engine: Engine) -> AsyncIterator[Client]:
    """A client of a desk at the engine; when it leaves, what it asked is withdrawn."""
    desk = Desk(engine, AGENT, this_process())
    try:
        async with client_of(desk) as client:
            yield client
    finally:
        await desk.close()


async def called(client: Client, tool: str, given: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(2 * PATIENCE):
        result = await client.call_tool(tool, given)
    (content,) = result.content
    assert content.type == "text"
    told_back: dict[str, Any] = json.loads(content.text)
    return told_back


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - any condition of the engine
            await asyncio.sleep(0.005)


async def approval(engine: Engine, count: int = 1) -> ApprovalView:
    """The newest of so many approvals that wait."""

    async def asked() -> bool:
        return (await engine.runs.counts()).approvals_pending == count

    await until(asked)
    return (await engine.requests.approvals()).items[-1]


async def form(engine: Engine) -> FormView:
    async def asked() -> bool:
        return (await engine.runs.counts()).forms_pending == 1

    await until(asked)
    return (await engine.requests.forms()).items[0]


async def nothing_waits(engine: Engine) -> None:
    async def none() -> bool:
        counts = await engine.runs.counts()
        return not (counts.approvals_pending or counts.forms_pending)

    await until(none)


async def test_an_approved_permission_comes_back_with_the_very_input(engine: Engine) -> None:
    async with connected(engine) as client:
        asking = asyncio.create_task(called(client, "permission_prompt", {**BASH, "tool_use_id": "toolu_1"}))
        shown = await approval(engine)
        assert shown.action is not None
        assert (shown.action.params["tool"], shown.action.params["input"]) == ("Bash", BASH["input"])
        assert "Bash: make deploy" in shown.title
        assert shown.requested_by.startswith("ana (as ")
        assert shown.expires_at is not None
        await engine.requests.approve(shown.approval_id, actor=BOB, digest=shown.digest)
        assert await asking == {"behavior": "allow", "updatedInput": BASH["input"]}
        run = await engine.runs.summary(shown.run_id)
        assert run.trace_id == (await engine.runs.summary(run.input["connection"])).trace_id


async def test_a_secret_in_an_input_is_shown_masked_and_comes_back_as_it_was(engine: Engine) -> None:
    given = {"tool_name": "Bash", "input": {"command": "curl", "password": "hunter2hunter2"}}
    async with connected(engine) as client:
        asking = asyncio.create_task(called(client, "permission_prompt", given))
        shown = await approval(engine)
        assert "hunter2" not in shown.model_dump_json()
        await engine.requests.approve(shown.approval_id, actor=BOB)
        assert (await asking)["updatedInput"] == given["input"]


async def test_an_input_that_names_a_secret_of_the_operator_is_denied_and_nobody_is_asked(
    engine: Engine,
) -> None:
    given = {"tool_name": "Bash", "input": {"command": "curl", "headers": [{"$secret": "TOKEN"}]}}
    async with connected(engine) as client:
        told_back = await called(client, "permission_prompt", given)
        assert told_back["behavior"] == "deny"
        assert "names a secret" in told_back["message"]
        assert (await engine.requests.approvals()).items == ()


async def test_what_an_agent_calls_its_tool_is_shown_harmless(engine: Engine) -> None:
    async with connected(engine) as client:
        asking = asyncio.create_task(called(client, "permission_prompt", {**BASH, "tool_name": "B\x1b[2J"}))
        shown = await approval(engine)
        assert "\x1b" not in shown.title + shown.message
        await engine.requests.reject(shown.approval_id, actor=BOB, comment="no")
        assert (await asking)["behavior"] == "deny"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("claude-code 2.1.3", "claude-code 2.1.3"),
        ("", "an agent"),
        ("root) \x1b]0;x\x07 (as the-ciso", "root 0 x as the-ciso"),
        ("x" * 500, "x" * 20),
    ],
)
def test_a_client_cannot_name_itself_so_that_a_record_deceives(given: str, shown: str) -> None:
    name = client_name(given)
    assert name.startswith(shown)
    assert len(name) <= 24
    assert not set(name) & set("()\x1b\x07")


async def test_a_rejection_is_a_deny_with_the_comment(engine: Engine) -> None:
    async with connected(engine) as client:
        asking = asyncio.create_task(called(client, "permission_prompt", BASH))
        shown = await approval(engine)
        await engine.requests.reject(shown.approval_id, actor=BOB, comment="not on a Friday")
        told_back = await asking
        assert told_back["behavior"] == "deny"
        assert "not on a Friday" in told_back["message"]


async def test_a_question_that_an_operator_cancels_is_no_approval(engine: Engine) -> None:
    async with connected(engine) as client:
        asking = asyncio.create_task(called(client, "request_approval", {"title": "t", "action": {}}))
        await engine.runs.cancel((await approval(engine)).run_id, actor=BOB)
        assert (await asking)["decision"] == "not approved"


@pytest.mark.parametrize("output", [{"digest": "0" * 64}, {}, None, "allow"])
def test_a_run_that_completed_with_another_call_allows_nothing(output: Any) -> None:
    assert not exactly(HumanReply(yes=True, run_id="run_1", output=output), "f" * 64).yes
    assert exactly(HumanReply(yes=True, run_id="run_1", output={"digest": "f" * 64}), "f" * 64).yes


async def test_high_risk_is_asked_as_high_and_what_an_agent_calls_low_is_not_less(engine: Engine) -> None:
    async with connected(engine) as client:
        for number, (risk, shown_as) in enumerate((("low", "medium"), ("critical", "high")), start=1):
            given = {"title": risk, "action": {"drop": "table"}, "risk": risk}
            asking = asyncio.create_task(called(client, "request_approval", given))
            shown = await approval(engine)
            assert shown.risk == shown_as, number
            await engine.requests.approve(shown.approval_id, actor=BOB)
            assert (await asking)["decision"] == "approved"


async def test_two_questions_at_once_are_answered_each_by_its_own_decision(engine: Engine) -> None:
    async with connected(engine) as first, connected(engine) as second:
        one = asyncio.create_task(called(first, "permission_prompt", BASH))
        await approval(engine)
        other = {"tool_name": "Write", "input": {"path": "/etc/passwd"}}
        two = asyncio.create_task(called(second, "permission_prompt", other))
        shown = await approval(engine, 2)
        assert "Write" in shown.title
        await engine.requests.reject(shown.approval_id, actor=BOB, comment="no")
        assert (await two)["behavior"] == "deny"
        await engine.requests.approve((await approval(engine)).approval_id, actor=BOB)
        assert (await one)["behavior"] == "allow"


async def test_a_person_fills_the_form_of_a_schema(engine: Engine) -> None:
    schema = {"type": "object", "properties": {"branch": {"enum": ["main", "next"]}}, "required": ["branch"]}
    async with connected(engine) as client:
        asking = asyncio.create_task(
            called(client, "ask_person", {"question": "Which branch?", "schema": schema})
        )
        shown = await form(engine)
        assert shown.json_schema["required"] == ["branch"]
        await engine.requests.answer(shown.request_id, {"branch": "next"}, actor=BOB)
        told_back = await asking
        assert (told_back["answered"], told_back["values"]) == (True, {"branch": "next"})


async def test_a_schema_that_is_none_asks_nobody(engine: Engine) -> None:
    async with connected(engine) as client:
        for schema in (
            {"type": "banana"},
            {"type": "array"},
            {"properties": 7},
            {"properties": {"a": {"type": 1}}},
        ):
            told_back = await called(client, "ask_person", {"question": "?", "schema": schema})
            assert told_back["error"]["code"] == "invalid_input"
        assert (await engine.runs.list(RunFilter(pack="outside", flow="question"))).items == ()


async def test_a_question_taken_back_is_withdrawn(engine: Engine) -> None:
    async with connected(engine) as client:
        asking = asyncio.create_task(called(client, "permission_prompt", BASH))
        shown = await approval(engine)
        asking.cancel()
        await nothing_waits(engine)
        withdrawn = await engine.requests.approval(shown.approval_id)
        assert withdrawn.status is RequestStatus.WITHDRAWN


async def test_a_client_that_goes_away_withdraws_all_it_asked(engine: Engine) -> None:
    from mcp.shared.exceptions import MCPError  # noqa: PLC0415 - see client_of

    asked: list[asyncio.Task[dict[str, Any]]] = []
    async with connected(engine) as client:
        asked.append(asyncio.create_task(called(client, "permission_prompt", BASH)))
        asked.append(asyncio.create_task(called(client, "ask_person", {"question": "Who?"})))
        await approval(engine)
        await form(engine)
    await nothing_waits(engine)
    for ended in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(ended, MCPError | asyncio.CancelledError)


async def test_a_start_is_asked_first_and_made_once(engine: Engine) -> None:
    given = {"flow": "hello/hello", "input": {"name": "Bo"}}
    async with connected(engine) as client:
        refused = asyncio.create_task(called(client, "start_run", given))
        await engine.requests.reject((await approval(engine)).approval_id, actor=BOB, comment="no")
        assert (await refused)["decision"] == "not approved"
        assert not [run for run in (await engine.runs.list()).items if run.pack == "hello"]
        asking = asyncio.create_task(called(client, "start_run", given))
        await engine.requests.approve((await approval(engine)).approval_id, actor=BOB)
        run_id = (await asking)["run_id"]
        assert (await called(client, "run_status", {"run_id": run_id}))["flow"] == "hello/hello"
        assert (await engine.runs.summary(run_id)).requested_by.startswith("ana (as ")


async def test_an_agent_sees_no_runs_but_its_own(engine: Engine) -> None:
    foreign = await engine.runs.start("hello", "hello", {"name": "Al"}, actor=BOB)
    async with connected(engine) as client:
        for run_id in (foreign.run_id, "run_none"):
            told_back = await called(client, "run_status", {"run_id": run_id})
            assert told_back["error"]["code"] == "not_found"


async def test_a_report_is_kept_and_waits_for_nobody(engine: Engine) -> None:
    async with connected(engine) as client:
        run_id = (await called(client, "report", {"title": "Done\x1b[2J", "text": "All *done*."}))["run_id"]
        view = await engine.runs.wait(run_id, timeout=PATIENCE)
        assert view.status is RunStatus.COMPLETED
        assert "All *done*." in view.output["text"]
        assert "\x1b" not in (view.subject or "")


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("permission_prompt", {"tool_name": "Bash"}),
        ("permission_prompt", {"tool_name": "Bash", "input": "rm"}),
        ("permission_prompt", {"tool_name": "", "input": {}}),
        ("permission_prompt", {"tool_name": "Bash", "input": {"text": "x" * 3_000_000}}),
        ("request_approval", {"title": "t", "action": {}, "decision": "approved"}),
        ("ask_person", {"question": 7}),
        ("start_run", {"flow": "no-slash"}),
        ("report", {"title": "t", "text": "x" * 100_001}),
    ],
)
async def test_what_does_not_fit_is_told_and_nobody_is_asked(
    engine: Engine, tool: str, given: dict[str, Any]
) -> None:
    async with connected(engine) as client:
        told_back = await called(client, tool, given)
        if tool == "permission_prompt":
            assert told_back["behavior"] == "deny"
        else:
            assert told_back["error"]["code"] == "invalid_input"
        assert (await engine.runs.counts()).approvals_pending == 0


async def test_a_journal_that_fails_denies() -> None:
    fake = FakeEngine()
    fake.failures["start"] = Unavailable(ErrorCode.DISK_FULL, "the disk is full")
    async with client_of(Desk(fake, AGENT, "process")) as client:
        told_back = await called(client, "permission_prompt", BASH)
        assert told_back == {"behavior": "deny", "message": "nobody was asked: the disk is full"}


async def test_a_client_does_not_flood_the_inbox(engine: Engine) -> None:
    async with connected(engine) as client:
        asked = [asyncio.create_task(called(client, "permission_prompt", BASH)) for _ in range(MAX_OPEN + 1)]
        (refused,), waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        assert refused.result()["behavior"] == "deny"
        await approval(engine, MAX_OPEN)
        for task in waiting:
            task.cancel()
        await nothing_waits(engine)


async def test_no_tool_decides_and_none_is_hidden(engine: Engine) -> None:
    async with connected(engine) as client:
        listed = {tool.name for tool in (await client.list_tools()).tools}
        assert listed == {tool.name for tool in TOOLS}
        assert listed == {
            *("permission_prompt", "request_approval", "ask_person", "start_run", "run_status", "report")
        }
        unknown = await client.call_tool("approve", {"approval_id": "appr_1"})
        assert unknown.is_error
