"""Half a character is no text: it is stored nowhere, and wherever it is given the answer is a typed error."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.actor import Actor
from engine.contracts.governing.budget import CapOf, CapScope, CapTerms, CapWindow
from engine.contracts.notes import SavedFilter
from engine.contracts.runs.listed import RunFilter
from engine.contracts.runs.run import EventFilter
from engine.contracts.status import OutcomeDecision
from engine.errors import InvalidInput, VasiniError
from engine.facade.budget import Budget
from engine.facade.housekeeping import Housekeeping
from engine.facade.levels import ServiceLevels
from engine.facade.notes import Drafts, SavedFilters
from engine.facade.packs import Packs
from engine.facade.requests import Requests
from engine.facade.runs import Runs
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    form,
    pending_approval,
    pending_form,
    start,
    tool,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator
    from pathlib import Path

    from engine.facade.engine import Engine

HALF = "\ud800"

PARTS: dict[str, type] = {
    "runs": Runs,
    "requests": Requests,
    "packs": Packs,
    "budget": Budget,
    "housekeeping": Housekeeping,
    "levels": ServiceLevels,
    "drafts": Drafts,
    "saved_filters": SavedFilters,
}


def calls_with_a_half(engine: Engine, whole: dict[str, Any]) -> Iterator[tuple[str, Awaitable[Any]]]:
    """Every method of every part, with half a character in each of the texts that it takes in turn."""
    for part, port in PARTS.items():
        for name, method in inspect.getmembers(port, inspect.iscoroutinefunction):
            taken = list(inspect.signature(method).parameters.values())[1:]
            needed = {one.name: whole[one.name] for one in taken if one.default is one.empty}
            for one in taken:
                if str(one.annotation) in {"str", "str | None", "str | Path"}:
                    call = getattr(getattr(engine, part), name)
                    yield f"{part}.{name}({one.name})", call(**{**needed, one.name: HALF})


@pytest.fixture
def asking(home: Home) -> Home:
    home.flow("gated", approval("gate", gates="a"), tool("a"))
    home.flow("asks", form())
    return home


async def test_in_an_id_a_name_or_a_key_it_is_refused(asking: Home, tmp_path: Path) -> None:
    async with asking.working() as engine:
        card = await pending_approval(engine, await start(engine, "gated"))
        waiting = await pending_form(engine, await start(engine, "asks"))
        whole: dict[str, Any] = {
            "actor": ANN,
            "amount": 1,
            "approval_id": card.approval_id,
            "before": "demo",
            "after": "demo",
            "changes": {},
            "comment": "no",
            "decision": OutcomeDecision.FAIL,
            "digest": "0",
            "directory": tmp_path,
            "draft": {},
            "filters": EventFilter(),
            "finished_before": datetime(2020, 1, 1, tzinfo=UTC),
            "flow": "gated",
            "key": "k",
            "name": "x",
            "of": CapOf(CapScope.TENANT, "default", CapWindow.DAY),
            "on": True,
            "owner": "ann",
            "pack": "demo",
            "part": card.run_id,
            "paths": ["gate"],
            "payload": {},
            "reason": "x",
            "request_id": waiting.request_id,
            "run_id": card.run_id,
            "run_seq": 1,
            "saved": SavedFilter(name="x", text="y"),
            "session_id": "one",
            "step_id": "gate",
            "stored_name": "x.txt",
            "target": tmp_path / "x.zip",
            "terms": CapTerms(hard=1),
            "text": "x",
            "values": {"word": "x"},
        }
        answered = []
        for name, call in calls_with_a_half(engine, whole):
            try:
                await call
            except VasiniError:
                continue
            answered.append(name)
        # no step has such a path, so it has written nothing; what is no trace begins a new one
        assert answered == ["runs.output(step_id)", "runs.start(traceparent)"]


async def test_among_paths_it_is_refused(asking: Home) -> None:
    async with asking.open() as engine:
        run_id = await start(engine, "gated")
        for as_of in (None, 1):
            with pytest.raises(InvalidInput):
                await engine.runs.steps_at(run_id, ["gate", HALF], as_of=as_of)


@pytest.mark.parametrize(
    "field", ["parent", "pack", "flow", "tenant", "requested_by", "error", "words", "text"]
)
async def test_no_filter_of_runs_fails_by_it(asking: Home, field: str) -> None:
    asked: dict[str, Any] = {field: HALF}
    filters = RunFilter(**asked)
    async with asking.open() as engine:
        await start(engine, "gated")
        with suppress(VasiniError):
            assert not (await engine.runs.list(filters)).items
        with suppress(VasiniError):
            assert not await engine.runs.count(filters)
        with suppress(VasiniError):
            assert await engine.runs.position("run_1", filters) is None


async def test_a_write_that_holds_it_spoils_no_other(asking: Home) -> None:
    async with asking.open() as engine:
        keeping = (engine.drafts.keep("ann", key, {"a": 1}) for key in ("one", HALF, "two"))
        first, refused, last = await asyncio.gather(*keeping, return_exceptions=True)
        assert (first, last) == (None, None)
        assert isinstance(refused, InvalidInput)
        assert await engine.drafts.get("ann", "two") == {"a": 1}


def test_no_actor_has_it_in_the_name() -> None:
    with pytest.raises(ValueError, match="no half of one"):
        Actor(name=f"ann{HALF}")
