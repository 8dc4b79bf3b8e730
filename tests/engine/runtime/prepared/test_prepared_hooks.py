"""What a hook says of an answer: which one of several, and that no retry changes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.layers.hook import Hook
from engine.contracts.status import StepErrorCode, StepStatus
from engine.governance.policies import Policies
from engine.machine.model.state import Branches, Scope
from tests.engine.runtime.rendered import execution, prepared

if TYPE_CHECKING:
    from engine.machine.model.inputs import StepPrepared

READS = ("data.read", {"root": "input", "path": "one two"})


def hook(name: str, words: str, at: str = "before_tool", **fields: Any) -> Hook:
    return Hook.model_validate({"id": name, "at": at, "contains": [words], "reason": f"no {words}", **fields})


def answered(*hooks: Hook, text: str = "", calls: tuple[tuple[str, Any], ...] = (READS,)) -> StepPrepared:
    """What becomes of an answer with these calls, where these hooks look at it."""
    asked = [{"tool": tool, "arguments": json.dumps(given)} for tool, given in calls]
    reply = {"text": text, "calls": asked, "model": "m", "provider": "p"}
    model = execution("work/0/model", "model", output=reply, status=StepStatus.COMPLETED)
    turn = Scope(path="work/0", executions={"model": model})
    told = {"tools": ["data.read"], "prompt": "p"}
    work = execution("work", "agent", input=told, branches=Branches(total=1, children={0: turn}))
    step = {"id": "work", "type": "agent", "instructions": "i", "prompt": "p", "tools": ["data.read"]}
    return prepared(step, work, "work/0/calls", policies=Policies(hooks=hooks))


@pytest.mark.parametrize(
    ("hooks", "said_by"),
    [
        ((hook("first", "one", ends=True), hook("second", "two", ends=True)), "first"),
        ((hook("told", "one"), hook("ends", "two", ends=True)), "ends"),
        ((hook("ends", "one", ends=True), hook("after", "two", at="after_model")), "after"),
    ],
    ids=range(3),
)
def test_of_several_hooks_the_first_one_that_ends_the_agent_says_why(
    hooks: tuple[Hook, ...], said_by: str
) -> None:
    error = answered(*hooks).error
    assert error is not None
    assert error["code"] == StepErrorCode.PERMISSION_DENIED
    assert error["message"].endswith(f"(hook {said_by})")
    assert error["details"] == {
        "reason": "operator_hook_veto",
        "hook": said_by,
        "recoverable": False,
    }


def test_a_hook_that_only_tells_the_model_ends_no_answer() -> None:
    assert answered(hook("told", "one")).error is None
    assert answered(hook("other", "one", tool="files.*", ends=True)).error is None
    assert answered(hook("other", "three", ends=True)).error is None


def test_a_last_answer_is_looked_at_as_the_end_of_its_agent_and_one_with_calls_is_not() -> None:
    at_the_end = hook("end", "done", at="completed")
    ended = answered(at_the_end, text="All done.", calls=())
    assert ended.error is not None
    assert ended.error["details"]["hook"] == "end"
    assert answered(at_the_end, text="All done.").error is None
