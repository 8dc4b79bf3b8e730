"""A token answers one form, once, for a time; what is kept of it answers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.contracts.actor import Actor, Operator, Role
from engine.contracts.status import RunStatus
from engine.errors import AlreadyDecided, ErrorCode, InvalidInput, Refused
from tests.engine.runtime.embedded_home import ANN, BOB, Home, form, pending_form, rest, start
from tests.engine.runtime.fake_clock import FakeClock

if TYPE_CHECKING:
    from engine.facade.engine import Engine

WORD = {"word": "yes"}


async def refused(engine: Engine, request_id: str, token: str) -> str:
    with pytest.raises(Refused) as caught:
        await engine.requests.answer(request_id, WORD, actor=BOB, token=token)
    return caught.value.code.value


async def test_it_answers_once_and_is_never_kept(home: Home) -> None:
    home.flow("ask", form())
    async with home.working() as engine:
        run_id = await start(engine, "ask")
        asked = await pending_form(engine, run_id)
        made = await engine.requests.token(asked.request_id, actor=ANN)
        (issued,) = [one for one in await engine.runs.events(run_id) if one.kind == "answer_token_issued"]
        assert (issued.actor, issued.payload["request_id"]) == ("ann", asked.request_id)
        assert await refused(engine, asked.request_id, str(issued.payload["sha256"])) == "token_invalid"
        answered = await engine.requests.answer(
            asked.request_id, WORD, actor=BOB, token=made.token, comment=f"by {made.token}"
        )
        assert answered.answered_by == "bob (by token)"
        await rest(engine, run_id, expect=RunStatus.COMPLETED)
        with pytest.raises(AlreadyDecided):
            await engine.requests.answer(asked.request_id, WORD, actor=BOB, token=made.token)
        with pytest.raises(AlreadyDecided):
            await engine.requests.token(asked.request_id, actor=ANN)
        assert made.token.encode() not in home.bytes_at_rest()
        assert b"[SECRET answer-token]" in home.bytes_at_rest()


async def test_only_the_newest_of_this_very_form_is_good(home: Home) -> None:
    home.flow("ask", form())
    async with home.working() as engine:
        one = await pending_form(engine, await start(engine, "ask"))
        other = await pending_form(engine, await start(engine, "ask"))
        assert await refused(engine, one.request_id, "vat_none") == "token_invalid"
        first = await engine.requests.token(one.request_id, actor=ANN)
        assert await refused(engine, other.request_id, first.token) == "token_invalid"
        await engine.requests.token(other.request_id, actor=ANN)
        assert await refused(engine, other.request_id, first.token) == "token_invalid"
        second = await engine.requests.token(one.request_id, actor=ANN)
        assert await refused(engine, one.request_id, first.token) == "token_invalid"
    async with home.working() as engine:
        with pytest.raises(InvalidInput):
            await engine.requests.answer(one.request_id, {"word": 3}, actor=BOB, token=second.token)
        await engine.requests.answer(one.request_id, WORD, actor=BOB, token=second.token)
        await rest(engine, one.run_id, expect=RunStatus.COMPLETED)


async def test_its_time_ends_with_the_forms_at_the_latest(home: Home) -> None:
    home.flow("ask", form(timeout=600))
    clock = FakeClock()
    async with home.open(clock=clock) as engine:
        async with engine.work():
            asked = await pending_form(engine, await start(engine, "ask"))
        made = await engine.requests.token(asked.request_id, actor=ANN, seconds=3600)
        assert made.expires_at == asked.expires_at
        for seconds in (0, -1, float("inf"), float("nan"), 32 * 86_400):
            with pytest.raises(InvalidInput):
                await engine.requests.token(asked.request_id, actor=ANN, seconds=seconds)
        short = await engine.requests.token(asked.request_id, actor=ANN, seconds=5)
        clock.ahead += 6
        assert await refused(engine, asked.request_id, short.token) == "token_expired"
        clock.ahead += 600
        assert await refused(engine, asked.request_id, short.token) == "request_expired"


async def test_its_time_ends_with_that_of_what_is_around_the_form(home: Home) -> None:
    home.flow("ask", form(timeout=600), max_duration=60)
    clock = FakeClock()
    async with home.open(clock=clock) as engine:
        async with engine.work():
            asked = await pending_form(engine, await start(engine, "ask"))
        made = await engine.requests.token(asked.request_id, actor=ANN, seconds=3600)
        assert (made.expires_at, asked.expires_with) == (asked.expires_at, "the run")
        clock.ahead += 61
        with pytest.raises(Refused, match="the time of the run") as caught:
            await engine.requests.token(asked.request_id, actor=ANN)
        assert caught.value.code is ErrorCode.REQUEST_EXPIRED


async def test_whoever_has_it_needs_no_role_and_whoever_has_none_makes_none(home: Home) -> None:
    home.flow("ask", form())
    guest = Actor(name="guest", via="cli", account="guest")
    operators = {
        "ann": Operator(tenants=("*",), roles=frozenset({Role.ADMIN})),
        "guest": Operator(tenants=("default",), roles=frozenset({Role.VIEWER})),
    }
    async with home.working(operators=operators) as engine:
        asked = await pending_form(engine, await start(engine, "ask"))
        mine = engine.for_(guest)
        with pytest.raises(Refused) as caught:
            await mine.requests.token(asked.request_id, actor=guest)
        assert caught.value.code is ErrorCode.ROLE_MISSING
        with pytest.raises(Refused):
            await mine.requests.answer(asked.request_id, WORD, actor=guest)
        made = await engine.requests.token(asked.request_id, actor=ANN)
        await mine.requests.answer(asked.request_id, WORD, actor=guest, token=made.token)
        await rest(engine, asked.run_id, expect=RunStatus.COMPLETED)
