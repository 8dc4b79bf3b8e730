from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.contracts.status import StepErrorCode
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.process.command_runner import CommandRunner
from tests.engine.tools.isolation.alive import ROOT, alive, ended

if TYPE_CHECKING:
    from engine.contracts.tool import ToolResult
    from tests.engine.tools.conftest import Appears, Call


# a leader and a grandchild that both ignore SIGTERM; the grandchild tells its process id
STUBBORN = (
    "trap '' TERM; "
    "sh -c 'trap \"\" TERM; echo $$ > pid.tmp; mv pid.tmp pid; while :; do sleep 1; done' & wait; wait"
)


def code_of(result: ToolResult) -> StepErrorCode:
    assert result.error is not None, result.data
    return result.error.code


def descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


async def test_a_command_returns_its_outputs_and_status(call: Call) -> None:
    result = await call("command.run", {"argv": ["sh", "-c", "cat; echo err >&2"], "stdin": "in"})
    assert result.data == {"returncode": 0, "stdout": "in", "stderr": "err\n"}
    assert (result.meta.backend, result.meta.sandbox) == ("command", "process")


async def test_a_failing_command_tells_its_status_and_last_words(call: Call) -> None:
    argv = ["sh", "-c", "echo FAILED test_x; echo why >&2; exit 3"]
    checked = await call("command.run", {"argv": argv})
    unchecked = await call("command.run", {"argv": argv, "check": False})
    assert code_of(checked) == StepErrorCode.BACKEND_ERROR
    assert checked.error is not None
    assert checked.error.details == {"returncode": 3, "stdout": "FAILED test_x\n", "stderr": "why\n"}
    assert unchecked.data["returncode"] == 3


async def test_no_command_runs_until_the_operator_lists_it(tmp_path: Path, context: ToolContext) -> None:
    limits = ToolLimits(allowed_roots=(tmp_path,))
    result = await ToolExecutor(builtin_registry(), limits).call(
        "command.run", {"argv": ["echo", "x"]}, context
    )
    assert code_of(result) == StepErrorCode.PERMISSION_DENIED
    assert result.error is not None
    assert "tools.command_allowlist" in result.error.message


@pytest.mark.parametrize("name", ["ls", "/bin/sh", "./sh"])
async def test_only_the_listed_name_itself_is_allowed(call: Call, name: str) -> None:
    assert code_of(await call("command.run", {"argv": [name]})) == StepErrorCode.PERMISSION_DENIED


async def test_arguments_are_never_read_by_a_shell(call: Call) -> None:
    result = await call("command.run", {"argv": ["echo", "$HOME; ls > x", "*"]})
    assert result.data["stdout"] == "$HOME; ls > x *\n"


async def test_nul_in_an_argument_is_invalid(call: Call) -> None:
    assert code_of(await call("command.run", {"argv": ["echo", "a\x00b"]})) == StepErrorCode.INVALID_INPUT


