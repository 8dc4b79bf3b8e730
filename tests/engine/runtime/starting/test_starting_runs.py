from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RUN_TERMINAL, RunStatus
from engine.errors import ErrorCode, InvalidInput, NotFound, PackInvalid, Refused, VasiniError
from engine.governance.policies import Policies
from tests.engine.runtime.embedded_home import ANN, BOB, finished, kinds, rest, start, tool
from tests.engine.runtime.fake_faults import FakeFaults
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from engine.facade.engine import Engine
    from tests.engine.runtime.embedded_home import Home

NUMBERS = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "password": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


async def refused(engine: Engine, error: VasiniError) -> list[dict[str, Any]]:
    """Events of the run that the refusal left."""
    run = await engine.runs.summary(error.details["run_id"])
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert run.error.code == error.code
    assert run.input is None
    return [event.model_dump() for event in await engine.runs.events(run.run_id)]


async def test_a_payload_that_breaks_the_schema_leaves_one_event_with_a_digest(home: Home) -> None:
    home.flow("count", tool("a"), input=NUMBERS)
    async with home.open() as engine:
        with pytest.raises(InvalidInput) as caught:
            await engine.runs.start("demo", "count", {"n": "many", "m": 1}, actor=ANN)
        assert {error["field"] for error in caught.value.details["errors"]} == {"n", "m"}
        (event,) = await refused(engine, caught.value)
        assert event["kind"] == "run_refused"
        assert event["run_seq"] == 1
        assert event["actor"] == "ann"
        assert len(event["payload"]["payload_digest"]) == 64
        assert "many" not in json.dumps(event["payload"])


async def test_a_refusal_says_nothing_of_the_payload(home: Home) -> None:
    home.flow("count", tool("a"), input=NUMBERS)
    async with home.open() as engine:
        payload = {"n": 1, "password": "hunter2-plain", "sk-abcdef12345": "mary@example.org"}
        with pytest.raises(InvalidInput) as caught:
            await engine.runs.start("demo", "count", payload, actor=ANN)
        events = await refused(engine, caught.value)
        for hidden in ("hunter2-plain", "sk-abcdef12345", "mary@example.org"):
            assert hidden.encode() not in home.bytes_at_rest()
            assert hidden not in json.dumps(events, default=str)
            assert hidden not in str(caught.value)


async def test_a_refusal_names_all_faults_of_fields_and_what_the_flow_takes(home: Home) -> None:
    home.flow("count", tool("a"), input=NUMBERS)
    async with home.open() as engine:
        with pytest.raises(InvalidInput) as caught:
            await engine.runs.start("demo", "count", {"password": "x", "sk-abcdef12345": 1}, actor=ANN)
        assert "n is required, password must be" in caught.value.message
        assert "and 1 more" in caught.value.message
        assert "it takes n (required), password" in caught.value.message
        assert "sk-abcdef12345" not in caught.value.message


async def test_a_refusal_uses_no_idempotency_key(home: Home) -> None:
    home.flow("count", tool("a"), input=NUMBERS)
    async with home.open() as engine:
        with pytest.raises(InvalidInput):
            await engine.runs.start("demo", "count", {}, actor=ANN, idempotency_key="k")
        run = await engine.runs.start("demo", "count", {"n": 1}, actor=ANN, idempotency_key="k")
        assert run.status is RunStatus.QUEUED


async def test_a_refused_run_cannot_be_retried_or_worked(home: Home) -> None:
    home.flow("count", tool("a"), input=NUMBERS)
    async with home.open() as engine:
        with pytest.raises(InvalidInput) as caught:
            await engine.runs.start("demo", "count", {}, actor=ANN)
        run_id = caught.value.details["run_id"]
        with pytest.raises(Refused) as refusal:
            await engine.runs.retry(run_id, actor=ANN)
        assert refusal.value.code is ErrorCode.INVALID_TRANSITION
        async with engine.work() as worker:
            await worker.idle()
        assert await kinds(engine, run_id) == ["run_refused"]


