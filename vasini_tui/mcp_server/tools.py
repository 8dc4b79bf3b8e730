"""The tools that `vasini mcp` offers: what each takes, and what is told back."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput, VasiniError
from engine.tools.parameters import ParameterCheck, parameter_check
from vasini_tui.mcp_server.desk import MAX_MESSAGE, MAX_TITLE

if TYPE_CHECKING:
    from vasini_tui.mcp_server.desk import Desk, HumanReply, Tell

Work = Callable[["Desk", Mapping[str, Any], "Tell"], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class OfferedTool:
    """One tool: its words and schema for the client, and what it does. `denies`: a failure is a no."""

    name: str
    description: str
    parameters: dict[str, Any]
    work: Work = field(repr=False)
    reads_only: bool = False
    denies: bool = False

    @cached_property
    def check(self) -> ParameterCheck:
        """The compiled schema."""
        return parameter_check(self.parameters)

    async def call(
        self, desk: Desk, client: str, given: Mapping[str, Any], tell: Tell
    ) -> tuple[dict[str, Any], bool]:
        """What is told back to `client`, and whether it is an error. VasiniErrors become answers."""
        try:
            self._require_fitting(given)
            await desk.connect(client)
            return await self.work(desk, given, tell), False
        except VasiniError as error:
            if self.denies:
                return denied(f"nobody was asked: {error.message}"), False
            return {"error": {"code": error.code.value, "message": error.message}}, True

    def _require_fitting(self, given: Mapping[str, Any]) -> None:
        faults = self.check(given)
        if faults:
            words = "; ".join(f"{place or 'arguments'}: {message}" for place, message in faults)
            raise InvalidInput(f"{self.name} does not take these arguments: {words}")


def denied(message: str) -> dict[str, Any]:
    """The answer of a permission prompt that does not allow."""
    return {"behavior": "deny", "message": message}


def _object(required: tuple[str, ...], *, closed: bool = True, **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": list(required)}
    return {**schema, "additionalProperties": False} if closed else schema


def _text(words: str, limit: int, least: int = 1) -> dict[str, Any]:
    return {"type": "string", "description": words, "minLength": least, "maxLength": limit}


async def _permission_prompt(desk: Desk, given: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    tool, wanted = given["tool_name"], given["input"]
    said = await desk.allowed(
        f"{tool}{_hint(wanted)}", f"The agent wants to call {tool}.", tool, wanted, high=False, tell=tell
    )
    return {"behavior": "allow", "updatedInput": wanted} if said.yes else denied(said.words)


async def _request_approval(desk: Desk, given: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    high = given.get("risk") in {"high", "critical"}
    said = await desk.allowed(
        given["title"], given.get("message", ""), "action", given["action"], high=high, tell=tell
    )
    return _decision(said)


async def _ask_person(desk: Desk, given: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    question = given["question"]
    said = await desk.answered(given.get("title", question), question, given.get("schema", _ANSWER), tell)
    if not said.yes:
        return {"answered": False, "reason": said.words, "run_id": said.run_id}
    values = said.output.get("values") if isinstance(said.output, dict) else None
    return {"answered": True, "values": values, "run_id": said.run_id}


async def _start_run(desk: Desk, given: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    flow, wanted = given["flow"], given.get("input", {})
    said = await desk.allowed(
        f"start {flow}",
        f"The agent wants to start a run of {flow}.",
        "start_run",
        {"flow": flow, "input": wanted},
        high=False,
        tell=tell,
    )
    if not said.yes:
        return _decision(said)
    run = await desk.started(flow, wanted, said)
    return {"decision": "approved", "run_id": run.run_id, "status": run.status.value}


async def _run_status(desk: Desk, given: Mapping[str, Any], _tell: Tell) -> dict[str, Any]:
    view = await desk.own_run(given["run_id"])
    return {
        "run_id": view.run_id,
        "flow": f"{view.pack}/{view.flow}",
        "status": view.status.value,
        "waiting_for": view.waiting_for.text if view.waiting_for is not None else None,
        "error": {"code": view.error.code, "message": view.error.message} if view.error else None,
        "output": view.output,
    }


async def _report(desk: Desk, given: Mapping[str, Any], _tell: Tell) -> dict[str, Any]:
    return {"run_id": await desk.reported(given["title"], given["text"])}


def _decision(said: HumanReply) -> dict[str, Any]:
    if said.yes:
        return {"decision": "approved", "run_id": said.run_id}
    return {"decision": "not approved", "reason": said.words, "run_id": said.run_id}


def _hint(wanted: Mapping[str, Any]) -> str:
    """What a call is about, in a few words, where its input says so in the usual places."""
    for key in ("command", "file_path", "path", "url"):
        if isinstance(wanted.get(key), str):
            return f": {wanted[key]}"
    return ""


_ANSWER = _object(("answer",), answer={"type": "string", "title": "Answer", "maxLength": MAX_MESSAGE})

TOOLS = (
    OfferedTool(
        "permission_prompt",
        "Ask a person whether a tool may be called with exactly this input. Made for agent command lines "
        "that take the name of a tool which decides over permissions.",
        _object(
            ("tool_name", "input"),
            closed=False,
            tool_name=_text("The tool that is to be called.", 200),
            input={"type": "object", "description": "What it is to be called with."},
        ),
        _permission_prompt,
        denies=True,
    ),
    OfferedTool(
        "request_approval",
        "Ask a person to approve an action before you take it. Waits for the decision. Take the action only "
        "when `decision` is `approved`, and take exactly the one that you described.",
        _object(
            ("title", "action"),
            title=_text("What you are about to do, in one line.", MAX_TITLE),
            message=_text("Why, and what it changes.", MAX_MESSAGE, 0),
            action={"type": "object", "description": "Exactly what will be done: names, paths, values."},
            risk={"enum": ["low", "medium", "high", "critical"]},
        ),
        _request_approval,
    ),
    OfferedTool(
        "ask_person",
        "Ask a person a question and wait for the answer. With a JSON Schema of an object the person fills a "
        "form; without one the answer is a text.",
        _object(
            ("question",),
            question=_text("The question.", MAX_MESSAGE),
            title=_text("The question in one line.", MAX_TITLE),
            schema={"type": "object", "description": "JSON Schema of the answer; type object."},
        ),
        _ask_person,
    ),
    OfferedTool(
        "start_run",
        "Start a run of a flow of vasini, after a person has approved it. Returns its run_id at once.",
        _object(
            ("flow",),
            flow={**_text("PACK/FLOW", 200), "pattern": "^[^/]+/[^/]+$"},
            input={"type": "object", "description": "The start payload."},
        ),
        _start_run,
    ),
    OfferedTool(
        "run_status",
        "How a run stands that you asked for: status, what it waits for, error, output.",
        _object(("run_id",), run_id=_text("Its id.", 60)),
        _run_status,
        reads_only=True,
    ),
    OfferedTool(
        "report",
        "Tell the people here what you did or found. Nobody has to answer; it is kept as a run.",
        _object(
            ("title", "text"),
            title=_text("In one line.", MAX_TITLE),
            text=_text("The report, in Markdown.", 100_000),
        ),
        _report,
    ),
)
"""In the order of the list that clients get."""


def as_text(told_back: Mapping[str, Any]) -> str:
    """What is told back, as the text of a result."""
    return json.dumps(told_back, ensure_ascii=False)
