"""What is known of a tool before it is called: a pack speaks for its own tools in its tools layer."""

from __future__ import annotations

from typing import Any

import pytest

from engine.contracts.layers.tools import Tools
from engine.contracts.status import Effects
from engine.governance.pipeline import Outcome
from engine.governance.policies import Policies
from engine.governance.tools_layer import tools_layer
from engine.machine.model.state import RunState
from engine.runtime.pack_library.pinned import PinnedFlow
from engine.runtime.worker.steps.calls.call_judge import CallJudge
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import ToolLimits
from engine.tools.executor import ToolExecutor
from tests.engine.machine.flow_builders import graph, tool


def judge_of(tool_id: str, **said: Any) -> CallJudge:
    """Of a flow that only suggests, in a pack that offers this tool."""
    layer = tools_layer(Tools.model_validate({"available": [{"id": tool_id, "name": "It", **said}]}))
    flow = graph(tool("look"), autonomy_level="suggest_only")
    pinned = PinnedFlow(flow, None, "0" * 64, Policies(), {}, layer=layer)
    return CallJudge(pinned, ToolExecutor(builtin_registry(), ToolLimits()))


@pytest.mark.parametrize(
    ("said", "effects", "idempotent", "asked"),
    [
        ({}, Effects.LOCAL, False, True),
        ({"effects": "none"}, Effects.NONE, False, False),
        ({"effects": "outside", "idempotent": True}, Effects.OUTSIDE, True, True),
    ],
)
def test_what_a_pack_says_of_its_own_tool_binds(
    said: dict[str, Any], effects: Effects, idempotent: bool, asked: bool
) -> None:
    judge = judge_of("demo.look", **said)
    spec = judge.spec("demo.look")
    assert spec is not None
    assert (spec.effects, spec.idempotent) == (effects, idempotent)
    outcome = judge.verdict("demo.look", RunState()).outcome
    assert (outcome is Outcome.PENDING_APPROVAL) is asked


def test_of_a_built_in_tool_it_says_nothing() -> None:
    judge = judge_of("command.run", effects="none", idempotent=True)
    spec = judge.spec("command.run")
    assert spec is not None
    assert (spec.effects, spec.idempotent) == (Effects.OUTSIDE, False)
