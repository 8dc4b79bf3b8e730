"""A run's flow started again, with its input and changes in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from engine.errors import InvalidInput, NotFound
from tests.engine.runtime.embedded_home import ANN, BOB, finished, rest, tool

if TYPE_CHECKING:
    from tests.engine.runtime.embedded_home import Home

MAIL = "ann.example@example.org"
TOKEN = "ghp_" + "a1b2" * 9


def flow(home: Home) -> None:
    home.flow("main", tool("say", params={"text": "{{ payload | tojson }}"}))


async def test_the_whole_input_is_used_again_with_what_is_changed(home: Home) -> None:
    flow(home)
    async with home.working() as engine:
        first = await finished(engine, "main", {"to": MAIL, "deep": {"a": 1, "b": [1]}, "n": 1})
        changes = {"deep": {"b": [2], "c": 3}, "n": 2}
        again = await engine.runs.start_again(first.run_id, changes, actor=BOB)
        assert (again.run_id != first.run_id, again.requested_by) == (True, "bob")
        done = await rest(engine, again.run_id)
        assert done.input == {"to": "[EMAIL]", "deep": {"a": 1, "b": [2], "c": 3}, "n": 2}
        stored = [event for event in await engine.runs.events(done.run_id) if event.kind == "run_queued"]
        assert MAIL not in json.dumps(stored[0].payload)
    assert MAIL.encode() in home.bytes_at_rest()  # whole, in the protected values


async def test_a_secret_was_not_kept_and_has_to_be_given_again(home: Home) -> None:
    flow(home)
    async with home.working() as engine:
        first = await finished(engine, "main", {"note": f"use {TOKEN}", "n": 1})
        with pytest.raises(InvalidInput) as refused:
            await engine.runs.start_again(first.run_id, {"n": 2}, actor=ANN)
        assert refused.value.details["errors"] == [{"field": "note", "message": "held a secret"}]
        again = await engine.runs.start_again(first.run_id, {"note": "none"}, actor=ANN)
        assert (await rest(engine, again.run_id)).input == {"note": "none", "n": 1}


async def test_what_was_refused_or_is_not_there_cannot_be_started_again(home: Home) -> None:
    home.flow("main", tool("say"), input={"type": "object", "required": ["n"]})
    async with home.working() as engine:
        with pytest.raises(InvalidInput) as refused:
            await engine.runs.start("demo", "main", {}, actor=ANN)
        with pytest.raises(InvalidInput, match="not kept"):
            await engine.runs.start_again(refused.value.details["run_id"], {}, actor=ANN)
        with pytest.raises(NotFound):
            await engine.runs.start_again("run_none", {}, actor=ANN)


async def test_the_same_key_starts_once(home: Home) -> None:
    flow(home)
    async with home.working() as engine:
        first = await finished(engine, "main", {"n": 1})
        one = await engine.runs.start_again(first.run_id, {}, actor=ANN, idempotency_key="k")
        two = await engine.runs.start_again(first.run_id, {}, actor=ANN, idempotency_key="k")
        assert one.run_id == two.run_id
