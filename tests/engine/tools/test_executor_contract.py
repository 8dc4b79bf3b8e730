from __future__ import annotations

import asyncio
import base64
import html
import json
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.contracts.status import StepErrorCode
from engine.contracts.tool import ToolResult, ToolSpec
from engine.governance.policies import Policies
from engine.tools.context import CallRules, ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.failure import ToolFailure
from engine.tools.registry import RegisteredTool, ToolFunction, ToolRegistry

CONTEXT = ToolContext("run", "step", 1, "run/step", "default", Path("/nonexistent/workdir"))
SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 0}, "word": {"type": "string"}},
    "required": ["n"],
    "additionalProperties": False,
}


def executor_of(
    function: ToolFunction,
    *,
    limits: ToolLimits | None = None,
    secrets: dict[str, str] | None = None,
    parameters: dict[str, Any] | None = None,
) -> ToolExecutor:
    registry = ToolRegistry()
    registry.register(ToolSpec(name="test.tool", parameters=parameters or {"type": "object"}), function)
    return ToolExecutor(registry, limits or ToolLimits(), secrets or {})


async def call(function: ToolFunction, params: Any = None, **options: Any) -> ToolResult:
    timeout = options.pop("timeout", 60.0)
    executor = executor_of(function, **options)
    return await executor.call(
        "test.tool", {} if params is None else params, CONTEXT, rules=CallRules(timeout=timeout)
    )


@pytest.mark.parametrize(
    "told",
    [{"ok": True, "error": {"code": "timeout", "message": "late"}}, {"ok": False}, {"ok": False, "data": 1}],
)
def test_an_envelope_that_contradicts_itself_cannot_be_made(told: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="a call that is ok has no error"):
        ToolResult.model_validate({**told, "meta": {"tool": "a", "backend": "local"}})


async def echo(params: dict[str, Any], context: ToolContext) -> Any:
    return params


def failing(error: BaseException) -> ToolFunction:
    async def fail(params: dict[str, Any], context: ToolContext) -> Any:
        raise error

    return fail


def returning(value: Any) -> ToolFunction:
    async def answer(params: dict[str, Any], context: ToolContext) -> Any:
        return value

    return answer


def code_of(result: ToolResult) -> StepErrorCode:
    assert result.error is not None
    return result.error.code


async def test_a_successful_call_returns_data_and_meta() -> None:
    result = await call(echo, {"a": [1, None, "é"]})
    assert result.ok
    assert result.data == {"a": [1, None, "é"]}
    assert (result.meta.tool, result.meta.backend, result.meta.sandbox) == ("test.tool", "local", "policy")
    assert result.meta.latency_ms > 0


async def test_an_unknown_tool_is_not_found() -> None:
    result = await executor_of(echo).call("test.other", {}, CONTEXT)
    assert code_of(result) == StepErrorCode.NOT_FOUND


async def test_a_name_is_registered_once() -> None:
    registry = ToolRegistry()
    registry.register(ToolSpec(name="test.tool"), echo)
    with pytest.raises(ValueError, match="registered already"):
        registry.register(ToolSpec(name="test.tool"), echo)


@pytest.mark.parametrize("policies", [{"blocked_tools": [" Test.Tool "]}, {"allowed_tools": ["files.read"]}])
async def test_blocked_and_unlisted_tools_are_denied(policies: dict[str, Any]) -> None:
    rules = CallRules(policies=Policies.model_validate(policies))
    result = await executor_of(echo).call("test.tool", {}, CONTEXT, rules=rules)
    assert code_of(result) == StepErrorCode.PERMISSION_DENIED


async def test_every_fault_of_the_parameters_is_named() -> None:
    result = await call(echo, {"n": -1, "word": 5, "more": 1}, parameters=SCHEMA)
    assert code_of(result) == StepErrorCode.INVALID_INPUT
    assert result.error is not None
    assert {fault["field"] for fault in result.error.details["errors"]} == {"/n", "/word", ""}


