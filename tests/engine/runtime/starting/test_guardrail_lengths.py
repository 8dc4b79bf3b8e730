"""Guardrails bound how long the texts of a run's input, answers and output are."""

from __future__ import annotations

import pytest

from engine.contracts.status import RunStatus
from engine.errors import Refused
from tests.engine.runtime.calls.test_bound_calls import layers
from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    error_of,
    form,
    pending_form,
    rest,
    start,
    tool,
)


async def test_input_is_no_longer_than_the_guardrails_take(home: Home) -> None:
    home.flow("go", form("word"), tool("act"))
    layers(home, guardrails={"input": {"max_length": 5}})
    async with home.working() as engine:
        with pytest.raises(Refused) as caught:
            await start(engine, "go", {"text": "123456"})
        assert caught.value.details["reason"] == "input_too_long"
        refused = (await engine.runs.get(caught.value.details["run_id"])).run
        assert refused.error is not None
        assert refused.error.details["reason"] == "input_too_long"
        run_id = await start(engine, "go", {"text": "12345"})
        asked = await pending_form(engine, run_id)
        with pytest.raises(Refused) as caught:
            await engine.requests.answer(asked.request_id, {"word": "123456"}, actor=ANN)
        assert caught.value.details["reason"] == "input_too_long"


@pytest.mark.parametrize(("length", "ends"), [(6, RunStatus.FAILED), (5, RunStatus.COMPLETED)])
async def test_output_is_no_longer_than_the_guardrails_let_out(
    home: Home, length: int, ends: RunStatus
) -> None:
    home.flow("go", tool("act", params={"text": "x" * length}))
    layers(home, guardrails={"output": {"max_length": 5}})
    async with home.working() as engine:
        run_id = await start(engine, "go")
        run = await rest(engine, run_id, expect=ends)
        refusals = [each for each in await engine.runs.events(run_id) if each.kind == "governance.decision"]
        if ends is RunStatus.COMPLETED:
            assert (run.output, refusals) == ({"text": "x" * length}, [])
        else:
            assert (await error_of(engine, run_id))[0] == "output_denied"
            [refusal] = refusals
            assert refusal.payload["reason"] == "output_too_long"
            assert refusal.payload["rule"] == "guardrails.output.max_length"
