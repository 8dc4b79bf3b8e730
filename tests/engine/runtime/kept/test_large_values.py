"""Large values are worked on in threads, small ones at once."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import InvalidInput
from engine.governance.masking import Masker
from engine.governance.redactor import MAX_DEPTH, Redactor
from engine.journal.memory.journal import MemoryJournal
from engine.large_values import LARGE_BYTES, is_large, off_loop_if_large
from engine.runtime.value_store import ValueStore
from engine.values import follow
from tests.engine.runtime.embedded_home import BOB, finished, form, pending_form, rest, start, tool
from tests.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.governance.redactor import StoredValue
    from engine.journal.rules.store import Store
    from tests.engine.runtime.embedded_home import Home

LARGE: list[Any] = [
    "x" * (LARGE_BYTES + 1),
    {"x" * (LARGE_BYTES + 1): 1},
    list(range(LARGE_BYTES)),
    {"deep": [{"deeper": ["y" * 1_000] * 100}]},
]
LIKE = (1, True, 1.0)
SMALL: list[Any] = [None, 1, "x" * 1_000, {"a": [1, 2.5, True]}, [], {}]


class WatchedRedactor(Redactor):
    """Remembers in which thread it was asked what may be kept."""

    def __init__(self) -> None:
        super().__init__(Masker())
        self.threads: list[int] = []

    def storable(self, value: Any, *, levels: int = MAX_DEPTH) -> StoredValue:
        self.threads.append(threading.get_ident())
        return super().storable(value, levels=levels)


@pytest.mark.parametrize("value", LARGE, ids=["text", "key", "list", "deep"])
async def test_a_large_value_is_worked_on_in_a_thread(value: Any) -> None:
    assert is_large(value)
    assert await off_loop_if_large(value, threading.get_ident) != threading.get_ident()


@pytest.mark.parametrize("value", SMALL, ids=str)
async def test_a_small_value_needs_no_thread(value: Any) -> None:
    assert not is_large(value)
    assert await off_loop_if_large(value, threading.get_ident) == threading.get_ident()


def test_of_a_large_value_only_the_beginning_is_looked_at() -> None:
    round_and_round: list[Any] = ["x" * 100]
    round_and_round.append(round_and_round)  # it never ends
    assert is_large(round_and_round)


async def test_what_may_be_kept_of_a_large_value_is_found_in_a_thread() -> None:
    redactor = WatchedRedactor()
    values = ValueStore(MemoryJournal(), redactor)
    stored = await values.store_any({"text": LARGE[0]})
    await values.store_any({"text": "short"})
    assert await values.load(stored.value) == {"text": LARGE[0]}
    large, small = redactor.threads
    assert (large != threading.get_ident(), small) == (True, threading.get_ident())


async def test_what_is_planned_with_a_large_value_has_it_worked_on_in_a_thread() -> None:
    redactor = WatchedRedactor()
    values = ValueStore(MemoryJournal(), redactor)
    planned: list[int] = []

    def plan() -> list[Any]:
        planned.append(threading.get_ident())
        return [
            values.store(value).value for value in ({"n": [1]}, *({"text": LARGE[0], "n": n} for n in LIKE))
        ]

    small, *large = await values.with_loaded(plan)
    assert small == {"n": [1]}
    found = [(await values.load(one))["n"] for one in large]
    assert [type(one) for one in found] == [int, bool, float], "alike is not the same"
    here = threading.get_ident()
    assert planned == [here] * 4
    assert sum(thread != here for thread in redactor.threads) == 3


def put(blobs: Mapping[str, bytes], store: Store) -> None:
    store.put_blobs(blobs)


TWO = ("a" * 20_000, "b" * 20_000)


async def test_a_computation_that_needs_more_values_than_are_held_comes_to_its_end() -> None:
    journal, redactor = MemoryJournal(), Redactor(Masker())
    stored = [ValueStore(journal, redactor).store(text) for text in TWO]
    for one in stored:
        await journal.write(partial(put, one.blobs))
    values = ValueStore(journal, redactor, limit_bytes=30_000)
    async with asyncio.timeout(PATIENCE):
        assert await values.load([one.value for one in stored]) == list(TWO)


async def test_values_that_no_journal_has_yet_are_found_though_they_are_not_held_any_more() -> None:
    values = ValueStore(MemoryJournal(), Redactor(Masker()), limit_bytes=30_000)
    told, _ = stored = [values.store(text) for text in TWO]

    def plan() -> list[Any]:
        made = [values.store(text[:-1]).value for text in TWO]
        return [follow(one, values.resolve) for one in (*made, *(one.value for one in stored))]

    found = await values.with_loaded(plan, {**told.blobs, **stored[1].blobs})
    assert found == [TWO[0][:-1], TWO[1][:-1], *TWO]


@pytest.mark.parametrize("heavy", [True, False])
async def test_work_that_may_take_long_for_a_small_value_is_done_in_a_thread(heavy: bool) -> None:
    values = ValueStore(MemoryJournal(), Redactor(Masker()))
    seen = await values.with_loaded(lambda: values.apart([1], "look", threading.get_ident, heavy=heavy))
    assert (seen != threading.get_ident()) is heavy


async def test_what_is_wrong_with_a_large_value_is_told_where_it_is_stored() -> None:
    values = ValueStore(MemoryJournal(), WatchedRedactor())
    told: list[str] = []

    def plan() -> None:
        try:
            values.store({"text": LARGE[0], "number": float("nan")})
        except InvalidInput as error:
            told.append(error.message)

    await values.with_loaded(plan)
    (message,) = told
    assert "the value is not JSON" in message


async def test_the_loop_goes_on_while_what_a_flow_gives_another_is_checked(home: Home) -> None:
    one_of = {"items": {"oneOf": [{"pattern": f"^{sign}"} for sign in "abcdefg"]}}
    schema = {"type": "object", "properties": {"words": {"type": "array", **one_of}}}
    home.flow("below", tool("end", params={"a": 1}), input=schema)
    given = {"words": "{{ payload.words }}"}
    home.flow("above", {"id": "go", "type": "subflow", "subflow": "below", "params": given})
    async with home.working() as engine:
        running = asyncio.create_task(finished(engine, "above", {"words": ["a word"] * 10_000}))
        begun = turned = time.perf_counter()
        longest = 0.0
        while not running.done():
            await asyncio.sleep(0)
            before, turned = turned, time.perf_counter()
            longest = max(longest, turned - before)
        await running
    assert longest < (turned - begun) / 4, "most of the time is the check's"


async def test_the_loop_goes_on_while_a_large_answer_is_checked(home: Home) -> None:
    schema = {"type": "object", "properties": {"words": {"type": "array", "items": {"pattern": "^[a-z]+$"}}}}
    home.flow("ask", form(params={"schema": schema}), tool("end"))
    async with home.working() as engine:
        asked = await pending_form(engine, await start(engine, "ask"))
        answering = asyncio.create_task(
            engine.requests.answer(asked.request_id, {"words": ["word"] * 100_000}, actor=BOB)
        )
        begun = turned = time.perf_counter()
        longest = 0.0
        while not answering.done():
            await asyncio.sleep(0)
            before, turned = turned, time.perf_counter()
            longest = max(longest, turned - before)
        await answering
        await rest(engine, asked.run_id)
    assert longest < (turned - begun) / 2, "most of the time is the check's"
