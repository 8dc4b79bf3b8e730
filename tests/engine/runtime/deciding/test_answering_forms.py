from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.contracts.status import RunStatus
from engine.errors import AlreadyDecided, ErrorCode, InvalidInput, NotFound, Refused
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
from tests.engine.runtime.fake_clock import FakeClock

FIELDS = {
    "type": "object",
    "properties": {
        "severity": {"type": "integer", "minimum": 1, "maximum": 5},
        "kind": {"enum": ["leak", "noise"]},
        "who": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["severity", "kind"],
}


def incident(home: Home) -> None:
    """The flow `incident`: one form with several kinds of fields, then a tool that gets the answer."""
    ask = form("ask", params={"schema": FIELDS, "form_id": "incident"})
    home.flow("incident", ask, tool("note", params={"all": "{{ steps.ask.output }}"}))


async def test_an_answer_takes_what_it_leaves_out_from_the_request_and_then_from_the_schema(
    home: Home,
) -> None:
    schema = {
        "type": "object",
        "properties": {
            "word": {"type": "string", "default": "schema"},
            "other": {"type": "string", "default": "schema"},
            "deep": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
        },
        "required": ["word"],
    }
    defaults = {"word": "request", "deep": {"a": "request", "b": "request"}}
    home.flow("ask", form("ask", params={"schema": schema, "defaults": defaults}))
    async with home.working() as engine:
        asked = await pending_form(engine, await start(engine, "ask"))
        (opened,) = [e for e in await engine.runs.events(asked.run_id) if e.kind == "user_input_requested"]
        assert opened.payload["required"] == ["word"]
        assert opened.payload["schema_summary"]["properties"] == ["deep", "other", "word"]
        assert opened.payload["schema_summary"]["property_count"] == 3
        await engine.requests.answer(asked.request_id, {"deep": {"b": "mine"}}, actor=ANN)
        await rest(engine, asked.run_id, expect=RunStatus.COMPLETED)
        (answered,) = [e for e in await engine.runs.events(asked.run_id) if e.kind == "user_input_received"]
        assert answered.payload["mode"] == "choice_input"
        assert answered.payload["output"]["values"] == {
            "word": "request",
            "other": "schema",
            "deep": {"a": "request", "b": "mine"},
        }


async def test_every_fault_of_an_answer_is_told_by_field(home: Home) -> None:
    incident(home)
    async with home.working() as engine:
        asked = await pending_form(engine, await start(engine, "incident"))
        bad = {"severity": True, "kind": "other", "who": {"name": 3}, "tags": ["a", 1], "more": 1}
        with pytest.raises(InvalidInput) as caught:
            await engine.requests.answer(asked.request_id, bad, actor=ANN)
        fields = {error["field"] for error in caught.value.details["errors"]}
        assert fields == {"severity", "kind", "who.name", "tags.1", "more"}
        checked = engine.requests.check(asked.json_schema, bad)
        assert {error.field for error in checked} == fields
        assert (await engine.requests.form(asked.request_id)).answered_by is None


async def test_a_good_answer_reaches_the_flow(home: Home) -> None:
    incident(home)
    async with home.working() as engine:
        run_id = await start(engine, "incident")
        asked = await pending_form(engine, run_id)
        values = {"severity": 3, "kind": "leak", "who": {"name": "Ann"}, "tags": []}
        answer = await engine.requests.answer(asked.request_id, values, actor=ANN, comment="sure")
        assert (answer.form_id, answer.answered_by, answer.run_id) == ("incident", "ann", run_id)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        shown = await engine.requests.form(asked.request_id)
        assert (shown.status, shown.answered_by, shown.answered_at) == ("ANSWERED", "ann", answer.answered_at)
    assert home.tools.given("note") == [{"all": {"form_id": "incident", "values": values, "comment": "sure"}}]


async def test_the_first_of_two_answers_counts(home: Home) -> None:
    incident(home)
    async with home.working() as engine:
        run_id = await start(engine, "incident")
        asked = await pending_form(engine, run_id)
        outcomes = await asyncio.gather(
            *(
                engine.requests.answer(asked.request_id, {"severity": n, "kind": "leak"}, actor=actor)
                for n, actor in enumerate((ANN, BOB), 1)
            ),
            return_exceptions=True,
        )
        (late,) = [outcome for outcome in outcomes if isinstance(outcome, AlreadyDecided)]
        (first,) = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        assert late.details["decided_by"] == first.answered_by
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        with pytest.raises(AlreadyDecided):  # however bad: it is too late first of all
            await engine.requests.answer(asked.request_id, {}, actor=ANN)


async def test_the_same_form_asked_for_every_item_has_its_own_requests(home: Home) -> None:
    each = {"id": "each", "type": "for_each", "items": [1, 2, 3], "steps": [form("word")]}
    home.flow("many", each)
    async with home.working() as engine:
        run_id = await start(engine, "many")

        async def all_asked() -> bool:
            return len((await engine.requests.forms(run_id=run_id)).items) == 3

        await until(all_asked)
        forms = (await engine.requests.forms(run_id=run_id)).items
        assert {item.form_id for item in forms} == {"word_form"}
        for item in reversed(forms):
            await engine.requests.answer(item.request_id, {"word": item.step_id}, actor=ANN)
        run = await rest(engine, run_id, expect=RunStatus.COMPLETED)
        assert [item["values"]["word"] for item in run.output["items"]] == [
            "each/0/word",
            "each/1/word",
            "each/2/word",
        ]


async def test_a_form_nobody_answers_in_time_is_expired(home: Home) -> None:
    home.flow("ask", form("word", timeout=0.05, on_failure="continue"), tool("end", params={"x": 1}))
    async with home.working() as engine:
        run_id = await start(engine, "ask")

        async def over() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.COMPLETED

        await until(over)
        (asked,) = (await engine.requests.forms(run_id=run_id, status=None)).items
        assert asked.status == "EXPIRED"
        with pytest.raises(Refused) as caught:
            await engine.requests.answer(asked.request_id, {"word": "late"}, actor=ANN)
        assert caught.value.code is ErrorCode.REQUEST_EXPIRED


async def test_an_answer_after_its_time_is_refused_though_no_worker_has_run(home: Home) -> None:
    home.flow("ask", form("word", timeout=60))
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        asked = await pending_form(engine, run_id)
    assert asked.expires_at is not None
    async with home.open(clock=FakeClock(61)) as engine:
        assert (await engine.requests.form(asked.request_id)).status == "EXPIRED"
        with pytest.raises(Refused) as caught:
            await engine.requests.answer(asked.request_id, {"word": "late"}, actor=ANN)
        assert caught.value.code is ErrorCode.REQUEST_EXPIRED
    async with home.working(clock=FakeClock(61)) as engine:

        async def over() -> bool:
            return (await engine.runs.summary(run_id)).status is RunStatus.FAILED

        await until(over)
        assert (await error_of(engine, run_id))[0] == "timeout"


async def test_an_answer_to_a_cancelled_run_is_refused(home: Home) -> None:
    incident(home)
    async with home.working() as engine:
        run_id = await start(engine, "incident")
        asked = await pending_form(engine, run_id)
        await engine.runs.cancel(run_id, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.CANCELLED)
        with pytest.raises(Refused) as caught:
            await engine.requests.answer(asked.request_id, {"severity": 1, "kind": "leak"}, actor=ANN)
        assert caught.value.code is ErrorCode.REQUEST_WITHDRAWN


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"schema": {"type": "object", "properties": {"a": {"type": "{{ payload.type }}"}}}}, "schema"),
        ({"schema": "{{ payload.type }}"}, "schema"),
        ({"mode": "{{ payload.type }}"}, "mode"),
        ({"schema": {"properties": {"a": {"enum": "{{ payload.none }}"}}}}, "at least one value"),
    ],
)
async def test_a_form_that_templates_make_invalid_fails_the_step(
    home: Home, params: dict[str, Any], words: str
) -> None:
    home.flow("ask", form("word", params=params))
    async with home.working() as engine:
        run_id = await start(engine, "ask", {"type": "nonsense", "none": []})
        await rest(engine, run_id, expect=RunStatus.FAILED)
        code, message = await error_of(engine, run_id)
        assert code == "invalid_form"
        assert words in message


