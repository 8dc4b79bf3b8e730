from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from engine.contracts.status import StepErrorCode
from engine.contracts.tool import ToolResult, ToolSpec
from engine.errors import PackInvalid
from engine.tools.context import PackCode, ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.pack_code.pack_tools import describe_functions
from engine.tools.registry import ToolRegistry

if TYPE_CHECKING:
    from tests.engine.tools.conftest import Appears, Call


SOURCE = '''"""Tools of a pack."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Literal, Optional


def group(items: list[str], kind: Literal["a", "b"] = "a", limit: Optional[int] = None) -> dict[str, object]:
    """Group items by kind."""
    print("noise on stdout", file=sys.stdout)
    return {"count": len(items), "kind": kind, "limit": limit}


def surroundings(context: dict[str, object]) -> dict[str, object]:
    return {**context, "cwd": os.getcwd(), "env": sorted(os.environ), "argv0": __file__}


def modules() -> list[str]:
    return sorted(sys.modules)


def broken(x: int) -> int:
    return 1 // x


def picky(x: int) -> None:
    raise ValueError("x must be even")


def number() -> float:
    return float("nan")


def bye() -> None:
    sys.exit(0)


def die() -> None:
    os._exit(7)


def greedy() -> int:
    return len(bytearray(8 * 2**30))


def large(size: int) -> str:
    return "é" * (size // 2)


def hang() -> None:
    child = subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"])
    with open("pid.tmp", "w") as file:
        file.write(str(child.pid))
    os.rename("pid.tmp", "pid")
    time.sleep(600)


def wait(port: int) -> dict[str, object]:
    return {"callback_pending": {"title": f"Is {port} open?", "expires_in": 3600}}


def _private() -> None: ...
'''
CODE = PackCode("my-pack", "digest-1", {"tools.py": SOURCE})


def code_of(result: ToolResult) -> StepErrorCode:
    assert result.error is not None, result.data
    return result.error.code


async def test_public_functions_become_tools_with_schemas() -> None:
    specs = {one.spec.name: one.spec for one in await describe_functions(CODE, ToolLimits())}
    assert "my_pack.group" in specs
    assert not {"my_pack._private", "my_pack.Literal"} & set(specs)
    group = specs["my_pack.group"]
    assert (group.description, group.backend) == ("Group items by kind.", "pack")
    assert group.parameters == {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {"type": "string"}},
            "kind": {"enum": ["a", "b"], "type": "string", "default": "a"},
            "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        },
        "required": ["items"],
        "additionalProperties": False,
    }
    assert specs["my_pack.surroundings"].parameters["properties"] == {}


async def test_a_call_returns_json_and_drops_what_was_printed(call: Call) -> None:
    result = await call("my_pack.group", {"items": ["x"], "limit": 3}, code=CODE)
    assert result.data == {"count": 1, "kind": "a", "limit": 3}
    assert (result.meta.backend, result.meta.sandbox) == ("pack", "process")


async def test_a_function_waits_for_an_answer_by_what_it_returns(call: Call) -> None:
    result = await call("my_pack.wait", {"port": 80}, code=CODE)
    assert result.ok
    assert result.awaits is not None
    assert (result.awaits.form.prompt, result.awaits.expires_in) == ("Is 80 open?", 3600)


async def test_parameters_are_checked_before_a_process_starts(call: Call) -> None:
    faulty: list[dict[str, Any]] = [
        {},
        {"items": "x"},
        {"items": [], "kind": "c"},
        {"items": [], "context": {}},
    ]
    for params in faulty:
        result = await call("my_pack.group", params, code=CODE)
        assert code_of(result) == StepErrorCode.INVALID_INPUT


