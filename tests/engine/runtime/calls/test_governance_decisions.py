"""What policy refuses, or wants a person asked about, stands in the run's history with its rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.errors import InvalidInput, Refused
from engine.governance.pipeline import RULE_OF, Reason
from engine.governance.policies import Policies
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    form,
    pending_approval,
    pending_form,
    rest,
    start,
    tool,
)

if TYPE_CHECKING:
    from engine.facade.engine import Engine


async def decisions(engine: Engine, run_id: str) -> list[tuple[str | None, dict[str, Any]]]:
    """Where, and what was decided."""
    found = [event for event in await engine.runs.events(run_id) if event.kind == "governance.decision"]
    return [(event.step_id, dict(event.payload)) for event in found]


def test_every_reason_names_its_rule() -> None:
    assert set(RULE_OF) == set(Reason)
    assert [reason for reason, rule in RULE_OF.items() if not rule] == [Reason.ALLOWED]


async def test_a_refused_call_is_on_record_with_its_rule(home: Home) -> None:
    home.flow("go", tool("act"))
    async with home.working(policies=Policies(blocked_tools=frozenset({"fake.echo"}))) as engine:
        run_id = await start(engine, "go")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert await decisions(engine, run_id) == [
            (
                "act",
                {
                    "point": "before_tool_call",
                    "verdict": "DENY",
                    "rule": "policies.blocked_tools",
                    "reason": "tool_blocked",
                    "details": {"tool": "fake.echo"},
                    "tool": "fake.echo",
                },
            )
        ]


async def test_a_call_that_a_person_is_asked_about_unless_the_flow_has_asked(home: Home) -> None:
    home.flow("asks", tool("act"), autonomy_level="suggest_only")
    home.flow("gated", approval(gates="act"), tool("act", params={"x": 1}), autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "asks")
        await pending_approval(engine, run_id)
        ((step, decided),) = await decisions(engine, run_id)
        assert (step, decided["verdict"], decided["rule"]) == ("act", "PENDING_APPROVAL", "autonomy_level")
        gated = await start(engine, "gated")
        await engine.requests.approve((await pending_approval(engine, gated)).approval_id, actor=BOB)
        await rest(engine, gated, expect=RunStatus.COMPLETED)
        assert await decisions(engine, gated) == []


async def test_a_refused_start_a_refused_answer_and_a_refused_output(home: Home) -> None:
    home.flow("ask", form())
    home.flow("big", tool("act", "fake.big", params={"size": 500}))
    async with home.working(policies=Policies(max_payload_bytes=200)) as engine:
        with pytest.raises(InvalidInput) as refused:
            await engine.runs.start("demo", "ask", {"x": "y" * 300}, actor=ANN)
        ((step, decided),) = await decisions(engine, refused.value.details["run_id"])
        assert (step, decided["point"], decided["rule"]) == (None, "start", "policies.max_payload_bytes")
        assert decided["details"]["limit_bytes"] == 200

        asked = await pending_form(engine, await start(engine, "ask"))
        with pytest.raises(InvalidInput):
            await engine.requests.answer(asked.request_id, {"word": "x" * 300}, actor=BOB)
        ((step, decided),) = await decisions(engine, asked.run_id)
        assert (step, decided["point"]) == ("ask", "before_form_submission")
        assert (decided["form_id"], decided["via"]) == (asked.form_id, "console")
        assert (await engine.requests.form(asked.request_id)).status == "PENDING"

        big = await start(engine, "big")
        await rest(engine, big, expect=RunStatus.FAILED)
        ((step, decided),) = await decisions(engine, big)
        assert (step, decided["point"], decided["reason"]) == (
            None,
            "run_output",
            "output_payload_limit_exceeded",
        )


async def test_a_start_that_is_refused_for_its_autonomy(home: Home) -> None:
    home.flow("free", tool("act"), autonomy_level="full_auto")
    async with home.working() as engine:
        with pytest.raises(Refused) as refused:
            await start(engine, "free")
        ((_, decided),) = await decisions(engine, refused.value.details["run_id"])
    assert decided["rule"] == "policies.allow_full_autonomy"


async def test_what_holds_for_a_start_holds_for_the_start_of_a_child_run(home: Home) -> None:
    home.flow("free", tool("act"), autonomy_level="full_auto")
    below = {"type": "subflow", "retry": {"max_attempts": 3}}
    home.flow("usual", {"id": "freer", **below, "subflow": "free"})
    home.flow("tell", tool("act", params={"n": 1}), pack="other")
    home.flow(
        "much", {"id": "large", **below, "subflow": "other/tell", "params": {"x": "{{ payload.x * 40 }}"}}
    )
    strict = Policies(by_pack={"other": Policies(max_payload_bytes=200)})
    async with home.working(policies=strict) as engine:
        usual, much = await start(engine, "usual"), await start(engine, "much", {"x": "y" * 10})
        for run_id, step, reason in (
            (usual, "freer", "full_autonomy_disabled"),
            (much, "large", "payload_limit_exceeded"),
        ):
            run = await rest(engine, run_id, expect=RunStatus.FAILED)
            assert run.error is not None
            assert (run.error.code, run.error.details["reason"]) == ("permission_denied", reason)
            ((told, decided),) = await decisions(engine, run_id)
            assert (told, decided["point"], decided["reason"]) == (step, "start", reason)
            assert not [one for one in (await engine.runs.list()).items if one.parent_run_id]
    assert home.tools.calls == []


async def test_a_child_run_records_the_policies_it_started_under(home: Home) -> None:
    home.flow("child", tool("act", params={"n": 1}), pack="other")
    home.flow("top", {"id": "below", "type": "subflow", "subflow": "other/child"})
    policies = Policies(by_pack={"other": Policies(max_steps=7)})
    async with home.working(policies=policies) as engine:
        await rest(engine, await start(engine, "top"), expect=RunStatus.COMPLETED)
        (child,) = [one for one in (await engine.runs.list()).items if one.parent_run_id]
        queued = (await engine.runs.events(child.run_id))[0].payload
    assert queued["policy_digest"] == policies.for_pack("other").digest()
