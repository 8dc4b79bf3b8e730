"""Calls of a model that a person is asked about a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.runs.plan import PlanEdit, PlanEdits
from engine.contracts.runs.run import StepView
from engine.contracts.status import RequestStatus, RunStatus, StepStatus
from engine.errors import AlreadyDecided, InvalidInput
from engine.runtime.embedded.diagnosing.agents import NewestTurns
from engine.tools.builtin.files.file_tools import file_tools
from tests.engine.runtime.agents_at_work import agent, call, says, told
from tests.engine.runtime.calls.test_bound_calls import layers
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    pending_approval,
    rest,
    start,
    tool,
    until,
)
from tests.engine.runtime.starting.test_handing_off import declare

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.runs.request import ApprovalView
    from engine.facade.engine import Engine

pytestmark = pytest.mark.on_disk

CALL = "work/0/calls/0/call"


async def asked_again(engine: Engine, run_id: str) -> ApprovalView:
    """The approval that is open after the one that was decided."""

    async def is_open() -> bool:
        return bool((await engine.requests.approvals(run_id=run_id)).items)

    await until(is_open)
    return await pending_approval(engine, run_id)


def writing(home: Home, root: Path) -> Path:
    """A flow whose agent writes a file, which lies in the folder that is given back."""
    place = root / "place"
    place.mkdir()
    (place / "notes.txt").write_text("old\n")
    for known in file_tools():
        home.tools.registry.add(known)
    writes = call("files.write", root=str(place), path="notes.txt", text="new\n")
    home.flow(
        "ask", agent(says("", writes), says("Done."), tools=("files.write",)), autonomy_level="suggest_only"
    )
    scoped = {"filesystem": "scoped", "scoped_paths": ["{{ payload.dir }}"]}
    layers(home, {"id": "files.write", "name": "Write", "sandbox": scoped})
    return place


async def test_a_call_that_is_asked_about_again_stands_in_the_conversation_as_it_is_now(
    home: Home, tmp_path: Path
) -> None:
    place = writing(home, tmp_path)
    async with home.working() as engine:
        run_id = await start(engine, "ask", {"dir": str(place)})
        shown = await pending_approval(engine, run_id)
        (place / "notes.txt").write_text("somebody was quicker\n")
        await engine.requests.approve(shown.approval_id, actor=BOB)
        again = await asked_again(engine, run_id)
        for calls in (True, False):
            (turn,) = (await engine.runs.conversation(run_id, "work", calls=calls)).turns
            assert turn.asks == again.step_id == f"{CALL}~2"
        (waiting,) = (await engine.runs.conversation(run_id, "work")).turns[0].calls
        assert (waiting.step_id, waiting.status) == (again.step_id, StepStatus.PENDING_HUMAN)
        (pending,) = (await engine.runs.snapshot(run_id)).agents[0].last_calls
        assert (pending.step_id, pending.status) == (again.step_id, StepStatus.PENDING_HUMAN)
        await engine.requests.approve(again.approval_id, actor=BOB)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (made,) = (await engine.runs.conversation(run_id, "work")).turns[0].calls
        assert (made.status, made.decided, made.error) == (StepStatus.COMPLETED, "APPROVED by bob", None)
        assert made.result["path"] == "notes.txt"
        (kept,) = (await engine.runs.snapshot(run_id)).agents[0].last_calls
        assert (kept.status, kept.code) == (StepStatus.COMPLETED, None)


def test_calls_of_a_plan_are_told_in_their_order_each_as_it_is_now() -> None:
    paths = [*(f"plan/0/steps/{number}/call" for number in range(12)), "plan/0/steps/3/call~2"]
    made = StepView(step_id="any", type="tool", name="call", status=StepStatus.COMPLETED, attempt=1)
    turns = NewestTurns(1, dict.fromkeys(reversed(paths), made))
    told = [path for path, _ in turns.planned("plan/0/steps/")]
    assert told == [*paths[:3], "plan/0/steps/3/call~2", *paths[4:12]]


def changed(**params: Any) -> PlanEdits:
    """What somebody makes of the one call that an approval shows."""
    return PlanEdits(steps=(PlanEdit(step_id="call", params=params),))


async def test_a_call_that_is_changed_asks_again_as_it_is_then_and_its_model_is_told(home: Home) -> None:
    home.flow("ask", agent(says("", call(a=1)), says("Done.")), autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        shown = await pending_approval(engine, run_id)
        (step,) = shown.changeable_steps
        assert (step.step_id, step.tool, step.params) == ("call", "fake.echo", {"a": 1})
        await engine.requests.approve(shown.approval_id, actor=BOB, digest=shown.digest, edits=changed(a=2))
        again = await asked_again(engine, run_id)
        assert not home.tools.calls
        assert again.action is not None
        assert (again.step_id, again.action.params, again.digest == shown.digest) == (CALL, {"a": 2}, False)
        assert again.context["changed"]["by"] == "bob"
        before = await engine.requests.approval(shown.approval_id)
        assert (before.status, before.decided_by) == (RequestStatus.VOID, "bob")
        assert before.changes is not None
        lines = [line for line in before.changes.split("\n") if line[:1] in "-+"]
        assert lines == ["--- before", "+++ now", "-    a: 1", "+    a: 2"]
        with pytest.raises(AlreadyDecided):
            await engine.requests.approve(shown.approval_id, actor=ANN)
        await engine.requests.approve(again.approval_id, actor=ANN, digest=again.digest)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.given(CALL) == [{"a": 2}]
        heard = {"changed_by": "bob", "arguments": {"a": 2}, "result": {"a": 2}}
        assert await told(engine, run_id) == [heard]
        (made,) = (await engine.runs.conversation(run_id, "work")).turns[0].calls
        assert (made.arguments, made.decided) == ('{"a":1}', "CHANGED by bob, APPROVED by ann")
        assert made.changed == before.changes
        kinds = [event.kind for event in await engine.runs.events(run_id) if event.step_id == CALL]
        assert kinds.count("tool_call_changed") == 1
        assert [one.attempt for one in (await engine.runs.get(run_id)).steps if one.step_id == CALL] == [1]


async def test_a_decision_that_changed_a_call_reads_so_at_once_and_for_good(
    home: Home,
) -> None:
    asks = agent(says("", call(a=1)), says("Done."))
    home.flow("ask", asks, autonomy_level="suggest_only")
    home.flow("fix", tool("keep", params={"told": "{{ handoff }}"}), pack="other")
    declare(home, "other")
    told_of = [("CHANGED", "bob"), ("APPROVED", "ann")]
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        shown = await pending_approval(engine, run_id)
    async with home.open() as engine:
        said = await engine.requests.approve(
            shown.approval_id, actor=BOB, digest=shown.digest, edits=changed(a=2), comment="two"
        )
        assert said.decision == "CHANGED"
        (made,) = (await engine.runs.conversation(run_id, "work")).turns[0].calls
        assert made.decided == "CHANGED by bob"
        with pytest.raises(AlreadyDecided, match="CHANGED"):
            await engine.requests.approve(shown.approval_id, actor=ANN)
    async with home.working() as engine:
        again = await asked_again(engine, run_id)
        await engine.requests.approve(again.approval_id, actor=ANN, comment="fine")
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        comments = home.document(run, "input/comments.json")
        assert [(one["decision"], one["by"]) for one in comments] == told_of
        begun = await engine.runs.hand_off(run_id, "other", "fix", {}, actor=BOB)
        taken = await rest(engine, begun.run_id, expect=RunStatus.COMPLETED)
        assert isinstance(taken.output, dict)
        decisions = taken.output["told"]["decisions"]
        assert [(one["decision"], one["by"]) for one in decisions] == [
            ("CHANGED", "bob"),
            ("APPROVED", "ann"),
        ]


async def test_what_was_changed_stays_so_when_it_is_changed_again_or_fails_or_is_rejected(home: Home) -> None:
    asks = says("", call("fake.fail", message="one"), call(a=1))
    home.flow("ask", agent(asks, says("Done.")), autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "ask")

        async def both_ask() -> bool:
            return len((await engine.requests.approvals(run_id=run_id)).items) == 2

        await until(both_ask)
        for one in (await engine.requests.approvals(run_id=run_id)).items:
            edits = changed(message="two") if "calls/0" in one.step_id else changed(a=[2])
            await engine.requests.approve(one.approval_id, actor=BOB, edits=edits)
        await until(both_ask)
        for one in (await engine.requests.approvals(run_id=run_id)).items:
            if "calls/0" in one.step_id:
                await engine.requests.approve(one.approval_id, actor=ANN)
            else:
                await engine.requests.approve(one.approval_id, actor=ANN, edits=changed(a=[3]))
        await until(lambda: _asks(engine, run_id, {"a": [3]}))
        last = await pending_approval(engine, run_id)
        await engine.requests.reject(last.approval_id, actor=ANN, comment="no")
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        failed, rejected = (one["error"]["message"] for one in await told(engine, run_id))
        assert failed == 'two (bob had changed the arguments to {"message":"two"})'
        assert rejected == "rejected by ann: no"


async def _asks(engine: Engine, run_id: str, params: dict[str, Any]) -> bool:
    items = (await engine.requests.approvals(run_id=run_id)).items
    return [one.action.params for one in items if one.action is not None] == [params]


async def test_a_change_that_cannot_be_is_refused_and_decides_nothing(home: Home) -> None:
    home.flow("ask", agent(says("", call(a=1)), says("Done.")), autonomy_level="suggest_only")
    home.flow("gated", approval("ok", gates="act"), tool("act"))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        shown = await pending_approval(engine, run_id)
        for edits in (
            changed(token={"$secret": "mine"}),
            changed(mail="[EMAIL]"),
            changed(token="ghp_0123456789abcdefghijABCDEFGHIJ012345"),
            changed(a=1),
            PlanEdits(steps=(PlanEdit(step_id="call"),)),
            PlanEdits(steps=(PlanEdit(step_id="other", params={}),)),
        ):
            with pytest.raises(InvalidInput):
                await engine.requests.approve(shown.approval_id, actor=BOB, edits=edits)
        assert (await engine.requests.approval(shown.approval_id)).status is RequestStatus.PENDING
        written = await pending_approval(engine, await start(engine, "gated"))
        assert written.changeable_steps == ()
        with pytest.raises(InvalidInput, match="a plan can be, and a call that a model chose"):
            await engine.requests.approve(written.approval_id, actor=BOB, edits=changed(a=1))


async def test_a_change_of_a_run_that_is_paused_asks_again_once_it_goes_on(home: Home) -> None:
    home.flow("ask", agent(says("", call(a=1)), says("Done.")), autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        shown = await pending_approval(engine, run_id)
        await engine.runs.pause(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.PAUSED)
        await engine.requests.approve(shown.approval_id, actor=BOB, edits=changed(a=2))
        await engine.runs.resume(run_id, actor=ANN)
        again = await asked_again(engine, run_id)
        assert again.action is not None
        assert again.action.params == {"a": 2}
        assert not home.tools.calls
        await engine.requests.approve(again.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.given(CALL) == [{"a": 2}]


async def test_what_was_changed_stays_so_when_the_file_is_another_one_by_then(
    home: Home, tmp_path: Path
) -> None:
    place = writing(home, tmp_path)
    async with home.working() as engine:
        run_id = await start(engine, "ask", {"dir": str(place)})
        shown = await pending_approval(engine, run_id)
        assert shown.action is not None
        wanted = {**shown.action.params, "text": "better\n"}
        await engine.requests.approve(shown.approval_id, actor=BOB, edits=changed(**wanted))
        again = await asked_again(engine, run_id)
        assert again.preview is not None
        assert "+better" in again.preview.text
        (place / "notes.txt").write_text("somebody was quicker\n")
        await engine.requests.approve(again.approval_id, actor=ANN)
        last = await asked_again(engine, run_id)
        assert last.action is not None
        assert last.preview is not None
        assert (last.step_id, last.action.params) == (f"{CALL}~2", wanted)
        assert "-somebody was quicker" in last.preview.text
        assert last.context["changed"]["by"] == "bob"
        await engine.requests.approve(last.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert (place / "notes.txt").read_text() == "better\n"
        (heard,) = await told(engine, run_id)
        assert heard["result"]["path"] == "notes.txt"
        (event,) = [
            one
            for one in await engine.runs.events(run_id)
            if (one.kind, one.step_id) == ("step_completed", last.step_id)
        ]
        past = await engine.runs.as_of(run_id, event.run_seq)
        assert [file.name for file in past.files] == ["notes.txt"]


async def test_a_hook_looks_at_a_call_as_it_was_changed(home: Home) -> None:
    home.flow("ask", agent(says("", call(a="here")), says("Done.")), autonomy_level="suggest_only")
    hook = {
        "id": "no-production",
        "at": "before_tool",
        "contains": ["/srv/production"],
        "reason": "Not there.",
    }
    layers(home, guardrails={"hooks": [hook]})
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        shown = await pending_approval(engine, run_id)
        edits = changed(a="/srv/production/x")
        await engine.requests.approve(shown.approval_id, actor=BOB, edits=edits)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (heard,) = await told(engine, run_id)
        assert (heard["error"]["code"], home.tools.calls) == ("permission_denied", [])
        message = heard["error"]["message"]
        assert "Not there." in message
        assert message.endswith(' (bob had changed the arguments to {"a":"/srv/production/x"})')


async def test_a_changed_call_asks_also_where_nothing_but_the_change_wants_it(home: Home) -> None:
    asks = says("", call(a=1), call(a=2))
    home.flow("ask", agent(asks, says("Done.")))
    layers(home, guardrails={"behavioral": {"max_autonomous_steps": 1}})
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        shown = await pending_approval(engine, run_id)
        path = shown.step_id
        await engine.requests.approve(shown.approval_id, actor=BOB, edits=changed(a=3))
        again = await asked_again(engine, run_id)
        assert again.action is not None
        assert (again.step_id, again.action.params) == (path, {"a": 3})
        assert again.message == "bob changed the parameters of fake.echo"
        assert home.tools.given(path) == []
        await engine.requests.approve(again.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert home.tools.given(path) == [{"a": 3}]


async def test_the_error_of_a_changed_call_has_no_half_of_what_is_personal(home: Home) -> None:
    asks = says("", call("fake.fail", message="one"))
    home.flow("ask", agent(asks, says("Done.")), autonomy_level="suggest_only")
    address = "somebody.with.a.long.name@example.org"
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        shown = await pending_approval(engine, run_id)
        edits = changed(message="two", to=[f"{number}{address}" for number in range(200)])
        await engine.requests.approve(shown.approval_id, actor=BOB, edits=edits)
        again = await asked_again(engine, run_id)
        await engine.requests.approve(again.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (heard,) = await told(engine, run_id)
        assert "somebody" not in heard["error"]["message"]
        assert 'had changed the arguments to {"message":"two","to":["[EMAIL]"' in heard["error"]["message"]


async def test_a_change_whose_lines_read_the_same_is_one(home: Home) -> None:
    """A parameter of which the diff shows nothing: the name of one reads as a line of the other."""
    home.flow("ask", agent(says("", call(a="x\ny\nb: 1")), says("Done.")), autonomy_level="suggest_only")
    better = {"a": "x\ny", "    b": 1}
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        shown = await pending_approval(engine, run_id)
        await engine.requests.approve(shown.approval_id, actor=BOB, edits=changed(**better))
        again = await asked_again(engine, run_id)
        assert again.action is not None
        assert again.action.params == better
        assert not home.tools.calls


async def test_who_decides_after_two_changes_sees_both_people_and_all_of_the_change(home: Home) -> None:
    home.flow("ask", agent(says("", call(a=1, b=1)), says("Done.")), autonomy_level="suggest_only")
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        shown = await pending_approval(engine, run_id)
        for who, edits in ((BOB, changed(a=2, b=1)), (ANN, changed(a=2, b=3)), (BOB, changed(a=4, b=3))):
            await engine.requests.approve(shown.approval_id, actor=who, edits=edits)
            shown = await asked_again(engine, run_id)
        change = shown.context["changed"]
        assert change["by"] == "bob, ann"
        lines = [line for line in change["diff"].split("\n") if line[:2] in {"- ", "+ "}]
        assert lines == ["-    a: 1", "-    b: 1", "+    a: 4", "+    b: 3"]
        await engine.requests.approve(shown.approval_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        (made,) = (await engine.runs.conversation(run_id, "work")).turns[0].calls
        assert (made.arguments, made.changed) == ('{"a":1,"b":1}', change["diff"])
        (heard,) = await told(engine, run_id)
        assert (heard["changed_by"], home.tools.given(CALL)) == ("bob, ann", [{"a": 4, "b": 3}])