async def test_a_payload_over_the_limit_is_refused(home: Home) -> None:
    home.flow("any", tool("a"))
    async with home.open(policies=Policies(max_payload_bytes=100)) as engine:
        with pytest.raises(InvalidInput) as caught:
            await start(engine, "any", {"text": "x" * 100})
        assert caught.value.code is ErrorCode.PAYLOAD_TOO_LARGE
        assert len(await refused(engine, caught.value)) == 2


@pytest.mark.parametrize("value", [float("nan"), "\ud800", object()])
async def test_a_payload_that_is_not_json_is_refused(home: Home, value: object) -> None:
    home.flow("any", tool("a"))
    async with home.open() as engine:
        with pytest.raises(InvalidInput) as caught:
            await start(engine, "any", {"x": value})
        (event,) = await refused(engine, caught.value)
        assert "payload_digest" not in event["payload"]


async def test_full_autonomy_has_to_be_allowed(home: Home) -> None:
    home.flow("free", tool("a", params={"x": 1}), autonomy_level="full_auto")
    async with home.open() as engine:
        with pytest.raises(Refused) as caught:
            await start(engine, "free")
        assert caught.value.code is ErrorCode.POLICY_DENIED
        assert len(await refused(engine, caught.value)) == 2
    async with home.working(policies=Policies(allow_full_autonomy=True)) as engine:
        await finished(engine, "free")


async def test_a_flow_of_too_many_steps_is_refused(home: Home) -> None:
    branches = [[tool("b")], [tool("c")]]
    home.flow("long", tool("a"), {"id": "p", "type": "parallel", "branches": branches})
    async with home.open(policies=Policies(max_steps=3)) as engine:
        with pytest.raises(Refused) as caught:
            await start(engine, "long")
        assert caught.value.details["reason"] == "max_steps_exceeded"
        assert caught.value.details["step_count"] == 4


async def test_a_pack_may_have_policies_of_its_own(home: Home) -> None:
    home.flow("one", tool("a"), pack="strict")
    home.flow("one", tool("a"), pack="lenient")
    policies = Policies(max_steps=5, by_pack={"strict": Policies(max_payload_bytes=10)})
    async with home.open(policies=policies) as engine:
        payload = {"text": "long enough"}
        with pytest.raises(InvalidInput):
            await start(engine, "one", payload, pack="strict")
        assert await start(engine, "one", payload, pack="lenient")


async def test_code_of_a_home_pack_does_not_run(home: Home) -> None:
    home.flow("mine", tool("a", "mine.shout", params={"text": "x"}), pack="mine", shipped=False)
    code = "def shout(text: str) -> str:\n    return text\n"
    (home.root / "home" / "mine" / "tools.py").write_text(code)
    async with home.open() as engine:
        with pytest.raises(Refused) as caught:
            await start(engine, "mine", pack="mine")
        assert caught.value.code is ErrorCode.PACK_UNTRUSTED
        assert "tools.py" in caught.value.message
        assert len(await refused(engine, caught.value)) == 1


async def test_a_broken_pack_leaves_no_run(home: Home) -> None:
    home.flow("bad", tool("a", "no.such_tool"))
    async with home.open() as engine:
        with pytest.raises(PackInvalid) as caught:
            await start(engine, "bad")
        assert "no.such_tool" in caught.value.message
        assert caught.value.details["problems"][0]["line"] > 0
        assert (await engine.runs.list()).items == ()


@pytest.mark.parametrize(("pack", "flow"), [("nope", "any"), ("demo", "nope")])
async def test_what_is_not_there_is_not_found(home: Home, pack: str, flow: str) -> None:
    home.flow("any", tool("a"))
    async with home.open() as engine:
        with pytest.raises(NotFound, match="nope"):
            await start(engine, flow, pack=pack)
        assert (await engine.runs.list()).items == ()


