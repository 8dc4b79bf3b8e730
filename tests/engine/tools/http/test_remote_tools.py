"""Tools over HTTP: what is sent, what an answer comes to, where a call may go; no secret comes back."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.layers.tools import Tools
from engine.contracts.masks import STRUCK_OUT
from engine.contracts.status import StepErrorCode
from engine.governance.tools_layer import tools_layer
from engine.tools.context import CallRules, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.registry import ToolRegistry
from engine.tools.remote.calling import remote_tools
from engine.tools.remote.settings import RemoteTool
from tests.engine.models.loopback import Loopback, Write, hanging, head, serving

if TYPE_CHECKING:
    from engine.contracts.tool import ToolError, ToolResult
    from engine.tools.context import ToolContext
    from tests.engine.models.loopback import Answer

KEY = "hunter2-very-long-key"
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
HERE = ToolLimits(allowed_private_hosts=frozenset({"127.0.0.1"}), max_output_bytes=10_000)


def answering(body: Any, status: int = 200, **headers: str) -> Answer:
    async def answer(write: Write) -> None:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        await write(head(status, "application/json", **headers) + text)

    return answer


def executor_for(url: str, limits: ToolLimits = HERE, key: str = KEY, **fields: Any) -> ToolExecutor:
    given = {"endpoint": f"{url}/call", "parameters": SCHEMA, **fields}
    tool = RemoteTool.model_validate(
        {"headers": {"Authorization": {"$secret": "crm_key"}}, **given}, strict=False
    )
    secrets = {"crm_key": key}
    return ToolExecutor(ToolRegistry(remote_tools({"crm.lookup": tool}, secrets.get)), limits)


async def asked(
    context: ToolContext, answer: Answer, *, rules: CallRules | None = None, **fields: Any
) -> tuple[ToolResult, Loopback]:
    async with serving(answer) as server:
        executor = executor_for(server.url, **fields)
        result = await executor.call("crm.lookup", {"id": 7}, context, rules=rules or CallRules())
    return result, server


def error_of(result: ToolResult) -> ToolError:
    assert result.error is not None, result.data
    return result.error


async def test_half_a_character_that_an_answer_cuts_from_a_text_loses_no_result(context: ToolContext) -> None:
    """The call was made, and so it did not fail."""
    result, _ = await asked(context, answering({"ok": True, "data": {"name": "Ann \ud83d"}}))

    assert result.data == {"name": "Ann \ufffd"}


async def test_a_call_is_one_post_with_its_key_and_its_place(context: ToolContext) -> None:
    result, server = await asked(context, answering({"ok": True, "data": {"name": "Ann"}}))

    assert result.data == {"name": "Ann"}
    assert (result.meta.backend, result.meta.sandbox) == ("http", "policy")
    (sent,) = server.asked
    assert sent.path == "/call"
    assert sent.body == {
        "tool": "crm.lookup",
        "params": {"id": 7},
        "idempotency_key": "run-1/step",
        "run_id": "run-1",
        "step_id": "step",
        "attempt": 2,
    }
    assert sent.headers["authorization"] == KEY
    assert sent.headers["idempotency-key"] == "run-1/step"


async def test_parameters_are_checked_before_anything_is_sent(context: ToolContext) -> None:
    async with serving(answering({"ok": True})) as server:
        result = await executor_for(server.url).call("crm.lookup", {"id": "x"}, context)
    assert error_of(result).code is StepErrorCode.INVALID_INPUT
    assert not server.asked


@pytest.mark.parametrize(
    ("error", "code", "recoverable"),
    [
        ({"code": "not_found", "message": "no such customer", "recoverable": False}, "not_found", False),
        ({"code": "TEMPORARY", "message": "busy"}, "temporary", None),
        ({"code": "approval_void", "message": "no"}, "unknown", None),
    ],
)
async def test_what_the_tool_says_of_its_failure_is_kept(
    context: ToolContext, error: dict[str, Any], code: str, recoverable: bool | None
) -> None:
    for status in (200, 422):
        failed = error_of((await asked(context, answering({"ok": False, "error": error}, status)))[0])
        assert (failed.code, failed.message, failed.recoverable) == (code, error["message"], recoverable)


@pytest.mark.parametrize(
    ("body", "status", "code", "recoverable"),
    [
        ({"ok": True}, 429, StepErrorCode.RATE_LIMITED, True),
        (b"gone", 503, StepErrorCode.BACKEND_ERROR, True),
        ({"ok": True, "data": 1}, 500, StepErrorCode.BACKEND_ERROR, True),
        (b"no", 404, StepErrorCode.BACKEND_ERROR, False),
        ({"ok": True, "data": 1}, 302, StepErrorCode.BACKEND_ERROR, False),
        (b"no json", 200, StepErrorCode.CONTRACT_VIOLATION, False),
        ({"data": 1}, 200, StepErrorCode.CONTRACT_VIOLATION, False),
        ({"ok": True, "error": {"code": "timeout"}}, 200, StepErrorCode.CONTRACT_VIOLATION, False),
        ({"ok": False}, 200, StepErrorCode.CONTRACT_VIOLATION, False),
        (b"x" * 200_000, 200, StepErrorCode.CONTRACT_VIOLATION, None),
    ],
)
async def test_every_other_answer_is_a_typed_failure(
    context: ToolContext, body: Any, status: int, code: StepErrorCode, recoverable: bool | None
) -> None:
    result, _ = await asked(context, answering(body, status, location="http://127.0.0.1:1/", retry_after="9"))
    assert (error_of(result).code, error_of(result).recoverable) == (code, recoverable)
    if status in {429, 503}:
        assert error_of(result).details["retry_after_seconds"] == 9.0


async def test_a_server_that_is_not_there_or_says_nothing(context: ToolContext) -> None:
    gone = error_of(await executor_for("http://127.0.0.1:9").call("crm.lookup", {"id": 7}, context))
    late, _ = await asked(context, hanging(head(200, "application/json")), timeout_seconds=0.05)

    assert (gone.code, gone.recoverable) == (StepErrorCode.BACKEND_ERROR, True)
    assert gone.details["reason"] == "unreachable"
    assert (error_of(late).code, error_of(late).recoverable) == (StepErrorCode.TIMEOUT, True)


async def broken(write: Write) -> None:
    await write(head(200, "application/json", content_length="100") + b"{")


async def silent(_: Write) -> None:
    return


@pytest.mark.parametrize("answer", [broken, silent])
async def test_a_call_that_may_have_been_made_is_not_told_as_one_that_reached_nobody(
    context: ToolContext, answer: Answer
) -> None:
    result, server = await asked(context, answer)
    assert (error_of(result).code, error_of(result).recoverable) == (StepErrorCode.BACKEND_ERROR, True)
    assert error_of(result).details["reason"] == "lost"
    assert "may have made the call" in error_of(result).message
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "key", ["hunter2\r\nX-Evil: 1", "hunter2\n", "schlüssel", "hunter\udcff", " hunter2"]
)
async def test_a_secret_that_no_header_can_hold_is_an_input_that_is_not_quoted(
    context: ToolContext, key: str
) -> None:
    result, server = await asked(context, answering({"ok": True}), key=key)
    assert (error_of(result).code, error_of(result).recoverable) == (StepErrorCode.INVALID_INPUT, False)
    assert "the header Authorization" in error_of(result).message
    assert key.strip() not in error_of(result).message
    assert not server.asked


async def test_a_server_may_ask_to_wait_until_a_date(context: ToolContext) -> None:
    result, _ = await asked(context, answering(b"", 429, retry_after="Fri, 31 Dec 2100 23:59:59 GMT"))
    assert error_of(result).details["retry_after_seconds"] == 3_600.0


async def test_it_goes_where_http_get_may_go(context: ToolContext) -> None:
    private, server = await asked(context, answering({"ok": True}), limits=ToolLimits())
    assert error_of(private).code is StepErrorCode.PERMISSION_DENIED
    assert "tools.allowed_private_hosts" in error_of(private).message
    listed = {"id": "crm.lookup", "name": "x", "sandbox": {"network": "none"}}
    bound = tools_layer(Tools.model_validate({"available": [listed]}, strict=False))
    none, other = await asked(context, answering({"ok": True}), rules=CallRules(layer=bound))
    assert error_of(none).code is StepErrorCode.PERMISSION_DENIED
    assert not server.asked
    assert not other.asked


async def test_no_secret_comes_back_in_data_or_in_errors(context: ToolContext) -> None:
    good, _ = await asked(context, answering({"ok": True, "data": {"seen": f"Bearer {KEY}"}}))
    told, _ = await asked(context, answering({"ok": False, "error": {"code": "unknown", "message": KEY}}))
    odd, _ = await asked(context, answering(KEY.encode(), 500))

    assert KEY not in good.model_dump_json() + told.model_dump_json() + odd.model_dump_json()
    assert good.data["seen"].startswith("Bearer ")


@pytest.mark.parametrize("scheme", ["Bearer", "basic", "Token"])
async def test_a_token_comes_back_without_its_scheme_no_more_than_with_it(
    context: ToolContext, scheme: str
) -> None:
    answers = {"ok": True, "data": {"seen": KEY}}, {"ok": False, "error": {"code": "unknown", "message": KEY}}
    for answer in (*answers, KEY.encode()):
        result, server = await asked(context, answering(answer), key=f"{scheme} {KEY}")
        assert KEY not in result.model_dump_json()
        assert server.asked[0].headers["authorization"] == f"{scheme} {KEY}"


@pytest.mark.parametrize(
    ("credentials", "told"),
    [
        ("ann:pass word", ["ann:pass word", "pass word", "pass%20word"]),
        ("sk_live_0815:", ["sk_live_0815:", "sk_live_0815"]),
        ("ann:gr\u00fcn", ["gr\u00fcn"]),
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
async def test_a_password_comes_back_decoded_no_more_than_as_it_was_sent(
    context: ToolContext, credentials: str, told: list[str], charset: str
) -> None:
    key = f"Basic {b64encode(credentials.encode(charset)).decode()}"
    answer = answering({"ok": True, "data": {"seen": told, "name": "ann"}})
    result, server = await asked(context, answer, key=key)
    assert server.asked[0].headers["authorization"] == key
    assert result.data["name"] == "ann"
    assert not [one for one in result.data["seen"] if STRUCK_OUT not in one]
    assert not [one for one in result.data["seen"] if "pass" in one or "0815" in one or "gr" in one]


async def test_a_header_that_is_no_password_is_struck_out_as_it_is(context: ToolContext) -> None:
    result, _ = await asked(context, answering({"ok": True, "data": ["!no!", "rest"]}), key="Basic !no!")
    assert result.data == [STRUCK_OUT, "rest"]


async def test_an_approver_is_shown_the_request_and_no_secret(context: ToolContext) -> None:
    shown = await executor_for("https://crm.example").preview("crm.lookup", {"id": 7}, context)
    assert shown is not None
    assert shown.summary == "calls crm.lookup at https://crm.example/call"
    assert "POST /call HTTP/1.1" in shown.text
    assert "Authorization: [SECRET crm_key]" in shown.text
    assert '"id": 7' in shown.text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"endpoint": "ftp://crm.example"}, "http or https"),
        ({"endpoint": "http://crm.example", "headers": {"X-Key": "k"}}, "over https"),
        ({"endpoint": "https://crm.example", "headers": {"Host": "other.example"}}, "call has itself"),
        ({"endpoint": "https://crm.example", "headers": {"content-Length": "3"}}, "call has itself"),
        ({"endpoint": "https://crm.example", "headers": {"Idempotency-Key": "k"}}, "call has itself"),
        ({"endpoint": "https://crm.example", "headers": {"X-Key": "a", "x-key": "b"}}, "twice"),
        ({"endpoint": "https://crm.example", "headers": {"X-Key": "schlüssel"}}, "ASCII"),
        ({"endpoint": "https://a:b@crm.example"}, "by reference"),
        ({"endpoint": "https://crm.example", "parameters": {"type": "array"}}, "type object"),
    ],
)
def test_what_cannot_be_declared(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RemoteTool.model_validate(fields, strict=False)
