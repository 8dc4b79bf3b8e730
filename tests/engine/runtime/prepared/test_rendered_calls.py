"""Calls that a model chose or planned, and what outside agents ask for, when they are prepared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.flows.outside_agent import asked_step
from engine.contracts.status import StepErrorCode, StepStatus
from engine.machine.model.state import Branches, Outputs, Scope
from engine.runtime.worker.steps.outside.outside_steps import told_change
from engine.runtime.worker.steps.rendering import action_of, bound_digest
from tests.engine.runtime.outside_programs import agent as outside_agent
from tests.engine.runtime.rendered import PACK, execution, prepared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.machine.model.inputs import StepPrepared

READ = {"path": "a.txt", "root": "input"}
TAKEN = {"root": "input", "path": {"$output": "first.files.name"}}


def chosen(
    *calls: tuple[str, Any],
    tools: tuple[str, ...] = ("data.read", "files.read"),
    listed: Mapping[str, str] | None = None,
    number: int = 0,
    having: Mapping[str, Any] | None = None,
    **reply: Any,
) -> dict[str, Any]:
    """Why the call of that number, of these that a model wants, is not made."""
    asked = [
        {"tool": tool, "arguments": given if isinstance(given, str) else json.dumps(given)}
        for tool, given in calls
    ]
    beside = Branches(total=len(asked), children={number: Scope(path=f"work/0/calls/{number}")})
    answer = {"text": "", "calls": asked, **reply}
    wanted = execution("work/0/calls", "calls", input=answer, branches=beside)
    model = execution("work/0/model", "model", input={"turn": 1}, status=StepStatus.COMPLETED)
    turn = Scope(path="work/0", executions={"model": model, "calls": wanted})
    work = execution(
        "work", "agent", input={"tools": list(tools)}, branches=Branches(total=1, children={0: turn})
    )
    step = {"id": "work", "type": "agent", "instructions": "i", "prompt": "p", "tools": list(tools)}
    found = prepared({**step, **(having or {})}, work, f"work/0/calls/{number}/call", listed=listed)
    assert found.error is not None, found
    return found.error


def test_a_tool_that_an_agent_does_not_have_is_told_with_those_it_has() -> None:
    error = chosen(("nowhere." + "x" * 500, {}))
    name = "nowhere." + "x" * 112
    assert (error["code"], error["details"]["tool"]) == (StepErrorCode.NOT_FOUND, name)
    assert error["message"] == f"there is no tool {name}; yours are: data.read, files.read"
    known = chosen(("command.run", {}))
    assert known["code"] == StepErrorCode.PERMISSION_DENIED
    assert known["message"].startswith("the tool command.run is not offered to you; yours are: ")
    assert chosen(("x", {}), tools=())["message"] == "there is no tool x; yours are: none"


def test_a_tool_that_is_hidden_in_a_turn_is_none_of_it_by_whatever_name() -> None:
    for name in ("data.read", "data__read"):
        error = chosen((name, READ), hidden=["data.read"])
        assert error["code"] == StepErrorCode.PERMISSION_DENIED
        assert error["message"] == "the tool data.read is not offered to you; yours are: files.read"
    gone = chosen(("mine.tool", {}), hidden=["other.tool", "mine.tool"])
    assert gone["code"] == StepErrorCode.PERMISSION_DENIED, "also where nothing is known of it"
    assert chosen(("data__other", {}), hidden=["data.read"])["code"] == StepErrorCode.NOT_FOUND
    assert chosen(("other", {}), blind=["data.read"])["message"].endswith("yours are: files.read")


def test_a_tool_that_its_server_lists_in_another_way_than_it_was_told_is_not_called() -> None:
    error = chosen(("data.read", READ), listed={"data.read": "as it was told"})
    assert (error["code"], error["details"]["reason"]) == (StepErrorCode.CONTRACT_VIOLATION, "tool_changed")


def test_arguments_that_were_cut_off_are_those_of_the_last_call_alone() -> None:
    for given, words in (("", ": your answer was cut off"), ("{", ": your answer was cut off")):
        error = chosen(("data.read", READ), ("data.read", given), number=1, finish="length")
        assert words in error["message"], given
        assert error["code"] == StepErrorCode.INVALID_INPUT
    before = chosen(("data.read", ""), ("data.read", "{"), finish="length")
    assert "do not fit" in before["message"]
    whole = chosen(("data.read", "{"), finish="stop")
    assert whole["message"] == "the arguments of data.read are no JSON object"
    assert "do not fit" in chosen(("data.read", ""), finish="stop")["message"], "nothing is no arguments"
    assert "no JSON object" in chosen(("data.read", "[1]"))["message"]


@pytest.mark.parametrize(
    "given", [{"$secret": "key"}, {"path": {"$secret": "key"}}, {"path": [[{"a": {"$secret": "key"}}]]}]
)
def test_a_model_names_no_secrets_however_deep(given: Any) -> None:
    error = chosen(("data.read", given))
    assert error["code"] == StepErrorCode.PERMISSION_DENIED
    assert "name a secret" in error["message"]


@pytest.mark.parametrize(
    "given", [{}, {"query": ""}, {"query": 7}, {"query": "x" * 201}, {"query": "mail", "most": 9}]
)
def test_tools_are_found_by_a_short_text_and_nothing_else(given: Any) -> None:
    error = chosen(("find_tools", given), tools=("find_tools",), having={"deferred": ["files.read"]})
    assert (error["code"], error["details"]["tool"]) == (StepErrorCode.INVALID_INPUT, "find_tools")
    assert error["message"] == "find_tools takes `query`, a text of at most 200 characters"


@pytest.mark.parametrize("given", [{}, {"to": "nobody", "message": "m"}, {"to": "helper", "message": 7}])
def test_a_handoff_that_cannot_be_says_what_it_takes(given: Any) -> None:
    error = chosen(("handoff", given), tools=("handoff",), having={"handoffs": ["helper"]})
    assert error["code"] == StepErrorCode.INVALID_INPUT
    assert error["message"].startswith("handoff takes `to` (one of: helper) and `message`, at most 8000 ")


def planned(
    params: Mapping[str, Any], *, tool: str = "data.read", brought: Any = None, listed: Any = None
) -> StepPrepared:
    """The last call of an approved plan, whose second one brought something."""
    steps = [
        {"step_id": "before", "tool": "data.read", "params": READ, "description": "d"},
        {"step_id": "first", "tool": "data.read", "params": READ, "description": "d"},
        {"step_id": "second", "tool": tool, "params": dict(params), "description": "d"},
    ]
    turn = {"plan": {"steps": steps}, "asks": {}, "listed": listed or {}, "text": "", "told": None}
    outputs = Outputs.of([(0, {"files": {"name": "a.txt"}}), (1, brought)])
    beside = Branches(total=3, children={2: Scope(path="plan/0/steps/2")}, outputs=outputs)
    worked = execution("plan/0/steps", "plan_steps", input=turn, branches=beside)
    scope = Scope(path="plan/0", executions={"steps": worked})
    plan = execution("plan", "plan_proposal", input={}, branches=Branches(total=1, children={0: scope}))
    step = {"id": "plan", "type": "plan_proposal", "instructions": "i", "prompt": "p", "tools": [tool]}
    return prepared(step, plan, "plan/0/steps/2/call", listed={})


def test_a_planned_call_gets_what_an_earlier_step_brought() -> None:
    asked = planned(TAKEN, brought={"files": {"name": "b.txt"}})
    assert asked.error is None
    assert asked.value["params"] == {"path": "b.txt", "root": "input"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"path": {"$output": "first.none"}}, "path: the output first.none has no none"),
        ({**READ, "path": {"$output": "first"}}, "the parameters of data.read do not fit it: /path: "),
        ({}, "the parameters of data.read do not fit it: the whole: "),
    ],
)
def test_a_planned_call_that_cannot_be_made_says_why(given: Any, words: str) -> None:
    error = planned(given, brought={"files": 1}).error
    assert error is not None
    assert error["code"] == StepErrorCode.INVALID_INPUT
    assert words in error["message"]


def test_a_planned_call_of_a_tool_that_is_listed_in_another_way_since_is_not_made() -> None:
    error = planned(READ, listed={"data.read": "as it was approved"}).error
    assert error is not None
    assert error["code"] == StepErrorCode.APPROVAL_VOID
    assert error["message"] == "the tool data.read is not what it was when the plan was approved"


def permission(
    kind: str = "edit",
    *,
    attempt: int = 1,
    status: StepStatus = StepStatus.RUNNING,
    title: str = "Edit it",
    fault: str = "",
    name: str = "It",
    **params: Any,
) -> StepPrepared:
    """What becomes of a question that the first try of the prompt asked."""
    shown = {"title": title, "kind": kind, "content": [], **params}
    asked = {"tool": f"acp.plain.{kind}", "params": shown, "said": "I say so.", "fault": fault, "attempt": 1}
    prompt = execution("work/0/prompt", "prompt", attempt=attempt, status=status, call=True)
    beside = Branches(
        total=2, children={0: Scope(path="work/0", executions={"prompt": prompt})}, asked={1: asked}
    )
    return prepared(outside_agent(name=name), execution("work", "agent", branches=beside), "work/1/call")


def test_what_an_outside_agent_asks_is_asked_of_a_person() -> None:
    asked = permission(password="hunter2hunter2", title="x" * 500)
    assert asked.error is None
    assert asked.request is not None
    body = asked.request["body"]
    assert body["title"] == f"It: {'x' * 200}"
    assert body["message"] == "acp:plain asks. Once it is approved it does it itself."
    assert (body["said"], body["intent"], body["preview"]) == ("I say so.", "Make it.", None)
    assert "hunter2" not in str(asked)
    bound = bound_digest(action_of(asked_step("acp.plain.edit"), asked.value["params"]), None, PACK)
    assert asked.action_digest == bound, "the call is held to what was shown"
    assert permission(title="").request["body"]["title"] == "It: acp.plain.edit"  # type: ignore[index]


def test_an_approval_of_an_outside_call_is_bound_to_all_that_was_shown() -> None:
    digests = {
        one.digest
        for one in (
            permission(),
            permission(title="Edit that"),
            permission("read"),
            permission(path="/a"),
            permission(name="That"),
        )
    }
    assert len(digests) == 5
    assert permission().digest in digests


@pytest.mark.parametrize(
    ("kind", "risk"),
    [("read", "low"), ("search", "low"), ("think", "low"), ("edit", "medium"), ("", "medium")],
)
def test_what_only_reads_is_asked_as_less(kind: str, risk: str) -> None:
    request = permission(kind).request
    assert request is not None
    assert request["risk"] == risk


@pytest.mark.parametrize("gone", [{"attempt": 2}, {"status": StepStatus.FAILED}])
def test_nobody_is_asked_what_a_process_wanted_that_is_gone(gone: Any) -> None:
    error = permission(**gone).error
    assert error is not None
    assert error["code"] == StepErrorCode.APPROVAL_VOID
    assert error["message"] == "the process of the agent that asked is gone"


def test_nobody_is_asked_what_cannot_be_shown() -> None:
    error = permission(fault="it is too large").error
    assert error is not None
    assert (error["code"], error["message"]) == (StepErrorCode.INVALID_INPUT, "it is too large")
    assert not error["details"]["recoverable"]


def test_changes_that_an_agent_tells_of_are_shown_as_one_diff_and_nothing_else_is() -> None:
    old = "".join(f"{n}\n" for n in range(9))
    content: list[Any] = [
        {"type": "diff", "path": "/a", "oldText": old, "newText": old.replace("4", "four")},
        {"type": "diff", "path": "/new", "oldText": None, "newText": "one\n"},
        {"type": "content", "newText": "x", "path": "/b"},
        {"type": "diff", "path": "/c", "newText": 7},
        "diff",
    ]
    shown = told_change({"content": content})
    assert shown is not None
    assert shown.summary == "as the agent tells it: changes /a, /new"
    assert shown.text.splitlines() == [
        *("--- /a", "+++ /a", "@@ -2,7 +2,7 @@", " 1", " 2", " 3", "-4", "+four", " 5", " 6", " 7"),
        *("--- /new", "+++ /new", "@@ -0,0 +1 @@", "+one"),
    ]
    assert told_change({"content": content[2:]}) is None
    assert told_change({}) is None