async def test_choices_can_come_from_an_earlier_step(home: Home) -> None:
    schema = {"type": "object", "properties": {"pick": {"enum": "{{ steps.list.output.names }}"}}}
    home.flow("pick", tool("list", params={"names": ["a", "b"]}), form("word", params={"schema": schema}))
    async with home.working() as engine:
        run_id = await start(engine, "pick")
        asked = await pending_form(engine, run_id)
        with pytest.raises(InvalidInput):
            await engine.requests.answer(asked.request_id, {"pick": "c"}, actor=ANN)
        await engine.requests.answer(asked.request_id, {"pick": "b"}, actor=ANN)
        await rest(engine, run_id, expect=RunStatus.COMPLETED)


async def test_free_text_leads_to_an_approval_that_shows_it(home: Home) -> None:
    ask = form("why", params={"mode": "free_text_input", "schema": {}})
    home.flow("why", ask, approval("ok", "{{ steps.why.output['values'] }}"), tool("a", params={"x": 1}))
    async with home.working() as engine:
        run_id = await start(engine, "why")
        asked = await pending_form(engine, run_id)
        (name,) = asked.json_schema["properties"]
        await engine.requests.answer(asked.request_id, {name: "because"}, actor=ANN)
        assert "because" in (await pending_approval(engine, run_id)).message


@pytest.mark.parametrize("values", [{"word": float("nan")}, {"word": "\ud800"}])
async def test_an_answer_that_is_not_json_is_refused(home: Home, values: dict[str, Any]) -> None:
    home.flow("ask", form("word", params={"schema": {"type": "object", "properties": {"word": {}}}}))
    async with home.working() as engine:
        asked = await pending_form(engine, await start(engine, "ask"))
        with pytest.raises(InvalidInput):
            await engine.requests.answer(asked.request_id, values, actor=ANN)


async def test_an_approval_is_no_form(home: Home) -> None:
    home.flow("ask", approval("ok"), tool("a"))
    async with home.working() as engine:
        shown = await pending_approval(engine, await start(engine, "ask"))
        with pytest.raises(NotFound):
            await engine.requests.answer(shown.approval_id, {}, actor=ANN)
        with pytest.raises(NotFound):
            await engine.requests.form(shown.approval_id)