async def test_the_environment_holds_nothing_of_ours(
    call: Call, context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hunter2")
    result = await call("command.run", {"argv": ["env"]})
    names = {line.partition("=")[0] for line in result.data["stdout"].splitlines()}
    assert names <= {"PATH", "LANG", "HOME", "PWD", "SHLVL", "_"}
    assert f"HOME={context.workdir}" in result.data["stdout"].splitlines()


async def test_what_somebody_else_made_is_no_home_of_a_command_that_runs_there(
    call: Call, context: ToolContext, root: Path
) -> None:
    (root / ".gitconfig").write_text("[core]\n\tfsmonitor = ./runs-what-it-likes\n")
    result = await call("command.run", {"argv": ["sh", "-c", "echo $HOME; ls -a ~"], "cwd": str(root)})
    home, *seen = result.data["stdout"].splitlines()
    assert home == str(context.workdir)
    assert ".gitconfig" not in seen


async def test_the_working_directory_is_the_runs_own_or_an_allowed_one(
    call: Call, context: ToolContext, root: Path
) -> None:
    own = await call("command.run", {"argv": ["sh", "-c", "pwd"]})
    given = await call("command.run", {"argv": ["sh", "-c", "pwd"], "cwd": str(root)})
    assert own.data["stdout"].strip() == str(context.workdir)
    assert given.data["stdout"].strip() == str(root)
    for outside in ("/etc", "..", "missing"):
        assert not (await call("command.run", {"argv": ["echo"], "cwd": outside})).ok


async def test_limits_are_in_force_inside_the_command(tmp_path: Path, context: ToolContext) -> None:
    limits = ToolLimits(
        allowed_roots=(tmp_path,), command_allowlist=frozenset({"sh"}), open_files=40, cpu_seconds=7
    )
    result = await ToolExecutor(builtin_registry(), limits).call(
        "command.run", {"argv": ["sh", "-c", "ulimit -n; ulimit -t; ulimit -c; ulimit -d"]}, context
    )
    assert result.data["stdout"].split() == ["40", "7", "0", str(limits.memory_bytes // 1024)]


async def test_a_timeout_kills_grandchildren_that_ignore_sigterm(
    appears: Appears, call: Call, context: ToolContext
) -> None:
    result = await call("command.run", {"argv": ["sh", "-c", STUBBORN]}, timeout=1.0)
    assert code_of(result) == StepErrorCode.TIMEOUT
    assert not alive(await appears(context.workdir / "pid"))


async def test_cancellation_passes_through_once_the_group_is_gone(
    appears: Appears, call: Call, context: ToolContext
) -> None:
    task = asyncio.ensure_future(call("command.run", {"argv": ["sh", "-c", STUBBORN]}))
    grandchild = await appears(context.workdir / "pid")
    assert alive(grandchild)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(grandchild)


async def test_a_second_cancellation_does_not_leave_the_group_behind(
    appears: Appears, call: Call, context: ToolContext
) -> None:
    task = asyncio.ensure_future(call("command.run", {"argv": ["sh", "-c", STUBBORN]}))
    grandchild = await appears(context.workdir / "pid")
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(grandchild)


async def test_what_a_command_leaves_running_ends_with_it(
    appears: Appears, call: Call, context: ToolContext
) -> None:
    # the leader is gone at once, its child holds both pipes
    argv = ["sh", "-c", "(trap '' TERM; sleep 600) & echo $! > pid; echo done"]
    result = await call("command.run", {"argv": argv})
    assert result.data["stdout"] == "done\n"
    assert not alive(await appears(context.workdir / "pid"))


async def test_a_graceful_command_may_clean_up_on_sigterm(
    appears: Appears, tmp_path: Path, context: ToolContext
) -> None:
    limits = ToolLimits(
        allowed_roots=(tmp_path,), command_allowlist=frozenset({"sh"}), kill_grace_seconds=20.0
    )
    executor = ToolExecutor(builtin_registry(), limits)
    script = "trap 'echo cleaned > cleaned; exit 0' TERM; echo $$ > pid; while :; do sleep 0.05; done"
    task = asyncio.ensure_future(executor.call("command.run", {"argv": ["sh", "-c", script]}, context))
    await appears(context.workdir / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (context.workdir / "cleaned").exists()


async def test_ten_megabytes_go_in_and_endless_output_stays_bounded(call: Call) -> None:
    large = await call("command.run", {"argv": ["sh", "-c", "wc -c"], "stdin": "x" * 10_000_000})
    endless = await call("command.run", {"argv": ["sh", "-c", "head -c 30000000 /dev/zero"]})
    assert large.data["stdout"].strip() == "10000000"
    assert code_of(endless) == StepErrorCode.CONTRACT_VIOLATION


async def test_outputs_are_cut_at_the_limit_and_no_descriptor_is_left(tmp_path: Path) -> None:
    limits = ToolLimits(max_output_bytes=1000)
    argv = ["sh", "-c", "head -c 5000 /dev/zero; echo e >&2"]
    await CommandRunner().run(argv, tmp_path, limits=limits)
    before = descriptors()
    outcome = await CommandRunner().run(argv, tmp_path, limits=limits)
    assert (len(outcome.stdout), outcome.stderr, outcome.truncated) == (1000, b"e\n", True)
    assert descriptors() == before


@pytest.mark.system
async def test_a_command_dies_with_its_worker(appears: Appears, tmp_path: Path) -> None:
    script = (
        "import asyncio, pathlib, sys\n"
        "from engine.tools.process.command_runner import CommandRunner\n"
        "from engine.tools.context import ToolLimits\n"
        "here = pathlib.Path(sys.argv[1])\n"
        "argv = ['sh', '-c', 'echo $$ > pid.tmp; mv pid.tmp pid; exec sleep 600']\n"
        "asyncio.run(CommandRunner().run(argv, here, limits=ToolLimits()))\n"
    )
    worker = subprocess.Popen(  # noqa: ASYNC220 - a worker of its own, to be killed
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT
    )
    try:
        command = await appears(tmp_path / "pid")
    finally:
        worker.send_signal(signal.SIGKILL)
        await asyncio.to_thread(worker.wait)
    await asyncio.to_thread(ended, command)
