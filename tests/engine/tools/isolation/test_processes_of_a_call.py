"""What a call starts is gone with it, and no more than the operator allows lives at once."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import StepErrorCode
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import PackCode, ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.process import cgroup
from engine.tools.process.limit_words import met_limit
from tests.engine.tools.isolation.alive import ROOT, alive, ended, working_in

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.tool import ToolResult
    from tests.engine.tools.conftest import Appears, Call

LEAVES = (
    "setsid sh -c 'trap \"\" TERM HUP; echo $$ > pid.tmp; mv pid.tmp pid; sleep 600' </dev/null >&- 2>&- &"
)
WAITS = "while [ ! -s pid ]; do sleep 0.01; done"


async def command(limits: ToolLimits, context: ToolContext, *argv: str, **params: Any) -> ToolResult:
    executor = ToolExecutor(builtin_registry(), limits)
    return await executor.call("command.run", {"argv": list(argv), **params}, context)


async def test_a_child_that_left_the_session_is_gone_with_its_step(
    appears: Appears, call: Call, context: ToolContext
) -> None:
    result = await call("command.run", {"argv": ["sh", "-c", f"{LEAVES} {WAITS}; echo ok"]})
    assert result.data["stdout"] == "ok\n"
    assert not alive(await appears(context.workdir / "pid"))


async def test_a_child_that_left_the_session_twice_is_gone_too(
    appears: Appears, call: Call, context: ToolContext
) -> None:
    twice = "setsid setsid sh -c 'echo $$ > pid.tmp; mv pid.tmp pid; sleep 600' >/dev/null 2>&1 & "
    assert (await call("command.run", {"argv": ["sh", "-c", twice + WAITS]})).ok
    assert not alive(await appears(context.workdir / "pid"))


async def test_a_cancelled_call_takes_along_what_left_its_session(
    appears: Appears, call: Call, context: ToolContext
) -> None:
    task = asyncio.ensure_future(call("command.run", {"argv": ["sh", "-c", f"{LEAVES} sleep 600"]}))
    left = await appears(context.workdir / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(left)


async def test_a_command_that_kills_its_own_group_ends_itself_only(call: Call) -> None:
    result = await call("command.run", {"argv": ["sh", "-c", "echo before; kill -9 0"], "check": False})
    assert (result.data["returncode"], result.data["stdout"]) == (-9, "before\n")


async def test_a_packs_tool_leaves_nothing_either(appears: Appears, call: Call, context: ToolContext) -> None:
    source = (
        "import pathlib, subprocess, time\n"
        "def go() -> str:\n"
        "    argv = ['setsid', 'sh', '-c', 'echo $$ > pid.tmp; mv pid.tmp pid; sleep 600']\n"
        "    subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "    while not pathlib.Path('pid').exists():\n"
        "        time.sleep(0.01)\n"
        "    return 'ok'\n"
    )
    result = await call("my_pack.go", {}, code=PackCode("my-pack", "d1", {"tools.py": source}))
    assert result.data == "ok"
    assert not alive(await appears(context.workdir / "pid"))


@pytest.mark.system
async def test_what_left_the_session_dies_with_a_killed_worker(appears: Appears, tmp_path: Path) -> None:
    script = (
        "import asyncio, pathlib, sys\n"
        "from engine.tools.process.command_runner import CommandRunner\n"
        "from engine.tools.context import ToolLimits\n"
        "argv = ['sh', '-c', sys.argv[2]]\n"
        "asyncio.run(CommandRunner().run(argv, pathlib.Path(sys.argv[1]), limits=ToolLimits()))\n"
    )
    worker = subprocess.Popen(  # noqa: ASYNC220 - a worker of its own, to be killed
        [sys.executable, "-c", script, str(tmp_path), f"{LEAVES} sleep 600"], cwd=ROOT
    )
    try:
        left = await appears(tmp_path / "pid")
    finally:
        worker.send_signal(signal.SIGKILL)
        await asyncio.to_thread(worker.wait)
    await asyncio.to_thread(ended, left)


async def test_more_processes_than_allowed_end_the_call_and_the_limit_is_named(
    limits: ToolLimits, context: ToolContext
) -> None:
    bomb = "for i in $(seq 40); do sleep 60 & done; wait"
    few = replace(limits, processes=8)
    result = await command(few, context, "sh", "-c", bomb)
    assert result.error is not None
    assert result.error.code is StepErrorCode.BACKEND_ERROR
    assert "tools.processes: 8" in result.error.message
    assert (await command(few, context, "sh", "-c", "sleep 0.2 & sleep 0.2 & wait")).ok


@pytest.mark.parametrize("again", ["sh again.sh", "setsid sh again.sh"])
async def test_processes_that_multiply_without_end_are_ended(
    limits: ToolLimits, context: ToolContext, again: str
) -> None:
    (context.workdir).mkdir()
    (context.workdir / "again.sh").write_text(f"{again} & {again} & sleep 60\n")
    result = await command(replace(limits, processes=60), context, "sh", "again.sh")
    assert result.error is not None
    assert "tools.processes: 60" in result.error.message
    assert await asyncio.to_thread(working_in, context.workdir) == []


async def test_memory_beyond_the_limit_fails_and_the_limit_is_named(
    limits: ToolLimits, context: ToolContext
) -> None:
    small = replace(limits, memory_bytes=200 << 20, command_allowlist=frozenset({sys.executable}))
    result = await command(small, context, sys.executable, "-c", "bytearray(400 << 20)")
    assert result.error is not None
    assert "tools.memory_mb: 200 MiB" in result.error.message
    reserved = (
        "import mmap; m = mmap.mmap(-1, 3 << 30, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ); print(7)"
    )
    assert (await command(small, context, sys.executable, "-c", reserved)).data["stdout"] == "7\n"


@pytest.mark.skipif(shutil.which("java") is None, reason="there is no java here")
async def test_java_starts_under_the_usual_limit(limits: ToolLimits, context: ToolContext) -> None:
    with_java = replace(limits, command_allowlist=frozenset({"java"}), memory_bytes=1024 << 20)
    result = await command(with_java, context, "java", "-version")
    assert result.ok, result.error
    refused = await command(replace(with_java, processes=8), context, "java", "-version")
    assert refused.error is None or "tools.processes: 8" in refused.error.message


async def test_processor_time_beyond_the_limit_is_named(limits: ToolLimits, context: ToolContext) -> None:
    result = await command(replace(limits, cpu_seconds=1), context, "sh", "-c", "while :; do :; done")
    assert result.error is not None
    assert "tools.cpu_seconds: 1 s" in result.error.message


@pytest.mark.parametrize(
    ("returncode", "ended_by", "words", "named"),
    [
        (1, None, "java.lang.OutOfMemoryError: Java heap space", "tools.memory_mb: 1024 MiB"),
        (134, None, "terminate called after throwing an instance of 'std::bad_alloc'", "tools.memory_mb"),
        (2, None, "sh: 1: Cannot fork: Resource temporarily unavailable\n", "tools.processes: 1024"),
        (1, None, "OSError: [Errno 24] Too many open files", "tools.open_files: 256"),
        (-9, "memory", "", "it met the limit tools.memory_mb"),
        (-9, "processes", "", "it met the limit tools.processes"),
        (0, None, "MemoryError was handled", None),
        (1, None, "AssertionError", None),
    ],
)
def test_the_limit_a_process_met_is_named(
    returncode: int, ended_by: str | None, words: str, named: str | None
) -> None:
    told = met_limit(returncode, ended_by, words, ToolLimits())
    assert told is None if named is None else named in str(told)


def test_a_cgroup_gets_its_limits_and_says_which_was_met(tmp_path: Path) -> None:
    made = cgroup.make(tmp_path, 1 << 20, 9)
    assert ((made / "memory.max").read_text(), (made / "pids.max").read_text()) == ("1048576", "9")
    assert cgroup.met_limit(made) is None
    (made / "pids.events").write_text("max 2\n")
    assert cgroup.met_limit(made) == "processes"
    (made / "memory.events").write_text("low 0\nhigh 0\nmax 4\noom 1\noom_kill 1\n")
    assert cgroup.met_limit(made) == "memory"


async def test_the_environment_holds_what_the_settings_allow(
    limits: ToolLimits, context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("VASINI_HOME", "VASINI_SECRETS__TOKEN", "REGION"):
        monkeypatch.setenv(name, "hunter2")
    listed = replace(limits, command_env=frozenset({"REGION", "TOKEN"}))
    result = await command(listed, context, "env", env={"REGION": "eu", "TOKEN": "t"}, parse="lines")
    names = {line.partition("=")[0] for line in result.data["stdout"]}
    assert {"REGION=eu", "TOKEN=t"} <= set(result.data["stdout"])
    assert names <= {"PATH", "LANG", "HOME", "PWD", "SHLVL", "_", "REGION", "TOKEN"}
    refused = await command(listed, context, "env", env={"LD_PRELOAD": "x.so"})
    assert refused.error is not None
    assert refused.error.code is StepErrorCode.PERMISSION_DENIED
    assert "tools.command_env" in refused.error.message


async def test_a_secret_in_the_environment_comes_back_from_nowhere(
    limits: ToolLimits, context: ToolContext
) -> None:
    listed = replace(limits, command_env=frozenset({"TOKEN"}))
    executor = ToolExecutor(builtin_registry(), listed, {"deploy": "s3cret-value"})
    params = {"argv": ["sh", "-c", "echo $TOKEN; exit 1"], "env": {"TOKEN": {"$secret": "deploy"}}}
    failed = await executor.call("command.run", params, context)
    shown = await executor.call("command.run", {**params, "check": False}, context)
    assert failed.error is not None
    assert "s3cret-value" not in str(failed) + str(shown)
    assert failed.error.details["stdout"].strip() == shown.data["stdout"].strip() != ""


@pytest.mark.parametrize(
    ("written", "parse", "value"),
    [
        ("a\\nb\\n", "text", "a\nb\n"),
        ("a\\nb\\n", "lines", ["a", "b"]),
        ("", "lines", []),
        ("a\\r\\n\\n\\302\\205 b\\f\\342\\200\\250c", "lines", ["a", "", "\x85 b\f\u2028c"]),
        ('{"a": [1, 2.5]}', "json", {"a": [1, 2.5]}),
        ('"so \\\\ud83d"', "json", "so \ufffd"),
    ],
)
async def test_output_is_parsed_as_asked(call: Call, written: str, parse: str, value: Any) -> None:
    result = await call("command.run", {"argv": ["sh", "-c", f"printf '{written}'"], "parse": parse})
    assert result.data["stdout"] == value


@pytest.mark.parametrize("written", ["", "no", "NaN", "{"])
async def test_output_that_is_no_json_fails_with_what_it_was(call: Call, written: str) -> None:
    result = await call("command.run", {"argv": ["echo", written], "parse": "json"})
    assert result.error is not None
    assert result.error.code is StepErrorCode.CONTRACT_VIOLATION
    assert result.error.details["stdout"] == written + "\n"


async def test_output_that_is_nested_without_end_is_no_json(call: Call) -> None:
    result = await call("command.run", {"argv": ["echo", "[" * 100_000], "parse": "json"})
    assert result.error is not None
    assert result.error.code is StepErrorCode.CONTRACT_VIOLATION


async def test_too_much_output_fails_for_good_and_keeps_its_end(
    limits: ToolLimits, context: ToolContext
) -> None:
    small = replace(limits, max_output_bytes=1000)
    script = "seq 1000; echo the end; echo why >&2"
    result = await command(small, context, "sh", "-c", script)
    assert result.error is not None
    assert result.error.recoverable is False
    assert "tools.max_output_bytes" in result.error.message
    assert result.error.details["stdout"].endswith("\n1000\nthe end\n")
    assert result.error.details["stderr"] == "why\n"
