"""A pack's tools layer and guardrails, and the policies, bind every call of its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.contracts.status import RequestStatus, Risk, RunStatus
from engine.governance.policies import Policies
from engine.tools.builtin.files.file_tools import file_tools
from engine.values import digest_of
from tests.engine.runtime.agents_at_work import agent, call, says
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    error_of,
    form,
    pending_approval,
    pending_form,
    rest,
    start,
    tool,
    until,
)

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.runs.listed import RunView
    from engine.facade.engine import Engine

pytestmark = pytest.mark.on_disk

ECHO, SLOW = {"id": "fake.echo", "name": "Echo"}, {"id": "fake.slow", "name": "Slow"}


def layers(home: Home, *available: dict[str, Any], guardrails: Any = None, **tools: Any) -> None:
    """Give the pack `demo` a tools layer, and guardrails."""
    path = home.root / "shipped" / "demo" / "profession-pack.yaml"
    manifest = yaml.load(path.read_text(), yaml.CSafeLoader)
    if available or tools:
        manifest["tools"] = {**({"available": list(available)} if available else {}), **tools}
    if guardrails is not None:
        manifest["guardrails"] = guardrails
    path.write_text(yaml.dump(manifest, Dumper=yaml.CSafeDumper))


async def failed(engine: Engine, run_id: str) -> tuple[str, str]:
    await rest(engine, run_id, expect=RunStatus.FAILED)
    return await error_of(engine, run_id)


async def completed(engine: Engine, run_id: str) -> RunView:
    return await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_a_risk_that_the_layer_gives_a_tool_has_a_models_call_of_it_asked_for(home: Home) -> None:
    home.flow("go", agent(says("", call(n=1)), says("Done."), tools=("fake.echo",)))
    layers(home, {**ECHO, "risk_level": "critical"})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        card = await pending_approval(engine, run_id)
        assert (card.step_id, card.risk.value) == ("work/0/calls/0/call", "critical")
        await engine.requests.approve(card.approval_id, actor=ANN, digest=card.digest)
        await completed(engine, run_id)


async def test_a_call_that_the_layer_wants_approved_waits_for_exactly_itself(home: Home) -> None:
    home.flow("go", tool("act", params={"n": "{{ payload.n }}"}))
    layers(home, {**ECHO, "requires_approval": True, "risk_level": "critical"})
    async with home.working() as engine:
        run_id = await start(engine, "go", {"n": 7})
        shown = await pending_approval(engine, run_id)
        assert home.tools.calls == []
        assert (shown.origin, shown.step_id, shown.risk) == ("policy", "act", Risk.CRITICAL)
        assert shown.action is not None
        assert (shown.action.target, shown.action.params) == ("fake.echo", {"n": 7})
        await engine.requests.approve(shown.approval_id, actor=BOB, digest=shown.digest)
        await completed(engine, run_id)
        assert len((await engine.requests.approvals(run_id=run_id, status=None)).items) == 1
    assert home.tools.given("act") == [{"n": 7}]


async def test_a_call_that_is_rejected_is_not_made(home: Home) -> None:
    home.flow("go", tool("act", params={"n": 1}))
    layers(home, {**ECHO, "requires_approval": True})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        shown = await pending_approval(engine, run_id)
        await engine.requests.reject(shown.approval_id, actor=BOB, comment="not now")
        assert await failed(engine, run_id) == ("approval_rejected", "rejected by bob: not now")
        await engine.runs.retry(run_id, actor=ANN)
        again = await pending_approval(engine, run_id)
        assert again.approval_id != shown.approval_id
        await engine.requests.approve(again.approval_id, actor=BOB)
        await completed(engine, run_id)
    assert len(home.tools.calls) == 1


async def test_a_step_with_a_gate_of_exactly_this_action_is_not_asked_again(home: Home) -> None:
    home.flow("go", approval("ok"), tool("act", params={"n": 1}))
    layers(home, {**ECHO, "requires_approval": True})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        shown = await pending_approval(engine, run_id)
        assert shown.origin == "flow"
        await engine.requests.approve(shown.approval_id, actor=BOB)
        await completed(engine, run_id)
        assert len((await engine.requests.approvals(run_id=run_id, status=None)).items) == 1


async def test_a_gate_that_is_skipped_is_no_gate(home: Home) -> None:
    home.flow("go", approval("ok", when=False), tool("act", params={"n": 1}))
    layers(home, {**ECHO, "requires_approval": True})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        assert (await pending_approval(engine, run_id)).origin == "policy"


async def test_each_item_of_a_loop_is_approved_by_itself(home: Home) -> None:
    loop = {
        "id": "each",
        "type": "for_each",
        "items": [1, 2],
        "as": "n",
        "steps": [tool("act", params={"n": "{{ n }}"})],
    }
    home.flow("go", loop)
    layers(home, {**ECHO, "requires_approval": True})
    async with home.working() as engine:
        run_id = await start(engine, "go")

        async def both_asked() -> bool:
            return len((await engine.requests.approvals(run_id=run_id)).items) == 2

        await until(both_asked)
        for shown in (await engine.requests.approvals(run_id=run_id)).items:
            await engine.requests.approve(shown.approval_id, actor=BOB)
        await completed(engine, run_id)
    assert sorted(call["n"] for call in home.tools.given("each/0/act") + home.tools.given("each/1/act")) == [
        1,
        2,
    ]


async def test_an_approval_outlives_the_process_that_asked(home: Home) -> None:
    home.flow("go", tool("act", params={"n": 1}))
    layers(home, {**ECHO, "requires_approval": True})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        shown = await pending_approval(engine, run_id)
    async with home.working() as engine:
        await engine.requests.approve(shown.approval_id, actor=BOB)
        await completed(engine, run_id)
    assert len(home.tools.calls) == 1


async def test_the_highest_risk_of_pack_layer_tool_and_step_counts(home: Home) -> None:
    home.flow("go", approval("ok", risk="low"), tool("act", params={"n": 1}))
    layers(home, {**ECHO, "risk_level": "high"})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        assert (await pending_approval(engine, run_id)).risk is Risk.HIGH


async def test_calls_beyond_those_of_a_task_fail_and_the_ceiling_is_named(home: Home) -> None:
    home.flow("go", *(tool(f"s{n}", params={"n": n}) for n in range(4)))
    layers(home, ECHO, tool_policies={"max_calls_per_task": 2})
    async with home.working(policies=Policies(max_tool_calls=3)) as engine:
        code, message = await failed(engine, await start(engine, "go"))
        assert code == "step_limit_exceeded"
        assert "tool_policies.max_calls_per_task of the pack's tools layer" in message
    assert len(home.tools.calls) == 2


async def test_ceilings_hold_for_the_tree_of_subflows(home: Home) -> None:
    home.flow("leaf", *(tool(f"s{n}", params={"n": n}) for n in range(3)))
    branch = {"id": "x", "type": "subflow", "subflow": "leaf"}
    branches = [[{**branch, "id": f"b{n}", "on_failure": "continue"}] for n in range(3)]
    home.flow("tree", {"id": "all", "type": "parallel", "branches": branches}, tool("last", params={"n": 9}))
    async with home.working(policies=Policies(max_tool_calls=3)) as engine:
        code, _ = await failed(engine, await start(engine, "tree"))
        assert code == "step_limit_exceeded"
    assert len(home.tools.calls) <= 3


@pytest.mark.parametrize(
    ("enough", "too_few"),
    [
        (Policies(max_steps=5), Policies(max_steps=4)),
        (Policies(max_tool_calls=4), Policies(max_tool_calls=3)),
    ],
)
async def test_each_step_and_each_call_of_a_tree_counts_once(
    home: Home, enough: Policies, too_few: Policies
) -> None:
    home.flow("leaf", tool("s1", params={"n": 1}), tool("s2", params={"n": 2}))
    branch = {"id": "x", "type": "subflow", "subflow": "leaf"}
    home.flow("tree", tool("first", params={"n": 0}), branch, tool("last", params={"n": 3}))
    async with home.working(policies=enough) as engine:
        await completed(engine, await start(engine, "tree"))
    async with home.working(policies=too_few) as engine:
        code, _ = await failed(engine, await start(engine, "tree"))
    assert code == "step_limit_exceeded"
    assert len(home.tools.calls) == 4 + 3


async def test_no_more_calls_of_a_tree_are_under_way_than_its_layer_says(home: Home) -> None:
    slow = [[tool(f"s{n}", "fake.slow")] for n in range(3)]
    home.flow("leaf", {"id": "all", "type": "parallel", "branches": slow})
    branches = [[{"id": f"b{n}", "type": "subflow", "subflow": "leaf"}] for n in range(3)]
    home.flow("tree", {"id": "all", "type": "parallel", "branches": [*branches, *slow]})
    layers(home, SLOW, tool_policies={"max_concurrent": 2})

    async def two_under_way() -> bool:
        return home.tools.under_way == 2

    async with home.working() as engine, home.working():
        run_id = await start(engine, "tree")
        await until(two_under_way)
        home.tools.release()
        await completed(engine, run_id)
    assert len(home.tools.calls) == 12
    assert home.tools.most_at_once == 2


async def test_each_call_of_an_audited_tool_is_on_record(home: Home) -> None:
    ask = approval("ok", gates="second")
    home.flow(
        "go", tool("first", params={"n": 1}), ask, tool("second", params={"n": 2}), tool("t", "fake.give")
    )
    layers(home, {**ECHO, "audit": True}, {"id": "fake.give", "name": "Give"})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB, digest=shown.digest)
        await completed(engine, run_id)
        kept = [event for event in await engine.runs.events(run_id) if event.kind == "governance.decision"]
    assert [event.step_id for event in kept] == ["first", "second"]
    for event, n in zip(kept, (1, 2), strict=True):
        assert event.payload == {
            "point": "before_tool_call",
            "verdict": "ALLOW",
            "rule": "tools.available[].audit",
            "reason": "tool_audited",
            "details": {"params_sha256": digest_of({"n": n})},
            "tool": "fake.echo",
        }


async def test_after_so_many_calls_of_its_own_a_run_asks_a_person(home: Home) -> None:
    home.flow("go", *(tool(f"s{n}", params={"n": n}) for n in range(4)), form("word"), tool("last"))
    layers(home, guardrails={"behavioral": {"max_autonomous_steps": 3}})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        shown = await pending_approval(engine, run_id)
        assert (shown.step_id, shown.origin) == ("s3", "policy")
        assert "behavioral.max_autonomous_steps" in shown.message
        await engine.requests.approve(shown.approval_id, actor=BOB)
        asked = await pending_form(engine, run_id)
        await engine.requests.answer(asked.request_id, {"word": "go"}, actor=ANN)
        await completed(engine, run_id)
        assert len((await engine.requests.approvals(run_id=run_id, status=None)).items) == 1


def writing(home: Home, place: Path, *, gated: bool = True, **layer: Any) -> None:
    for known in file_tools():
        home.tools.registry.add(known)
    params = {"root": str(place), "path": "notes.txt", "text": "new\nsame\n"}
    gate = [approval("ok", gates="act")] if gated else []
    home.flow("write", *gate, tool("act", "files.write", params=params))
    sandbox = {"filesystem": "scoped", "scoped_paths": ["{{ payload.dir }}"]}
    layers(home, {"id": "files.write", "name": "Write", "sandbox": sandbox, **layer})


async def test_an_approver_sees_the_lines_that_change_and_a_change_meanwhile_asks_again(
    home: Home, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "notes.txt").write_text("old\nsame\n")
    writing(home, place)
    async with home.working() as engine:
        run_id = await start(engine, "write", {"dir": str(place)})
        shown = await pending_approval(engine, run_id)
        assert shown.preview is not None
        assert shown.preview.kind == "diff"
        assert shown.preview.text.splitlines()[2:] == ["@@ -1,2 +1,2 @@", "-old", "+new", " same"]
        (place / "notes.txt").write_text("another\nsame\n")
        await engine.requests.approve(shown.approval_id, actor=BOB, digest=shown.digest)
        again = await pending_approval(engine, run_id)
        assert (await engine.requests.approval(shown.approval_id)).status is RequestStatus.VOID
        assert again.preview is not None
        assert "-another" in again.preview.text
        assert again.digest != shown.digest
        await engine.requests.approve(again.approval_id, actor=BOB, digest=again.digest)
        await completed(engine, run_id)
    assert (place / "notes.txt").read_text() == "new\nsame\n"


async def test_scopes_are_those_of_the_start_whatever_links_say_later(home: Home, tmp_path: Path) -> None:
    place, elsewhere = tmp_path / "place", tmp_path / "elsewhere"
    place.mkdir()
    elsewhere.mkdir()
    writing(home, place)
    async with home.working() as engine:
        run_id = await start(engine, "write", {"dir": str(place)})
        shown = await pending_approval(engine, run_id)
        place.rename(tmp_path / "moved")
        place.symlink_to(elsewhere)
        await engine.requests.approve(shown.approval_id, actor=BOB)
        again = await pending_approval(engine, run_id)
        assert again.preview is not None
        assert again.preview.kind == "unavailable"
        await engine.requests.approve(again.approval_id, actor=BOB)
        assert (await failed(engine, run_id))[0] == "permission_denied"
    assert not (elsewhere / "notes.txt").exists()


async def test_a_call_held_by_the_layer_is_not_made_on_another_file_than_was_shown(
    home: Home, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    writing(home, place, gated=False, requires_approval=True)
    async with home.working() as engine:
        run_id = await start(engine, "write", {"dir": str(place)})
        shown = await pending_approval(engine, run_id)
        assert shown.preview is not None
        assert shown.preview.base is None
        (place / "notes.txt").write_text("somebody was quicker")
        await engine.requests.approve(shown.approval_id, actor=BOB)

        async def asked_again() -> bool:
            return bool((await engine.requests.approvals(run_id=run_id)).items)

        await until(asked_again)
        again = await pending_approval(engine, run_id)
        assert again.step_id == "act~2"
        assert again.preview is not None
        assert "-somebody was quicker" in again.preview.text
        await engine.requests.approve(again.approval_id, actor=BOB)
        await completed(engine, run_id)
    assert (place / "notes.txt").read_text() == "new\nsame\n"


class Colleague:
    """Changes a file just before the next call begins."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._changed = False

    def reach(self, point: str, _step_type: str) -> None:
        """See `engine.runtime.worker.sessions.faults`."""
        if point == "before_tool" and not self._changed:
            self._changed = True
            self._file.write_text("a colleague was here\n")


