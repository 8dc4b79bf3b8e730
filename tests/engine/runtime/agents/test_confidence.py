"""Agents that say how sure they are: runs below what their pack asks for are doubtful."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic_core import to_json

from engine.contracts.governing.slo import SloState
from engine.journal.memory.journal import MemoryJournal
from tests.engine.runtime.embedded_home import ANN, Home, finished

if TYPE_CHECKING:
    from engine.contracts.governing.slo import ServiceLevel
    from engine.facade.engine import Engine

SCHEMA = {"type": "object", "properties": {"found": {"type": "string"}, "confidence": {}}}
UNDECLARED = {"type": "object", "properties": {"found": {"type": "string"}}}


def asks(home: Home, flow: str, answer: Any, schema: dict[str, Any] | None = SCHEMA) -> None:
    text = answer if isinstance(answer, str) else to_json(answer).decode()
    given = {"instructions": "Be a test.", "prompt": "Look.", "tools": [], "script": [{"text": text}]}
    output = {} if schema is None else {"output": schema}
    home.flow(flow, {"id": "look", "type": "agent", **given, **output})


def guards(home: Home, **check: Any) -> None:
    """The pack checks what its agents state."""
    directory = home.root / "shipped" / "demo"
    manifest = yaml.safe_load((directory / "profession-pack.yaml").read_text())
    layer = {"output": {"hallucination_check": check}}
    (directory / "profession-pack.yaml").write_text(yaml.safe_dump({**manifest, "guardrails": layer}))


async def level(engine: Engine) -> ServiceLevel:
    (found,) = (one for one in await engine.levels.list() if one.pack == "demo")
    return found


async def test_a_run_whose_agent_is_not_sure_enough_is_doubtful_until_a_person_says_otherwise(
    home: Home,
) -> None:
    asks(home, "doubts", {"found": "a", "confidence": 0.5})
    asks(home, "knows", {"found": "a", "confidence": 0.8})
    guards(home, enabled=True)
    async with home.working(journal=MemoryJournal()) as engine:
        doubts, knows = await finished(engine, "doubts"), await finished(engine, "knows")
        assert doubts.doubtful == "look states a confidence of 0.5, less than 0.8"
        assert (knows.confidence, knows.doubtful) == (0.8, None)
        told = (await level(engine)).hallucination
        assert (told.flagged, told.doubtful, told.stated, told.rate, told.kept) == (0, 1, 2, 0.5, False)
        assert (await level(engine)).state is SloState.FEW_EVENTS
        assert await engine.levels.unflag(doubts.run_id, "it is so", actor=ANN)
        told = (await level(engine)).hallucination
        assert (told.doubtful, told.stated, told.rate) == (0, 2, 0.0)
        kinds = [one.kind for one in await engine.runs.events(doubts.run_id)]
        assert kinds.index("agent_confidence") < kinds.index("run_completed")


@pytest.mark.parametrize(
    "answer",
    [
        {"found": "a"},
        {"found": "a", "confidence": True},
        {"found": "a", "confidence": "0.1"},
        {"found": "a", "confidence": None},
        {"found": "a", "confidence": 95},
        {"found": "a", "confidence": -0.1},
        {"found": "a", "confidence": [0.1]},
        {"data": {"confidence": 0.1}},
    ],
)
async def test_what_is_no_number_from_0_to_1_states_nothing(home: Home, answer: Any) -> None:
    asks(home, "ask", answer)
    guards(home, enabled=True)
    async with home.working(journal=MemoryJournal()) as engine:
        run = await finished(engine, "ask")
        assert (run.confidence, run.doubtful) == (None, None)
        assert (await level(engine)).hallucination.stated == 0


@pytest.mark.parametrize("schema", [UNDECLARED, None])
async def test_an_answer_states_nothing_where_its_schema_does_not_have_it(
    home: Home, schema: dict[str, Any] | None
) -> None:
    asks(home, "ask", {"found": "a", "confidence": 0.1}, schema)
    guards(home, enabled=True)
    async with home.working(journal=MemoryJournal()) as engine:
        assert (await finished(engine, "ask")).confidence is None


@pytest.mark.parametrize("check", [{}, {"enabled": False}, {"enabled": True, "confidence_threshold": 0.1}])
async def test_what_a_pack_does_not_ask_for_makes_no_run_doubtful(home: Home, check: dict[str, Any]) -> None:
    asks(home, "ask", {"found": "a", "confidence": 0.1})
    guards(home, **check)
    async with home.working(journal=MemoryJournal()) as engine:
        run = await finished(engine, "ask")
        assert run.doubtful is None
        assert run.confidence == (0.1 if check.get("enabled") else None)
