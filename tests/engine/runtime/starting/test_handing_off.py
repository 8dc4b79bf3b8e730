"""Handing a run off: what may take over, what it is told, and how either names the other."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, InvalidInput, NotFound, PackInvalid, Refused
from engine.governance.policies import Policies
from engine.runtime.embedded.handing_off.context import MAX_STEPS
from tests.engine.runtime.embedded_home import (
    ANN,
    BOB,
    Home,
    approval,
    failed,
    finished,
    form,
    pending_approval,
    pending_form,
    rest,
    start,
    tool,
)
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from engine.contracts.runs.listed import RunView
    from engine.facade.engine import Engine
    from engine.journal.port import Journal

MAIL = "mary.poppins@example.org"
SECRET = "sk-live0123456789abcdef"


def declare(home: Home, *targets: str, transfer: str = "summary", pack: str = "demo") -> None:
    """Let the pack, whose flows are written, declare handoffs."""
    file = home.root / "shipped" / pack / "profession-pack.yaml"
    handoffs = [
        {"target_agent": target, "conditions": ["It gets worse"], "context_transfer": transfer}
        for target in targets
    ]
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "workflow": {"handoffs": handoffs}}))


def write_packs(home: Home, transfer: str = "summary") -> None:
    """A pack with a form, an approval and a tool, and one that takes over and keeps what it is told."""
    home.flow("look", form("how"), approval("sure"), tool("work", params={"given": "{{ payload }}"}))
    home.flow("fix", tool("keep", params={"told": "{{ handoff }}"}), pack="other")
    declare(home, "other", transfer=transfer)


async def looked(engine: Engine, payload: dict[str, Any] | None = None) -> RunView:
    """A run of `look` to its end."""
    run_id = await start(engine, "look", payload)
    asked = await pending_form(engine, run_id)
    await engine.requests.answer(asked.request_id, {"word": "quick"}, actor=ANN, comment="as always")
    shown = await pending_approval(engine, run_id)
    await engine.requests.approve(shown.approval_id, actor=BOB, comment="go")
    return await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def take_over(engine: Engine, source: str, **more: Any) -> dict[str, Any]:
    """Hand off to `other/fix`; what that was told."""
    begun = await engine.runs.hand_off(source, "other", "fix", {}, actor=BOB, **more)
    done = await rest(engine, begun.run_id, expect=RunStatus.COMPLETED)
    assert isinstance(done.output, dict)
    told = done.output["told"]
    assert isinstance(told, dict)
    return told


async def test_a_minimal_handoff_tells_who_hands_off_what_and_why(home: Home) -> None:
    write_packs(home, "minimal")
    async with home.working() as engine:
        source = await looked(engine, {"word": "private"})
        told = await take_over(engine, source.run_id, note="it burns")
        assert told == {
            "run_id": source.run_id,
            "pack": "demo",
            "version": "1.0.0",
            "flow": "look",
            "status": "COMPLETED",
            "context_transfer": "minimal",
            "by": "bob",
            "note": "it burns",
        }


async def test_a_summary_tells_results_steps_and_what_people_said(home: Home) -> None:
    write_packs(home)
    async with home.working() as engine:
        source = await looked(engine, {"word": "x"})
        told = await take_over(engine, source.run_id)
        assert told["note"] is None
        assert told["input"] == {"word": "x"}
        assert told["output"] == {"given": {"word": "x"}}
        assert told["error"] is None
        assert told["steps"] == {name: {"status": "COMPLETED"} for name in ("how", "sure", "work")}
        assert (told["steps_left_out"], told["decisions_left_out"], told["shortened"]) == (0, 0, [])
        asked, shown = told["decisions"]
        assert asked == {
            "step_id": "how",
            "title": "Say it",
            "message": "Say it",
            "decision": "ANSWERED",
            "by": "ann",
            "comment": "as always",
            "answer": {"word": "quick"},
        }
        assert (shown["message"], shown["decision"], shown["by"], shown["comment"], shown["answer"]) == (
            "Go on?",
            "APPROVED",
            "bob",
            "go",
            None,
        )


async def test_an_answer_that_no_worker_has_taken_in_is_told_as_well(home: Home) -> None:
    write_packs(home)
    async with home.working() as engine:
        run_id = await start(engine, "look")
        asked = await pending_form(engine, run_id)
    async with home.open() as engine:
        await engine.requests.answer(asked.request_id, {"word": "late"}, actor=ANN)
        begun = await engine.runs.hand_off(run_id, "other", "fix", {}, actor=BOB)
        assert begun.handoff["status"] == "PENDING_USER_INPUT"
        (said,) = begun.handoff["decisions"]
        assert said["answer"] == {"word": "late"}


async def test_a_full_handoff_tells_what_every_step_was_given_and_brought(home: Home) -> None:
    home.flow(
        "look",
        {
            "id": "each",
            "type": "for_each",
            "items": [1, 2],
            "steps": [tool("in", params={"n": "{{ item }}"})],
        },
        tool("big", "fake.big", params={"size": 20_000}),
        tool("bad", "fake.fail"),
    )
    home.flow("fix", tool("keep", params={"told": "{{ handoff }}"}), pack="other")
    declare(home, "other", transfer="full")
    async with home.working() as engine:
        source = await failed(engine, "look")
        told = await take_over(engine, source.run_id)
        assert told["status"] == "FAILED"
        assert told["error"]["code"] == "backend_error"
        assert set(told["steps"]) == {"each", "each/0/in", "each/1/in", "big", "bad"}
        assert told["steps"]["each"]["output"] == [{"n": 1}, {"n": 2}]
        assert told["steps"]["each/1/in"]["input"] == {"n": 2}
        assert len(told["steps"]["big"]["output"]["text"]) == 20_000
        assert told["steps"]["bad"]["error"]["message"] == "it does not work"
        assert told["shortened"] == []


async def test_what_is_too_large_to_be_told_is_told_as_a_preview(home: Home) -> None:
    home.flow(
        "look",
        tool("old", "fake.big", params={"size": 60_000}),
        tool("a", "fake.big", params={"size": 9_000}),
    )
    home.flow("fix", tool("keep", params={"told": "{{ handoff }}"}), pack="other")
    declare(home, "other", transfer="full")
    async with home.working(policies=Policies(max_payload_bytes=65_000)) as engine:
        source = await finished(engine, "look")
        told = await take_over(engine, source.run_id)
        assert told["shortened"] == ["steps/old/output"]
        assert len(told["steps"]["a"]["output"]["text"]) == 9_000
        assert told["steps"]["old"]["output"]["text"].endswith("…")


async def test_of_very_many_steps_the_outermost_are_told_and_the_others_counted(home: Home) -> None:
    items = list(range(MAX_STEPS))
    home.flow("look", {"id": "each", "type": "for_each", "items": items, "steps": [tool("in")]}, tool("last"))
    home.flow("fix", tool("keep", params={"told": "{{ handoff }}"}), pack="other")
    declare(home, "other")
    async with home.working() as engine:
        run_id = await start(engine, "look")
        await engine.runs.wait(run_id, timeout=PATIENCE)
        told = await take_over(engine, run_id)
        assert len(told["steps"]) == MAX_STEPS
        assert told["steps"]["last"]["status"] == "COMPLETED"
        assert told["steps_left_out"] == 2


async def test_secrets_are_never_told_and_personal_data_only_to_tools(home: Home) -> None:
    write_packs(home, "full")
    async with home.working() as engine:
        source = await looked(engine, {"who": MAIL, "key": SECRET})
        begun = await engine.runs.hand_off(
            source.run_id, "other", "fix", {}, actor=BOB, note=f"ask {MAIL}, {SECRET}"
        )
        await rest(engine, begun.run_id, expect=RunStatus.COMPLETED)
        (given,) = home.tools.given("keep")
        assert given["told"]["input"]["who"] == MAIL
        assert MAIL not in given["told"]["note"]
        shown = await engine.runs.get(begun.run_id)
        events = await engine.runs.events(begun.run_id)
        text = json.dumps([item.model_dump(mode="json") for item in (shown, *events)])
        document = json.dumps(home.document(shown.run, "input/handoff.json"))
        assert MAIL not in text + document
        assert shown.run.handoff["status"] == "COMPLETED"
        assert SECRET not in text + document + json.dumps(given)
        assert SECRET.encode() not in home.bytes_at_rest()


async def test_a_run_that_nobody_handed_off_sees_nothing(home: Home) -> None:
    home.flow(
        "plain",
        tool("told", when="{{ handoff }}"),
        tool("say", params={"note": "{{ handoff.note | default('none') }}", "is": "{{ handoff is none }}"}),
    )
    async with home.working() as engine:
        run = await finished(engine, "plain")
        assert run.output == {"note": "none", "is": True}
        assert (run.handed_off_from, run.handoff) == (None, None)
        assert not (home.root / "runs" / "demo" / run.run_id / "input" / "handoff.json").exists()


async def test_either_run_names_the_other_also_as_it_was_before(home: Home, each_journal: Journal) -> None:
    write_packs(home)
    async with home.open(journal=each_journal) as engine, engine.work():
        run_id = await start(engine, "look")
        asked = await pending_form(engine, run_id)
        early = (await engine.runs.summary(run_id)).run_seq
        first = await engine.runs.hand_off(run_id, "other", "fix", {}, actor=BOB)
        await engine.requests.answer(asked.request_id, {"word": "x"}, actor=ANN)
        await pending_approval(engine, run_id)
        second = await engine.runs.hand_off(run_id, "other", None, {}, actor=BOB)
        assert (first.handed_off_from, second.handed_off_from) == (run_id, run_id)
        detail = await engine.runs.get(run_id)
        assert detail.handed_off_to == (first.run_id, second.run_id)
        assert (await engine.runs.as_of(run_id, detail.run.run_seq)).handed_off_to == detail.handed_off_to
        assert (await engine.runs.as_of(run_id, early)).handed_off_to == (first.run_id,)
        assert (await engine.runs.as_of(run_id, early - 1)).handed_off_to == ()
        await rest(engine, first.run_id)
        then = await engine.runs.as_of(first.run_id, 1)
        assert (then.run.handed_off_from, then.run.handoff["status"]) == (run_id, "PENDING_USER_INPUT")


async def test_only_declared_targets_of_the_content_the_run_pinned(home: Home) -> None:
    write_packs(home)
    home.flow("lone", tool("a"), pack="third")
    async with home.working() as engine:
        run_id = await start(engine, "look")
        with pytest.raises(Refused) as caught:
            await engine.runs.hand_off(run_id, "third", "lone", {}, actor=BOB)
        assert caught.value.code is ErrorCode.HANDOFF_UNDECLARED
        assert caught.value.details["declared"] == ["other"]
        declare(home, "third")
        await engine.packs.reload()
        assert [view.target for view in await engine.runs.handoffs(run_id)] == ["other"]
        assert [view.target for view in await engine.runs.handoffs(await start(engine, "look"))] == ["third"]
        with pytest.raises(NotFound):
            await engine.runs.handoffs("run_none")


async def test_the_target_is_checked_as_at_any_start(home: Home) -> None:
    write_packs(home)
    declare(home, "gone", "broken", "code", "other")
    home.flow("f", tool("a"), pack="broken")
    (home.root / "shipped" / "broken" / "flows" / "f.yaml").write_text("{{{")
    home.flow("f", tool("a"), pack="code", shipped=False)
    (home.root / "home" / "code" / "tools.py").write_text("def go() -> int:\n    return 1\n")
    home.flow("more", tool("a"), pack="other", input={"type": "object", "required": ["n"]})
    async with home.working() as engine:
        run_id = await start(engine, "look")
        views = {view.target: view for view in await engine.runs.handoffs(run_id)}
        assert "there is no pack gone" in (views["gone"].reason or "")
        assert "1 problem" in (views["broken"].reason or "")
        assert "vasini pack trust code" in (views["code"].reason or "")
        assert [flow.flow for flow in views["other"].flows] == ["fix", "more"]
        assert (views["other"].reason, views["other"].conditions) == (None, ("It gets worse",))

        async def refused(target: str, flow: str | None, kind: type[Exception]) -> Any:
            with pytest.raises(kind) as caught:
                await engine.runs.hand_off(run_id, target, flow, {}, actor=BOB)
            return caught.value

        await refused("gone", None, NotFound)
        await refused("broken", None, PackInvalid)
        assert (await refused("code", None, Refused)).code is ErrorCode.PACK_UNTRUSTED
        assert (await refused("other", None, InvalidInput)).details["flows"] == ["fix", "more"]
        await refused("other", "none", NotFound)
        unfit = await refused("other", "more", InvalidInput)
        assert (await engine.runs.summary(unfit.details["run_id"])).handed_off_from is None
        assert (await engine.runs.get(run_id)).handed_off_to == ()
        with pytest.raises(InvalidInput, match="note"):
            await engine.runs.hand_off(run_id, "other", "fix", {}, actor=BOB, note="x" * 20_001)


async def test_a_stale_pack_takes_over_with_its_last_good_content(home: Home) -> None:
    write_packs(home)
    async with home.working() as engine:
        run_id = await start(engine, "look")
        await engine.packs.reload()
        (home.root / "shipped" / "other" / "flows" / "fix.yaml").write_text("{{{")
        await engine.packs.reload()
        (view,) = await engine.runs.handoffs(run_id)
        assert (view.reason, [flow.flow for flow in view.flows]) == (None, ["fix"])
        assert (await take_over(engine, run_id))["run_id"] == run_id


async def test_one_key_hands_off_once_also_after_a_restart(home: Home) -> None:
    write_packs(home)
    async with home.open() as engine:
        source = await engine.runs.start("demo", "look", {}, actor=ANN, tenant="acme")
        first = await engine.runs.hand_off(source.run_id, "other", "fix", {}, actor=BOB, idempotency_key="k")
        assert first.tenant == "acme"
    async with home.working() as engine:
        again = await engine.runs.hand_off(source.run_id, "other", "fix", {}, actor=BOB, idempotency_key="k")
        assert again.run_id == first.run_id
        assert (await engine.runs.get(source.run_id)).handed_off_to == (first.run_id,)
        with pytest.raises(Refused) as caught:
            await engine.runs.hand_off(
                source.run_id, "other", "fix", {}, actor=BOB, idempotency_key="k", note="another"
            )
        assert caught.value.code is ErrorCode.IDEMPOTENCY_CONFLICT
        done = await rest(engine, first.run_id, expect=RunStatus.COMPLETED)
        assert done.output is not None
        assert done.output["told"]["status"] == "QUEUED"


async def test_the_same_key_at_once_on_two_engines_hands_off_once(home: Home) -> None:
    write_packs(home)
    async with home.working() as first, home.working() as second:
        run_id = await start(first, "look")
        await pending_form(first, run_id)
        runs = await asyncio.gather(
            *(
                engine.runs.hand_off(run_id, "other", "fix", {}, actor=BOB, idempotency_key="k")
                for engine in (first, second, first, second)
            )
        )
        assert {run.run_id for run in runs} == set(await first.runs.successors(run_id))
        await rest(first, runs[0].run_id, expect=RunStatus.COMPLETED)
    assert len(home.tools.given("keep")) == 1


async def test_a_child_may_be_handed_off_and_a_run_without_handoffs_may_not(home: Home) -> None:
    home.flow("top", {"id": "sub", "type": "subflow", "subflow": "other/below"})
    home.flow("below", tool("a", params={"x": 1}), pack="other")
    home.flow("fix", tool("keep", params={"told": "{{ handoff }}"}), pack="third")
    declare(home, "third", pack="other")
    async with home.working() as engine:
        top = await finished(engine, "top")
        (step,) = (await engine.runs.steps(top.run_id)).items
        assert step.child_run_id is not None
        begun = await engine.runs.hand_off(step.child_run_id, "third", None, {}, actor=BOB)
        assert (await rest(engine, begun.run_id)).handoff["pack"] == "other"
        assert await engine.runs.handoffs(top.run_id) == ()
        with pytest.raises(Refused, match="declares no handoffs"):
            await engine.runs.hand_off(top.run_id, "third", None, {}, actor=BOB)


async def test_a_refused_run_may_be_handed_off_and_tells_nothing_of_its_payload(home: Home) -> None:
    write_packs(home)
    home.flow("strict", tool("a"), input={"type": "object", "required": ["n"]})
    declare(home, "other")
    async with home.working() as engine:
        with pytest.raises(InvalidInput) as caught:
            await engine.runs.start("demo", "strict", {"word": "private"}, actor=ANN)
        told = await take_over(engine, caught.value.details["run_id"])
        assert (told["status"], told["input"], told["error"]["code"]) == ("FAILED", None, "invalid_input")
        assert "private" not in json.dumps(told)


async def test_data_shaped_like_a_reference_is_told_as_it_is(home: Home) -> None:
    write_packs(home)
    forged = {"$blob": "a" * 64, "size": 1, "preview": "x"}
    async with home.working() as engine:
        source = await looked(engine, {"forged": forged})
        assert (await take_over(engine, source.run_id))["input"] == {"forged": forged}