async def test_a_file_that_changes_between_check_and_call_voids_and_asks_again(
    home: Home, tmp_path: Path
) -> None:
    file = tmp_path / "place" / "notes.txt"
    file.parent.mkdir()
    file.write_text("old\nsame\n")
    writing(home, file.parent)
    async with home.working(faults=Colleague(file)) as engine:
        run_id = await start(engine, "write", {"dir": str(file.parent)})
        await engine.requests.approve((await pending_approval(engine, run_id)).approval_id, actor=BOB)

        async def asked_again() -> bool:
            return bool((await engine.requests.approvals(run_id=run_id)).items)

        await until(asked_again)
        again = await pending_approval(engine, run_id)
        assert file.read_text() == "a colleague was here\n"
        assert again.step_id == "ok~2"
        assert again.preview is not None
        assert "-a colleague was here" in again.preview.text
        assert "approval_voided" in [event.kind for event in await engine.runs.events(run_id)]
        await engine.requests.approve(again.approval_id, actor=BOB)
        await completed(engine, run_id)
    assert file.read_text() == "new\nsame\n"


async def test_how_a_call_went_is_kept_with_its_step(home: Home) -> None:
    home.flow("go", tool("bad", "fake.fail", params={"message": "no"}, on_failure="continue"), tool("act"))
    async with home.working() as engine:
        run_id = await start(engine, "go")
        await rest(engine, run_id)
        bad, act = (await engine.runs.get(run_id)).steps
        for step, name in ((bad, "fake.fail"), (act, "fake.echo")):
            assert step.meta is not None
            assert (step.meta.tool, step.meta.backend, step.meta.sandbox) == (name, "local", "policy")
            assert step.meta.latency_ms >= 0
