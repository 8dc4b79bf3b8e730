"""Procedures of the workflow layer as runs: approvals, going back, escalation, time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from engine.contracts.status import RunStatus
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    error_of,
    finished,
    pending_approval,
    rest,
    start,
    statuses,
    tool,
    until,
)

if TYPE_CHECKING:
    from engine.contracts.runs.request import ApprovalView
    from engine.facade.engine import Engine


def procedure(home: Home, *steps: dict[str, Any], **fields: Any) -> None:
    """The pack `demo` with the procedure `fix` and nothing else of its own."""
    home.flow("other", tool("a"))
    sop = {"id": "fix", "name": "Fix", "trigger": "When broken", "steps": list(steps), **fields}
    manifest = {
        "schema_version": "1.0",
        "pack_id": "demo",
        "version": "1.0.0",
        "risk_level": "high",
        "author": {"name": "Somebody"},
        "role": {"title": "Tester", "domain": "Tests", "goal": {"primary": "Be run"}},
        "workflow": {"sop": [sop]},
    }
    place = home.root / "shipped" / "demo" / "profession-pack.yaml"
    place.write_text(yaml.safe_dump(manifest))


def step(step: str, name: str = "fake.echo", /, **fields: Any) -> dict[str, Any]:
    return {"id": step, "action": f"Do {step}", "tool": name, "params": {}, **fields}


async def approve(engine: Engine, run_id: str, expected: str) -> ApprovalView:
    asked = await pending_approval(engine, run_id)
    assert asked.step_id == expected
    await engine.requests.approve(asked.approval_id, actor=ANN, digest=asked.digest)

    async def taken() -> bool:
        return (await statuses(engine, run_id))[expected] != "PENDING_HUMAN"

    await until(taken)
    return asked


async def test_the_last_step_or_done_ends_it_with_an_output(home: Home) -> None:
    procedure(home, step("a", params={"x": "{{ payload.x }}"}), step("b", on_failure="a"))
    async with home.working() as engine:
        view = await finished(engine, "fix", {"x": 1})
        assert view.output == {"x": 1}
        assert await statuses(engine, view.run_id) == {"a": "COMPLETED", "b": "COMPLETED"}


async def test_an_approval_shows_what_the_step_will_do(home: Home) -> None:
    procedure(home, step("a", params={"x": "{{ payload.x }}"}, requires_approval=True))
    async with home.working() as engine:
        run_id = await start(engine, "fix", {"x": 5})
        asked = await approve(engine, run_id, "a.approval")
        assert (asked.message, asked.risk, asked.title) == ("Do a", "high", "Fix: a")
        assert asked.action is not None
        assert (asked.action.target, asked.action.params) == ("fake.echo", {"x": 5})
        assert (await rest(engine, run_id, expect=RunStatus.COMPLETED)).output == {"x": 5}


async def test_going_back_asks_again_and_ends_in_an_escalation_that_says_why(home: Home) -> None:
    procedure(
        home,
        step("change", requires_approval=True, max_visits=2, params={"x": 1}),
        step("check", "fake.fail", on_failure="change", on_success="done"),
        escalation="Call somebody about {{ payload.x }}.",
    )
    async with home.working() as engine:
        run_id = await start(engine, "fix", {"x": "shop"})
        await approve(engine, run_id, "change.approval")
        await approve(engine, run_id, "change.approval~2")
        asked = await approve(engine, run_id, "escalation")
        assert asked.message.startswith("Call somebody about shop.")
        assert "What failed:\n- check: step change.approval was visited 2 times" in asked.message
        view = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert view.output["decision"] == "APPROVED"
        found = await statuses(engine, run_id)
        assert (found["check"], found["check~2"]) == ("FAILED", "FAILED")


async def test_going_back_without_an_escalation_is_bounded_by_three_visits(home: Home) -> None:
    procedure(home, step("try"), step("check", "fake.fail", on_failure="try"))
    async with home.working() as engine:
        run_id = await start(engine, "fix")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert (await error_of(engine, run_id))[0] == "visit_limit"
        called = [path for path, _ in home.tools.calls]
        assert called == ["try", "check", "try~2", "check~2", "try~3", "check~3"]


async def test_a_rejected_approval_ends_it(home: Home) -> None:
    procedure(home, step("a", requires_approval=True), escalation="Call somebody.")
    async with home.working() as engine:
        run_id = await start(engine, "fix")
        asked = await pending_approval(engine, run_id)
        await engine.requests.reject(asked.approval_id, actor=ANN, digest=asked.digest, comment="no")
        await rest(engine, run_id, expect=RunStatus.FAILED)
        assert (await error_of(engine, run_id))[0] == "approval_rejected"
        assert home.tools.calls == []


async def test_time_that_is_over_stops_the_step_and_asks_a_person(home: Home) -> None:
    procedure(home, step("a", "fake.slow"), max_duration="100ms", escalation="Too slow.")
    async with home.working() as engine:
        run_id = await start(engine, "fix")
        asked = await approve(engine, run_id, "escalation")
        assert "- a: the run took longer than its max_duration of 0.1 s" in asked.message
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.under_way == 0