async def test_the_context_and_a_clean_environment_reach_the_function(
    call: Call, context: ToolContext
) -> None:
    result = await call("my_pack.surroundings", {}, code=CODE)
    assert result.data == {
        "run_id": "run-1",
        "tenant": "default",
        "pack": "my-pack",
        "flow": "look",
        "step_id": "step",
        "attempt": 2,
        "idempotency_key": "run-1/step",
        "workdir": str(context.workdir),
        "input_dir": str(context.input_dir),
        "data": {},
        "cwd": str(context.workdir),
        "env": ["HOME", "LANG", "PATH"],
        "argv0": "my-pack/tools.py",
    }


async def test_a_call_imports_no_third_party_code(call: Call) -> None:
    loaded = {name.partition(".")[0] for name in (await call("my_pack.modules", {}, code=CODE)).data}
    assert not loaded & {"pydantic", "jsonschema", "httpx", "yaml", "asyncio"}


async def test_failures_of_a_function_are_typed(call: Call) -> None:
    failures: list[tuple[str, dict[str, Any], StepErrorCode, str]] = [
        ("broken", {"x": 0}, StepErrorCode.BACKEND_ERROR, "ZeroDivisionError"),
        ("picky", {"x": 1}, StepErrorCode.INVALID_INPUT, "x must be even"),
        ("number", {}, StepErrorCode.CONTRACT_VIOLATION, "not JSON"),
        ("bye", {}, StepErrorCode.BACKEND_ERROR, "SystemExit"),
        ("die", {}, StepErrorCode.BACKEND_ERROR, "status 7"),
        ("greedy", {}, StepErrorCode.BACKEND_ERROR, "MemoryError"),
        ("large", {"size": 20_000_000}, StepErrorCode.CONTRACT_VIOLATION, "more than the limit"),
        ("_private", {}, StepErrorCode.NOT_FOUND, "no tool"),
    ]
    for name, params, code, words in failures:
        result = await call(f"my_pack.{name}", params, code=CODE)
        assert code_of(result) == code, name
        assert result.error is not None
        assert words in result.error.message, name
        assert "Traceback" not in result.model_dump_json(), name


async def test_an_error_names_the_line_in_the_packs_file(call: Call) -> None:
    result = await call("my_pack.broken", {"x": 0}, code=CODE)
    assert result.error is not None
    line = SOURCE.splitlines().index("    return 1 // x") + 1
    assert result.error.details == {"file": "tools.py", "line": line}
    assert f"my-pack/tools.py:{line}" in result.error.message


async def test_a_large_answer_under_the_limit_arrives_whole(call: Call) -> None:
    result = await call("my_pack.large", {"size": 8_000_000}, code=CODE)
    assert len(result.data) == 4_000_000


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_hanging_function_is_killed_with_what_it_started(
    call: Call, context: ToolContext, appears: Appears, cancelled: bool
) -> None:
    pid_file = context.workdir / "pid"
    task = asyncio.ensure_future(call("my_pack.hang", {}, code=CODE, timeout=60.0 if cancelled else 2.0))
    child = await appears(pid_file)
    if cancelled:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        assert code_of(await task) == StepErrorCode.TIMEOUT
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("x = 1\ndef f(:\n", 2, "syntax error"),
        ("\nimport no_such_module_at_all\n", 2, "ModuleNotFoundError"),
        ("def f(x): ...", 1, "has no type"),
        ("def f(x: bytes): ...", 1, "bytes"),
        ("def f(x: 'Missing'): ...", 1, "Missing"),
        ("def f(*many: int): ...", 1, "by name"),
        ("async def f(): ...", 1, "async def"),
        ("def Upper(): ...", None, "lower-case"),
        ("raise SystemExit", 1, "SystemExit"),
        ("import os\nos._exit(3)", None, "status 3"),
    ],
)
async def test_code_that_cannot_be_described_is_an_invalid_pack(
    source: str, line: int | None, words: str
) -> None:
    with pytest.raises(PackInvalid) as invalid:
        await describe_functions(PackCode("my-pack", "d", {"tools.py": source}), ToolLimits())
    problem = invalid.value.details["problems"][0]
    assert (problem["file"], problem["line"]) == ("tools.py", line)
    assert words in problem["message"]