@pytest.mark.parametrize("params", [None, [], "text", 5])
async def test_parameters_that_are_no_object_are_invalid(params: Any) -> None:
    result = await executor_of(echo).call("test.tool", params, CONTEXT)
    assert code_of(result) == StepErrorCode.INVALID_INPUT


async def test_a_broken_schema_fails_the_call_and_raises_nothing() -> None:
    assert code_of(await call(echo, parameters={"type": "nonsense"})) == StepErrorCode.BACKEND_ERROR


async def test_a_late_tool_is_a_recoverable_timeout() -> None:
    async def hang(params: dict[str, Any], context: ToolContext) -> Any:
        await asyncio.Event().wait()

    result = await call(hang, timeout=0.01)
    assert code_of(result) == StepErrorCode.TIMEOUT
    assert result.error is not None
    assert result.error.recoverable


async def test_what_a_call_waited_to_begin_is_a_part_of_its_time() -> None:
    async def hang(params: dict[str, Any], context: ToolContext) -> Any:
        await asyncio.Event().wait()

    rules = CallRules(timeout=10_000.0, waited=9_999.99)
    result = await executor_of(hang).call("test.tool", {}, CONTEXT, rules=rules)
    assert code_of(result) == StepErrorCode.TIMEOUT
    assert result.error is not None
    assert (result.error.details["timeout"], result.error.details["waited"]) == (10_000.0, 9_999.99)


async def test_a_tool_that_swallows_its_deadline_is_still_late() -> None:
    async def stubborn(params: dict[str, Any], context: ToolContext) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "done anyway"

    assert code_of(await call(stubborn, timeout=0.01)) == StepErrorCode.TIMEOUT


@pytest.mark.parametrize("swallows", [False, True])
async def test_cancellation_passes_through(swallows: bool) -> None:
    started = asyncio.Event()

    async def hang(params: dict[str, Any], context: ToolContext) -> Any:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if not swallows:
                raise

    task = asyncio.ensure_future(call(hang))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ToolFailure(StepErrorCode.RATE_LIMITED, "slow down", recoverable=True), StepErrorCode.RATE_LIMITED),
        (ValueError("odd"), StepErrorCode.BACKEND_ERROR),
        (UnprintableError(), StepErrorCode.BACKEND_ERROR),
        (SystemExit(3), StepErrorCode.BACKEND_ERROR),
        (ExceptionGroup("several", [ValueError("one")]), StepErrorCode.BACKEND_ERROR),
        (asyncio.CancelledError(), StepErrorCode.BACKEND_ERROR),
        (TimeoutError(), StepErrorCode.TIMEOUT),
        (PermissionError(13, "denied", "/secret/place"), StepErrorCode.PERMISSION_DENIED),
        (ToolFailure(StepErrorCode.UNKNOWN, "x", details={"not": object()}), StepErrorCode.UNKNOWN),
        (RuntimeError("lone \udc80 surrogate"), StepErrorCode.BACKEND_ERROR),
    ],
)
async def test_whatever_a_tool_raises_becomes_an_error_without_a_traceback(
    error: BaseException, code: StepErrorCode
) -> None:
    result = await call(failing(error))
    assert code_of(result) == code
    text = result.model_dump_json()
    assert "Traceback" not in text
    assert ".py" not in text


@pytest.mark.parametrize(
    "value",
    [object(), {1: "x"}, (1, 2), {"x": float("nan")}, [float("inf")], b"bytes", "\ud800", {"k": {1, 2}}],
)
async def test_results_that_are_not_json_violate_the_contract(value: Any) -> None:
    assert code_of(await call(returning(value))) == StepErrorCode.CONTRACT_VIOLATION


async def test_a_cyclic_result_violates_the_contract() -> None:
    value: list[Any] = []
    value.append(value)
    assert code_of(await call(returning(value))) == StepErrorCode.CONTRACT_VIOLATION


