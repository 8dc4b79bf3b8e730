"""Answers of agents as they are prepared: how they fit their form, and what a person is shown of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.contracts.masks import secret_mask
from engine.contracts.status import StepErrorCode, StepStatus
from engine.machine.model.state import Branches, Outputs, Scope
from tests.engine.runtime.rendered import execution, prepared

if TYPE_CHECKING:
    from engine.machine.model.inputs import StepPrepared

TOKEN = f"ghp_{'hunter2' * 4}"
WORD: dict[str, Any] = {"type": "object", "properties": {"word": {"type": "string"}}}
LEVEL = "level" * 15
HANDOFF = {"tool": "handoff", "arguments": json.dumps({"to": "helper", "message": "Take it."})}
CALL = {"tool": "data.read", "arguments": "{}"}


def reply(text: str = "", *calls: Any, **more: Any) -> dict[str, Any]:
    return {"text": text, "calls": list(calls), "model": "m", "provider": "p", **more}


def at(name: str, said: dict[str, Any], *ended: dict[str, Any], **fields: Any) -> StepPrepared:
    """A step of a turn in which the model says that, after those turns."""
    scope = f"work/{len(ended)}"
    model = execution(f"{scope}/model", "model", output=said, status=StepStatus.COMPLETED)
    turn = Scope(path=scope, executions={"model": model} if name == "calls" else {})
    before = Outputs.of(enumerate({"reply": one, "results": []} for one in ended))
    branches = Branches(total=len(ended) + 1, children={len(ended): turn}, outputs=before)
    told = {"tools": ["data.read"], "prompt": "p"}
    step = {"id": "work", "type": "agent", "instructions": "i", "prompt": "p", "tools": ["data.read"]}
    work = execution("work", "agent", input=told, branches=branches)
    return prepared({**step, **fields}, work, f"{scope}/{name}")


def test_what_does_not_fit_is_kept_masked_and_then_cut() -> None:
    deep: dict[str, Any] = WORD
    value: Any = "no object"
    for _ in range(9):
        deep, value = (
            {"type": "object", "properties": {LEVEL: deep}, "additionalProperties": False},
            {LEVEL: value},
        )
    found = at("calls", reply(json.dumps({**value, TOKEN: 1})), output=deep)
    assert found.form is not None
    assert (found.form["attempt"], found.form["last"], found.again) == (1, False, True)
    first, second = sorted(found.form["faults"], key=len)
    assert first == f"{secret_mask('github-pat')}: is not a known field"
    assert (second[:10], len(second)) == ("levellevel", 500)
    no = reply("no")
    last = at("calls", no, no, no, output=WORD)
    assert last.form == {"attempt": 3, "last": True, "faults": ["it is no JSON"]}
    after_calls = at("calls", no, no, no, reply("", CALL), output=WORD).form
    assert after_calls is not None
    assert after_calls["attempt"] == 1, "calls between answers begin the count anew"
    fitting = at("calls", reply(json.dumps({"word": "yes"})), output=WORD)
    assert fitting.form == {"attempt": 1, "last": False, "faults": []}
    assert not fitting.again


def test_a_conversation_ends_an_answer_that_takes_too_many_turns_but_not_one_that_hands_over() -> None:
    talking = {"mode": "conversation", "max_turns": 3, "handoffs": ["helper"]}
    assert at("calls", reply("", CALL, since=1), **talking).error is None
    ended = at("calls", reply("", CALL, since=2), **talking).error
    assert ended is not None
    assert (ended["code"], ended["details"]["limit"]) == (StepErrorCode.TURN_LIMIT, 3)
    handed = at("calls", reply("", HANDOFF, since=2), **talking)
    assert (handed.error, handed.again) == (None, False)
    assert at("calls", reply("Here.", since=2), **talking).again, "a person says what follows"
    assert not at("calls", reply("Here.")).again


def test_a_person_is_shown_what_the_agent_said_as_far_as_it_can_be_read() -> None:
    def shown(*ended: dict[str, Any]) -> StepPrepared:
        return at("message", {}, *ended, mode="conversation")

    assert shown().run is False, "nobody is asked before the first answer"
    assert shown(reply("", CALL)).run is False, "nor while it has calls to hear of"
    whole, cut = shown(reply("x" * 4_000)).request, shown(reply("Hello."), reply("x" * 4_001)).request
    assert whole is not None
    assert cut is not None
    assert whole["body"]["prompt"] == "x" * 4_000
    assert cut["body"]["prompt"] == "x" * 4_000 + "… (cut: the conversation has it whole)"
    assert whole["body"]["title"] == "work: your next message"