async def test_the_same_key_and_payload_give_the_same_run(home: Home) -> None:
    home.flow("any", tool("a"))
    async with home.open() as engine:
        runs = [
            await engine.runs.start("demo", "any", {"b": 1, "a": 2}, actor=actor, idempotency_key="k")
            for actor in (ANN, BOB)
        ]
        other = await engine.runs.start("demo", "any", {}, actor=ANN, idempotency_key="k", tenant="t2")
        assert runs[0].run_id == runs[1].run_id != other.run_id
        assert runs[1].requested_by == "ann"


@pytest.mark.parametrize(("flow", "payload"), [("any", {"a": 3}), ("other", {"a": 2})])
async def test_the_same_key_for_something_else_is_a_conflict(
    home: Home, flow: str, payload: dict[str, Any]
) -> None:
    home.flow("any", tool("a"))
    home.flow("other", tool("a"))
    async with home.working() as engine:
        first = await engine.runs.start("demo", "any", {"a": 2}, actor=ANN, idempotency_key="k")
        with pytest.raises(Refused) as caught:
            await engine.runs.start("demo", flow, payload, actor=ANN, idempotency_key="k")
        assert caught.value.code is ErrorCode.IDEMPOTENCY_CONFLICT
        assert caught.value.details["run_id"] == first.run_id
        again = await engine.runs.start("demo", "any", {"a": 2}, actor=ANN, idempotency_key="k")
        assert again.run_id == first.run_id
        assert sum((await engine.runs.counts()).runs.values()) == 1


async def test_a_start_that_the_journal_refuses_leaves_the_worker_free(home: Home) -> None:
    home.flow("any", tool("a", params={"x": 1}))
    faults = FakeFaults()
    async with home.open(faults=faults) as engine, engine.work(slots=1) as worker:
        faults.fail("before_commit")
        with pytest.raises(RuntimeError):
            await start(engine, "any")
        await worker.idle()
        await finished(engine, "any")


async def test_relative_paths_are_those_of_the_requester(home: Home, tmp_path: Path) -> None:
    path = {"type": "string", "format": "path"}
    nested = {"type": "object", "properties": {"file": path}}
    schema = {
        "type": "object",
        "properties": {"log": path, "out": path, "name": {"type": "string"}, "in": nested},
    }
    home.flow("files", tool("a"), input=schema)
    payload = {"log": "a/b.log", "out": "/abs", "name": "a/b", "in": {"file": "c.txt"}}
    async with home.open() as engine:
        run = await engine.runs.start("demo", "files", payload, actor=ANN, base_dir=tmp_path)
        assert run.input == {
            "log": f"{tmp_path}/a/b.log",
            "out": "/abs",
            "name": "a/b",
            "in": {"file": f"{tmp_path}/c.txt"},
        }
        untouched = await engine.runs.start("demo", "files", payload, actor=ANN)
        assert untouched.input == payload


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [50, 150, 220, 300, 900, 5_000])
async def test_a_deep_payload_is_worked_or_refused_and_harms_no_other_run(home: Home, depth: int) -> None:
    home.flow("any", tool("a", params={"data": "{{ payload }}"}))
    async with home.working() as engine:
        try:
            run_id = await start(engine, "any", {"deep": nested(depth)})
        except InvalidInput as error:
            run_id = error.details["run_id"]
        run = await rest(engine, run_id) if depth < 100 else await engine.runs.wait(run_id, timeout=PATIENCE)
        assert run.status in RUN_TERMINAL
        assert (await engine.runs.get(run_id)).run.run_id == run_id
        await finished(engine, "any", {"deep": 1})
    async with home.working() as engine:
        assert (await engine.runs.get(run_id)).run.run_id == run_id
        await finished(engine, "any", {"deep": 1})


async def test_a_home_directory_that_is_not_there_is_only_a_name(home: Home, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"log": {"type": "string", "format": "path"}}}
    home.flow("files", tool("a"), input=schema)
    async with home.open() as engine:
        payload = {"log": "~nobody-has-this-name/x"}
        run = await engine.runs.start("demo", "files", payload, actor=ANN, base_dir=tmp_path)
        assert run.input == {"log": f"{tmp_path}/~nobody-has-this-name/x"}