@pytest.mark.parametrize(("text", "fits"), [("x" * 98, True), ("x" * 99, False), ("é" * 50, False)])
async def test_the_size_of_a_result_is_bounded_in_bytes(text: str, fits: bool) -> None:
    assert (await call(returning(text), limits=ToolLimits(max_output_bytes=100))).ok is fits


async def test_the_result_shares_nothing_with_the_tool() -> None:
    kept = {"list": [1]}
    result = await call(returning(kept))
    kept["list"].append(2)
    assert result.data == {"list": [1]}


async def test_a_secret_is_struck_out_of_files_that_a_tool_brings() -> None:
    binary = base64.b64encode(b"\xff\x00hunter22\xfe").decode()
    clean = base64.b64encode(b"\xff\x00hunter\xfe").decode()

    async def leak(params: dict[str, Any], _context: ToolContext) -> Any:
        text = base64.b64encode(f"user: ana\npassword: {params['p']}\n".encode()).decode()
        files = [{"name": "a", "content_base64": text}, {"name": "b", "content_base64": binary}]
        return {
            "output_files": [*files, {"name": "c", "content_base64": clean}, {"content_base64": "no b64"}]
        }

    result = await call(leak, {"p": {"$secret": "P"}}, secrets={"P": "hunter22"})
    text, data, same, other = (one["content_base64"] for one in result.data["output_files"])
    assert base64.b64decode(text) == b"user: ana\npassword: [SECRET]\n"
    assert base64.b64decode(data) == b"\xff\x00[SECRET]\xfe"
    assert (same, other) == (clean, "no b64")


async def test_a_secret_is_struck_out_where_it_comes_back_as_a_number() -> None:
    async def leak(_params: dict[str, Any], _context: ToolContext) -> Any:
        return {"code": 47110815, "half": 0.25, "other": [4711, True, 1.25, 47110815.5]}

    secrets = {"CODE": "47110815", "HALF": "0.25"}
    given = {"a": {"$secret": "CODE"}, "b": {"$secret": "HALF"}}
    result = await call(leak, given, secrets=secrets)
    assert result.data == {"code": "[SECRET]", "half": "[SECRET]", "other": [4711, True, 1.25, 47110815.5]}


class WatchedText(str):
    """Remembers in which thread it was compared."""

    __slots__ = ("threads",)
    __hash__ = str.__hash__

    def __init__(self, _text: str) -> None:
        self.threads: list[int] = []

    def __eq__(self, other: object) -> bool:
        self.threads.append(threading.get_ident())
        return str.__eq__(self, other)


@pytest.mark.parametrize("large", [True, False])
async def test_the_loop_goes_on_while_large_parameters_and_results_are_looked_at(large: bool) -> None:
    checked: list[int] = []
    word, text = WatchedText("hunter22"), "x" * (100_000 if large else 10)

    def check(_params: Any) -> list[tuple[str, str]]:
        checked.append(threading.get_ident())
        return []

    async def bring(params: dict[str, Any], _context: ToolContext) -> Any:
        return {"text": params["text"], "word": word}

    tool = RegisteredTool(ToolSpec(name="test.bring"), bring, own_check=check)
    executor = ToolExecutor(ToolRegistry([tool]), ToolLimits(), {"WORD": "hunter22"})
    result = await executor.call("test.bring", {"text": text, "word": {"$secret": "WORD"}}, CONTEXT)
    assert result.data == {"text": text, "word": "[SECRET]"}
    assert checked
    assert threading.get_ident() not in checked  # who brings a check of its own may need long for little
    assert word.threads
    assert (threading.get_ident() not in word.threads) is large


