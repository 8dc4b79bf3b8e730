"""How code of a pack that is not ours says that it failed, and how."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import StepErrorCode
from engine.contracts.tool import ToolError
from engine.tools.context import PackCode

if TYPE_CHECKING:
    from tests.engine.tools.conftest import Call

FAILING = """
import json
from typing import Any


class Closed(Exception):
    code = "rate_limited"
    message = "the shop is closed"
    recoverable = True
    details = {"opens": "08:00", "retry_after_seconds": 60}


class Odd(Exception):
    code = "E42"


class Final(Exception):
    code = "not_found"
    recoverable = False
    details = {"no json": {1, 2}}


class Fails(Exception):
    @property
    def code(self) -> str:
        raise RuntimeError("no code")


class FailsInDetails(Exception):
    code = "not_found"
    recoverable = {1, 2}

    @property
    def details(self) -> None:
        raise SystemExit(3)


class Trap(dict[str, int]):
    def items(self) -> Any:
        raise RuntimeError("no items")


class Trapped(Exception):
    code = "not_found"
    details = Trap(a=1)


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


class MuteWithCode(Mute):
    code = "not_found"


class Text(str):
    def __hash__(self) -> int:
        raise ValueError("no hash")


class OddText(Exception):
    code = Text("not_found")


class Long(Exception):
    code = "not_found"
    message = "m" * 30_000_000


def hostile(kind: str) -> None:
    raise globals()[kind]


def closed() -> None:
    raise Closed


def odd() -> None:
    raise Odd("what is that")


def final() -> None:
    raise Final("there is no ticket 7")


def late() -> None:
    raise TimeoutError("no answer")


def refused() -> None:
    raise ConnectionRefusedError(111, "Connection refused")


def missing() -> None:
    open("/nonexistent/file")


def forbidden() -> None:
    raise PermissionError("not yours")


def says(error: Any) -> Any:
    return {"error": error}


def beside(error: Any) -> Any:
    return {"error": error, "data": 1}
"""


Fails = Callable[..., Awaitable[ToolError]]
CODE = PackCode("my-pack", "failing", {"tools.py": FAILING})


@pytest.fixture
def fails(call: Call) -> Fails:
    async def failure(name: str, **params: Any) -> ToolError:
        result = await call(f"my_pack.{name}", params, code=CODE)
        assert result.error is not None, result.data
        return result.error

    return failure


async def test_an_exception_of_the_packs_own_may_say_its_code(fails: Fails) -> None:
    closed, final, odd = await fails("closed"), await fails("final"), await fails("odd")

    assert (closed.code, closed.recoverable) == (StepErrorCode.RATE_LIMITED, True)
    assert closed.message.startswith("the shop is closed (my-pack/tools.py:")
    assert closed.details["opens"] == "08:00"
    assert closed.details["retry_after_seconds"] == 60
    assert (final.code, final.recoverable) == (StepErrorCode.NOT_FOUND, False)
    assert final.message.startswith("there is no ticket 7")
    assert "no json" not in final.details
    assert odd.code is StepErrorCode.BACKEND_ERROR
    assert "Odd: what is that" in odd.message


async def test_what_python_raises_has_the_code_of_its_kind(fails: Fails) -> None:
    codes = {
        "late": StepErrorCode.TIMEOUT,
        "refused": StepErrorCode.TEMPORARY,
        "missing": StepErrorCode.NOT_FOUND,
        "forbidden": StepErrorCode.PERMISSION_DENIED,
    }
    assert {name: (await fails(name)).code for name in codes} == codes


async def test_an_error_that_cannot_be_asked_about_itself_is_told_with_its_line(fails: Fails) -> None:
    codes = {
        "Fails": StepErrorCode.BACKEND_ERROR,
        "FailsInDetails": StepErrorCode.NOT_FOUND,
        "Trapped": StepErrorCode.NOT_FOUND,
        "Mute": StepErrorCode.BACKEND_ERROR,
        "MuteWithCode": StepErrorCode.NOT_FOUND,
        "OddText": StepErrorCode.NOT_FOUND,
        "Long": StepErrorCode.NOT_FOUND,
    }
    for kind, code in codes.items():
        told = await fails("hostile", kind=kind)
        assert told.code is code, kind
        assert told.details.keys() == {"file", "line"}, kind
        assert "Traceback" not in told.message, kind


async def test_a_tool_may_return_its_failure(fails: Fails) -> None:
    error = {"code": "timeout", "message": "too late", "recoverable": False, "details": {"after": 3}}
    told = await fails("says", error=error)
    assert (told.code, told.message, told.recoverable) == (StepErrorCode.TIMEOUT, "too late", False)
    assert told.details == {"after": 3}
    odd = await fails("says", error={"code": "approval_void", "message": "no"})
    assert (odd.code, odd.details) == (StepErrorCode.UNKNOWN, {"code": "approval_void"})


async def test_what_only_looks_like_a_failure_is_a_result(call: Call) -> None:
    for error in ("no", {"code": 404, "message": "no"}, {"message": "no"}):
        assert (await call("my_pack.says", {"error": error}, code=CODE)).data == {"error": error}
    both = {"error": {"code": "timeout", "message": "no"}}
    assert (await call("my_pack.beside", both, code=CODE)).data == {**both, "data": 1}
