"""A flow whose calls have to be isolated does not start where that cannot be had, and says who demands it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import RunStatus
from engine.errors import ErrorCode, Refused
from engine.tools.builtin.command import command_tools
from engine.tools.process.command_runner import CommandRunner
from engine.tools.sandbox.bubblewrap import Bubblewrap
from tests.engine.runtime.calls.test_bound_calls import layers
from tests.engine.runtime.embedded_home import Home, start, tool

if TYPE_CHECKING:
    from engine.facade.engine import Engine

pytestmark = pytest.mark.on_disk

RUN = {"argv": ["sh", "-c", "true"]}


def nothing_isolates() -> Bubblewrap:
    return Bubblewrap(None, "bubblewrap is not there")


async def refused(engine: Engine, flow: str = "go") -> Refused:
    with pytest.raises(Refused) as caught:
        await start(engine, flow)
    assert caught.value.code is ErrorCode.SANDBOX_UNAVAILABLE
    assert "bubblewrap is not there" in caught.value.message
    return caught.value


@pytest.mark.parametrize(
    ("step", "layer", "demanded"),
    [
        ({"sandbox": "isolated"}, {}, "step act"),
        ({}, {"tool_policies": {"level": "isolated"}}, "tool_policies.level of its pack"),
        (
            {},
            {"available": [{"id": "command.run", "name": "x", "sandbox": {"level": "isolated"}}]},
            "the tools layer of its pack for command.run, which step act may call",
        ),
    ],
)
async def test_who_demands_it_is_named(
    home: Home, step: dict[str, Any], layer: dict[str, Any], demanded: str
) -> None:
    for known in command_tools(CommandRunner()):
        home.tools.registry.add(known)
    home.flow("go", tool("act", "command.run", params=RUN, **step))
    layers(home, **layer)
    async with home.working(bubblewrap=nothing_isolates) as engine:
        error = await refused(engine)
        assert error.details["demanded"] == demanded
        assert (await engine.runs.get(error.details["run_id"])).run.status is RunStatus.FAILED


async def test_a_flow_that_nobody_wants_isolated_starts(home: Home) -> None:
    home.flow("go", tool("act"))
    home.flow("wishes", tool("act", sandbox="isolated_if_possible"))
    async with home.working(bubblewrap=nothing_isolates) as engine:
        for flow in ("go", "wishes"):
            await start(engine, flow)
