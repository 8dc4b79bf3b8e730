"""Tools over HTTP in runs: steps and agents call them, retries wait as asked, approvers see the request."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import Effects, Risk, RunStatus
from engine.tools.context import ToolLimits
from engine.tools.remote.settings import RemoteTool
from tests.engine.models.loopback import Loopback, Write, head, serving
from tests.engine.runtime.agents_at_work import agent, call, says, told
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    failed,
    finished,
    pending_approval,
    rest,
    start,
    tool,
)

if TYPE_CHECKING:
    from tests.engine.models.loopback import Answer

HERE = ToolLimits(allowed_private_hosts=frozenset({"127.0.0.1"}))
GOOD = head(200, "application/json") + json.dumps({"ok": True, "data": {"name": "Ann"}}).encode()
BUSY = head(429, "application/json", retry_after="0.01")


def in_turn(*answers: bytes) -> Answer:
    waiting = list(answers)

    async def answer(write: Write) -> None:
        await write(waiting.pop(0))

    return answer


def rules(server: Loopback, **fields: Any) -> dict[str, Any]:
    given = {"endpoint": server.url, "headers": {"X-Key": {"$secret": "crm_key"}}, **fields}
    remote = {"crm.lookup": RemoteTool.model_validate(given, strict=False)}
    return {"remote": remote, "limits": HERE, "secrets": {"crm_key": "open-sesame-1234"}}


def lookup(**fields: Any) -> dict[str, Any]:
    return tool("find", "crm.lookup", params={"id": 7}, backend="remote", **fields)


async def test_a_step_calls_it_again_with_the_same_key_as_its_server_asks(home: Home) -> None:
    home.flow("look", lookup(retry={"max_attempts": 2, "retry_on_codes": ["rate_limited"]}))
    async with serving(in_turn(BUSY, GOOD)) as server:
        async with home.working(**rules(server)) as engine:
            run = await finished(engine, "look")
            (step,) = (await engine.runs.steps(run.run_id)).items
            history = await engine.runs.events(run.run_id)
        first, second = server.asked
    assert run.output == {"name": "Ann"}
    assert step.attempt == 2
    assert first.body["idempotency_key"] == second.body["idempotency_key"] == f"{run.run_id}/find"
    assert (first.body["attempt"], second.body["attempt"]) == (1, 2)
    assert second.headers["x-key"] == "open-sesame-1234"
    assert [one.payload["meta"]["backend"] for one in history if one.kind == "step_completed"] == ["http"]
    assert b"open-sesame-1234" not in home.bytes_at_rest()


async def test_what_it_does_outside_is_asked_about_with_the_request_in_sight(home: Home) -> None:
    home.flow("look", lookup(), autonomy_level="suggest_only")
    async with serving(in_turn(GOOD)) as server, home.working(**rules(server)) as engine:
        run_id = await start(engine, "look")
        asked = await pending_approval(engine, run_id)
        assert asked.preview is not None
        assert asked.preview.summary == f"calls crm.lookup at {server.url}"
        assert "X-Key: [SECRET crm_key]" in asked.preview.text
        assert asked.risk is Risk.HIGH
        assert not server.asked
        await engine.requests.approve(asked.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_an_agent_calls_it_by_its_parameters(home: Home) -> None:
    parameters = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
    script = says("I look.", call("crm.lookup", id="x"), call("crm.lookup", id=7)), says("It is Ann.")
    home.flow("look", agent(*script, tools=("crm.lookup",)))
    async with serving(in_turn(GOOD)) as server:
        harmless = {"effects": Effects.NONE, "risk": Risk.LOW}
        given = await asyncio.to_thread(rules, server, parameters=parameters, **harmless)
        async with home.working(**given) as engine:
            run = await finished(engine, "look")
            wrong, right = await told(engine, run.run_id)
        assert [one.body["params"] for one in server.asked] == [{"id": 7}]
    assert wrong["error"]["code"] == "invalid_input"
    assert right == {"name": "Ann"}


@pytest.mark.parametrize(
    "told",
    [
        {"code": "E42", "message": "no"},
        {"code": "not_found", "message": "no", "details": {"code": "7", "message": "x", "tool": "y"}},
        {"code": "E42", "message": "no", "details": {"": 1, "no name": 2, "now": [], "attempt": "x"}},
    ],
)
async def test_whatever_a_tool_says_of_its_failure_is_that_of_its_step(
    home: Home, told: dict[str, Any]
) -> None:
    home.flow("look", lookup())
    answer = head(200, "application/json") + json.dumps({"ok": False, "error": told}).encode()
    async with serving(in_turn(answer)) as server, home.working(**rules(server)) as engine:
        run = await failed(engine, "look")
        (step,) = (await engine.runs.steps(run.run_id)).items
    assert step.error is not None
    code, details = ("unknown", {"code": "E42"}) if told["code"] == "E42" else (told["code"], {})
    assert (step.error.code, step.error.message) == (code, "no")
    details |= {**told.get("details", {}), "tool": "crm.lookup"}
    assert {name: step.error.details[name] for name in details} == details