async def test_code_that_takes_long_to_be_read_holds_up_no_other_pack(
    call: Call, context: ToolContext, appears: Appears
) -> None:
    source = f"""
import os, pathlib, time
place = pathlib.Path({str(context.workdir.parent)!r}) / "reading"
place.write_text(str(os.getpid()))
time.sleep(60)
"""
    slow = PackCode("slow", "d", {"tools.py": source})
    assert (await call("my_pack.group", {"items": []}, code=CODE)).ok
    reading = asyncio.ensure_future(call("slow.work", {}, code=slow))
    await appears(context.workdir.parent / "reading")
    known = await call("my_pack.group", {"items": []}, code=CODE)
    new = await call(
        "other.count", {}, code=PackCode("other", "d", {"tools.py": "def count() -> int: return 1"})
    )
    assert (known.ok, new.data, reading.done()) == (True, 1, False)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_code_is_read_once_for_all_that_ask_side_by_side(call: Call, context: ToolContext) -> None:
    place = context.workdir.parent / "read"
    source = f"open({str(place)!r}, 'a').write('x')\ndef count() -> int: return 1"
    code = PackCode("counted", "d", {"tools.py": source})
    results = await asyncio.gather(*(call("counted.gone", {}, code=code) for _ in range(3)))
    assert [result.error.code for result in results if result.error] == [StepErrorCode.NOT_FOUND] * 3
    assert await asyncio.to_thread(place.read_text) == "x"


async def test_a_pack_cannot_take_the_name_of_a_built_in_tool(context: ToolContext) -> None:
    async def log(params: dict[str, Any], _context: ToolContext) -> Any:
        return None

    registry = ToolRegistry()
    registry.register(ToolSpec(name="git.log"), log)
    code = PackCode("git", "d", {"tools.py": "def log() -> None: ..."})
    result = await ToolExecutor(registry, ToolLimits()).call("git.other", {}, context, code=code)
    assert result.error is not None
    assert "git.log is a built-in tool's name" in result.error.message


async def test_the_source_is_never_taken_from_a_directory(call: Call, context: ToolContext) -> None:
    context.workdir.mkdir(parents=True)
    (context.workdir / "json.py").write_text("raise RuntimeError('taken from the working directory')")
    (context.workdir / "tools.py").write_text("raise RuntimeError('taken from the working directory')")
    assert (await call("my_pack.group", {"items": []}, code=CODE)).ok


PARTS = {
    "tools.py": "from tools_words import loud\n\n\ndef shout(text: str) -> str:\n    return loud(text)\n",
    "tools_words.py": "def loud(text: str) -> str:\n    return text.upper() if text else fail()\n\n\n"
    'def fail() -> str:\n    raise ValueError("nothing to say")\n',
}


async def test_code_in_several_files_is_one_tool_box(call: Call) -> None:
    code = PackCode("my-pack", "parts-1", PARTS)
    assert [one.spec.name for one in await describe_functions(code, ToolLimits())] == ["my_pack.shout"]
    assert (await call("my_pack.shout", {"text": "a"}, code=code)).data == "A"
    failed = await call("my_pack.shout", {"text": ""}, code=code)
    assert failed.error is not None
    assert failed.error.message == "nothing to say (my-pack/tools_words.py:6)"
    assert failed.error.details == {"file": "tools_words.py", "line": 6}


async def test_a_part_that_cannot_be_described_is_named() -> None:
    files = {**PARTS, "tools_words.py": "x = 1\n)\n"}
    with pytest.raises(PackInvalid) as invalid:
        await describe_functions(PackCode("my-pack", "parts-2", files), ToolLimits())
    problem = invalid.value.details["problems"][0]
    assert (problem["file"], problem["line"]) == ("tools_words.py", 2)