async def test_a_secret_reaches_the_tool_and_nothing_else() -> None:
    seen: list[Any] = []

    async def leak(params: dict[str, Any], context: ToolContext) -> Any:
        seen.append(params["headers"]["token"])
        return {"nested": [f"Bearer {seen[0]}"], f"key {seen[0]}": 1}

    params = {"headers": {"token": {"$secret": "TOKEN"}}}
    result = await call(leak, params, secrets={"TOKEN": 's3cr"et\n/x'})
    assert seen == ['s3cr"et\n/x']
    assert result.data == {"nested": ["Bearer [SECRET]"], "key [SECRET]": 1}
    assert params == {"headers": {"token": {"$secret": "TOKEN"}}}


async def test_a_secret_of_several_lines_is_struck_out_by_line_as_well() -> None:
    """As a command shows it with `parse: lines`, and as its output is kept while it comes."""
    secret = "machine example.org\n  login ana\r\n  password hunter22\n}\n"

    async def leak(params: dict[str, Any], context: ToolContext) -> Any:
        lines = params["netrc"].splitlines()
        return {"lines": [f"> {line}" for line in lines], "whole": params["netrc"], "end": "22", "}": "}"}

    result = await call(leak, {"netrc": {"$secret": "NETRC"}}, secrets={"NETRC": secret})
    lines = ["> [SECRET]", ">   [SECRET]", ">   [SECRET]", "> }"]
    assert result.data == {"lines": lines, "whole": "[SECRET]", "end": "22", "}": "}"}


@pytest.mark.parametrize("shown", ["{0}", "{0!r}", "{1}", "{2}", "{3}", "{4}"])
async def test_a_secret_is_struck_out_of_errors_in_every_form(shown: str) -> None:
    secret = "pass'word\\/+ é&<"

    async def leak(params: dict[str, Any], context: ToolContext) -> Any:
        given = params["p"]
        in_json = json.dumps(given, ensure_ascii=False)[1:-1].replace("/", "\\/")
        text = shown.format(given, quote(given, safe=""), quote_plus(given), html.escape(given), in_json)
        raise ToolFailure(StepErrorCode.BACKEND_ERROR, text, details={"stderr": text})

    result = await call(leak, {"p": {"$secret": "P"}}, secrets={"P": secret})
    assert result.error is not None
    assert result.error.message.strip("'\"") == "[SECRET]"
    assert result.error.details["stderr"].strip("'\"") == "[SECRET]"


async def test_a_secret_that_breaks_the_schema_is_not_quoted_back() -> None:
    result = await call(echo, {"n": {"$secret": "N"}}, secrets={"N": "hunter2"}, parameters=SCHEMA)
    assert code_of(result) == StepErrorCode.INVALID_INPUT
    assert "hunter2" not in result.model_dump_json()


@pytest.mark.parametrize("reference", [{"$secret": "NOPE"}, {"$secret": 5}, {"$secret": "T", "more": 1}])
async def test_a_reference_that_cannot_be_resolved_is_invalid(reference: Any) -> None:
    result = await call(echo, {"x": reference}, secrets={"T": "v"})
    assert code_of(result) == StepErrorCode.INVALID_INPUT


async def test_an_unknown_secret_is_named() -> None:
    result = await call(echo, {"x": {"$secret": "NOPE"}})
    assert result.error is not None
    assert "NOPE" in result.error.message


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.characters(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers() | st.none(), inner)
        | st.tuples(inner, inner)
        | st.sets(st.integers())
    ),
    max_leaves=20,
)


@settings(max_examples=120, deadline=None)
@given(value=json_like)
def test_any_output_ends_in_an_envelope_that_is_json(value: Any) -> None:
    result = asyncio.run(call(returning(value)))
    assert ToolResult.model_validate_json(result.model_dump_json()).ok == result.ok
    if result.ok:
        assert result.data == value
    else:
        assert code_of(result) == StepErrorCode.CONTRACT_VIOLATION


@settings(max_examples=100, deadline=None)
@given(params=json_like)
def test_any_parameters_end_in_an_envelope(params: Any) -> None:
    result = asyncio.run(executor_of(returning(1), parameters=SCHEMA).call("test.tool", params, CONTEXT))
    assert isinstance(result, ToolResult)
