"""Tools that only agents have: what finds others, and what hands over, by what a model wrote."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.contracts.flows.flow import FlowDef
from engine.contracts.status import StepStatus
from engine.contracts.tool import ToolSpec
from engine.governance.policies import Policies
from engine.machine.model.state import Execution, RunState, Scope
from engine.runtime.worker.steps.agents.own_tools.finding import (
    MAX_VISIBLE,
    MOST_FOUND,
    find_offer,
    find_tools,
    found_since,
)
from engine.runtime.worker.steps.agents.own_tools.flows import flow_of, flow_offer
from engine.runtime.worker.steps.agents.own_tools.handing_over import (
    MAX_MESSAGE,
    calls_made,
    handed_over,
    handoff_offer,
    received,
)
from tests.engine.machine.flow_builders import tool

if TYPE_CHECKING:
    from engine.contracts.flows.agent_step import AgentStep
    from engine.contracts.flows.step import Step
    from engine.runtime.pack_library.pinned import PinnedFlow
    from engine.runtime.worker.steps.rendering import Rendering
    from engine.tools.executor import ToolExecutor


class FakeTools:
    """Offers tools of these descriptions."""

    def __init__(self, described: dict[str, str]) -> None:
        self._described = described

    async def offered(self, tool: str, _: Any) -> ToolSpec | None:
        words = self._described.get(tool)
        return None if words is None else ToolSpec(name=tool, backend="builtin", description=words)


async def found(query: str, described: dict[str, str], *gone: str, blocked: str = "none") -> Any:
    """What is found among these tools, and among those that are gone."""
    policies = Policies(blocked_tools=frozenset({blocked}))
    flow = cast("PinnedFlow", SimpleNamespace(code=None, layer=None, policies=policies))
    asked = {"params": {"query": query}, "among": [*described, *gone]}
    return await find_tools(cast("ToolExecutor", FakeTools(described)), flow, asked)


async def test_the_tools_that_fit_best_come_first_and_a_name_counts_more_than_words_about_it() -> None:
    described = {
        "mail.send": "Sends a letter.",
        "post.send": "Sends a letter by mail.",
        "box.look": "Looks for mail.",
        "a.note": "Send mail.",
        "files.read": "Reads.",
    }
    assert await found("Send MAIL!", described, "gone.mail") == {
        "tools": [
            {"name": "mail.send", "description": "Sends a letter."},
            {"name": "post.send", "description": "Sends a letter by mail."},
            {"name": "a.note", "description": "Send mail."},
            {"name": "box.look", "description": "Looks for mail."},
        ],
        "more": 0,
    }
    only = await found("mail", described, blocked="mail.send")
    assert [one["name"] for one in only["tools"]] == ["a.note", "box.look", "post.send"], (
        "by name where they fit alike"
    )
    assert await found("??", described) == {"tools": [], "more": 0}


async def test_of_many_tools_that_fit_it_is_told_how_many_more_there_are() -> None:
    described = {f"mail.t{number:02}": "Mail." for number in range(MOST_FOUND + 3)}
    brought = await found("mail", described)
    assert [one["name"] for one in brought["tools"]] == sorted(described)[:MOST_FOUND]
    assert brought["more"] == 3
    described = {f"mail.t{number:02}": "Mail." for number in range(MOST_FOUND)}
    assert (await found("mail", described))["more"] == 0


def results(*names: str) -> dict[str, Any]:
    return {"tools": [{"name": name} for name in names]}


def test_an_agent_knows_the_tools_that_it_found_last() -> None:
    find = {"tool": "find_tools"}
    assert found_since(["a", "b"], [find, {"tool": "other"}], [results("c", "a"), results("d")]) == [
        *("b", "c", "a"),
    ]
    assert found_since(["a"], [find, find], [{"error": {"code": "x"}}, "lost"]) == ["a"]
    known = [f"t{number}" for number in range(MAX_VISIBLE)]
    assert found_since(known, [find], [results("new", "t0")]) == [*known[2:], "new", "t0"]


def agent(**fields: Any) -> AgentStep:
    return cast("AgentStep", SimpleNamespace(**{"deferred": (), "handoffs": (), **fields}))


def handoff(to: Any = "helper", message: Any = "Take it.", **more: Any) -> dict[str, Any]:
    return {"tool": "handoff", "arguments": json.dumps({"to": to, "message": message, **more})}


@pytest.mark.parametrize(
    "call",
    [
        {"tool": "handoff", "arguments": "{no"},
        {"tool": "handoff", "arguments": "[]"},
        {"tool": "handoff", "arguments": '{"to": "helper", "message": NaN}'},
        handoff("nobody"),
        handoff(["helper"]),
        handoff(message="x" * (MAX_MESSAGE + 1)),
        handoff(message=7),
        handoff(urgent=True),
        {**handoff(), "tool": "other"},
    ],
    ids=range(9),
)
def test_what_is_no_handoff_hands_over_to_nobody(call: dict[str, Any]) -> None:
    two = agent(handoffs=("helper", "other"))
    assert handed_over(two, [call]) is None
    assert handed_over(two, [call, handoff("other"), handoff("helper")]) == {
        "to": "other",
        "message": "Take it.",
    }
    assert handed_over(agent(), [handoff()]) is None, "an agent that has nobody to hand over to"


def test_a_handoff_may_say_as_much_as_it_is_told() -> None:
    assert handed_over(agent(handoffs=("helper",)), [handoff(message="x" * MAX_MESSAGE)]) is not None
    beside = [SimpleNamespace(id="helper", name="Helps"), SimpleNamespace(id="other", name=None)]
    offer = handoff_offer(agent(handoffs=("helper", "other")), cast("list[Step]", beside))
    assert offer.description.endswith("There are: helper: Helps; other")
    assert offer.parameters["properties"]["to"] == {"enum": ["helper", "other"]}
    assert offer.parameters["properties"]["message"]["maxLength"] == MAX_MESSAGE


def test_a_handoff_that_brought_an_error_was_none() -> None:
    one, two, three = handoff(), handoff("other"), {"tool": "data.read", "arguments": "{}"}
    brought = [{"error": {"code": "permission_denied"}}, {"handed_over_to": "other"}, "error"]
    assert list(calls_made([one, two, three], brought)) == [two, three]


def test_what_is_offered_says_how_much_there_is() -> None:
    assert "there are 3" in find_offer(agent(deferred=("a.b", "c.d", "e.f"))).description
    written = {"id": "count", "steps": [tool("first")], "description": "Counts."}
    flows = {"count": FlowDef.model_validate(written)}
    offer = flow_offer("count", flows)
    assert offer is not None
    assert offer.name == "flow.count"
    assert offer.description == "Counts. Brings its output when it has ended."
    assert flow_offer("none", flows) is None
    assert (flow_of("flow.count"), flow_of("count")) == ("count", None)


def told_of(prompt: str, said: str) -> dict[str, Any] | None:
    """What an agent hears of the one that has just handed over to it."""
    output = {"handed_over_by": "work", "handed_over_to": "helper", "message": "Take it.", "text": said}
    work = Execution(
        path="work", step="work", type="agent", status=StepStatus.COMPLETED, input={"prompt": prompt}
    )
    state = RunState(root=Scope(path="", executions={"work": work}, output=output))
    values = SimpleNamespace(resolve=lambda value: value)
    at = cast("Rendering", SimpleNamespace(path="helper", state=state, values=values))
    assert received(agent(id="other"), at) is None, "it was not handed over to"
    return received(agent(id="helper"), at)


def test_an_agent_hears_what_was_asked_and_said_before_it_in_short() -> None:
    assert told_of("Make it.", "I cannot.") == {
        "by": "work",
        "message": "Take it.",
        "asked": "Make it.",
        "text": "I cannot.",
    }
    long = told_of("x" * 8_001, "y" * 8_001)
    assert long is not None
    assert (long["asked"], long["text"]) == ("x" * 8_000 + "… (cut)", "y" * 8_000 + "… (cut)")
    whole = told_of("x" * 8_000, "")
    assert whole is not None
    assert whole["asked"] == "x" * 8_000
