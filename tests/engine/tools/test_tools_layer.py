"""What a pack's tools layer says binds every call, at the executor."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.layers.tools import Tools
from engine.contracts.status import Risk, StepErrorCode
from engine.contracts.tool import ToolResult, ToolSpec
from engine.governance.tools_layer import ToolsLayer, highest_risk, tools_layer
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import CallRules, ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.registry import ToolRegistry
from engine.tools.scopes import opened_scopes

if TYPE_CHECKING:
    from pathlib import Path


def layer(*available: dict[str, Any], **more: Any) -> ToolsLayer:
    return tools_layer(
        Tools.model_validate(
            {"available": [{"name": "x", **tool} for tool in available], **more}, strict=False
        )
    )


async def outcome(
    rules: CallRules, context: ToolContext, tool: str, limits: ToolLimits | None = None, **params: Any
) -> ToolResult:
    executor = ToolExecutor(builtin_registry(), limits or ToolLimits())
    return await executor.call(tool, params, context, rules=rules)


def message_of(result: ToolResult) -> str:
    assert result.error is not None
    assert result.error.code is StepErrorCode.PERMISSION_DENIED
    return result.error.message


READ = {"id": "files.read", "sandbox": {"filesystem": "read_only"}}


@pytest.mark.parametrize("denied", ["text.report", " Text.Report "])
async def test_a_denied_tool_is_not_called(context: ToolContext, denied: str) -> None:
    rules = CallRules(layer=tools_layer(Tools(denied=(denied,))))
    assert "tools.denied" in message_of(await outcome(rules, context, "text.report", title="t", body="b"))


async def test_only_what_is_offered_is_called(context: ToolContext) -> None:
    rules = CallRules(layer=layer(READ))
    assert "does not offer" in message_of(await outcome(rules, context, "text.report", title="t", body="b"))
    nothing = CallRules(layer=tools_layer(Tools(denied=("http.get",))))
    assert (await outcome(nothing, context, "text.report", title="t", body="b")).ok


async def test_a_call_that_needs_an_approval_is_refused_without_one(context: ToolContext) -> None:
    rules = CallRules(layer=layer({"id": "text.report", "requires_approval": True}))
    assert "approved" in message_of(await outcome(rules, context, "text.report", title="t", body="b"))
    assert (await outcome(replace(rules, approved=True), context, "text.report", title="t", body="b")).ok


async def test_the_shorter_time_counts_and_is_named(context: ToolContext) -> None:
    async def hang(_params: dict[str, Any], _context: ToolContext) -> Any:
        await asyncio.Event().wait()

    registry = ToolRegistry()
    registry.register(ToolSpec(name="test.hang"), hang)
    rules = CallRules(layer=layer({"id": "test.hang", "sandbox": {"timeout": "50ms"}}), timeout=60)
    result = await ToolExecutor(registry, ToolLimits()).call("test.hang", {}, context, rules=rules)
    assert result.error is not None
    assert result.error.code is StepErrorCode.TIMEOUT
    assert result.error.message == (
        "tool 'test.hang' did not end within 0.05 s (sandbox.timeout of the pack's tools layer)"
    )


@pytest.mark.parametrize(
    ("filesystem", "reads", "writes"),
    [("none", False, False), ("read_only", True, False), ("read_write", True, True)],
)
async def test_files_are_touched_as_far_as_the_layer_says(
    context: ToolContext, root: Path, filesystem: str, reads: bool, writes: bool
) -> None:
    (root / "a.txt").write_text("a")
    sandbox = {"filesystem": filesystem}
    rules = CallRules(
        layer=layer({"id": "files.read", "sandbox": sandbox}, {"id": "files.write", "sandbox": sandbox})
    )
    read = await outcome(rules, context, "files.read", root=str(root), path="a.txt")
    written = await outcome(rules, context, "files.write", root=str(root), path="b.txt", text="b")
    assert (read.ok, written.ok) == (reads, writes)
    for result in (read, written):
        assert result.ok or f"filesystem: {filesystem}" in message_of(result)


async def test_a_scoped_tool_stays_below_its_directories(context: ToolContext, root: Path) -> None:
    (root / "in").mkdir()
    (root / "in" / "link").symlink_to(root)
    sandbox = {"filesystem": "scoped", "scoped_paths": ["{{ payload.dir }}"]}
    rules = CallRules(
        layer=layer({"id": "files.write", "sandbox": sandbox}), scopes={"files.write": (root / "in",)}
    )
    inside = await outcome(rules, context, "files.write", root=str(root), path="in/a.txt", text="a")
    assert inside.ok
    beside = await outcome(rules, context, "files.write", root=str(root), path="a.txt", text="a")
    linked = await outcome(rules, context, "files.write", root=str(root / "in"), path="link/a.txt", text="a")
    assert "scoped_paths" in message_of(beside)
    assert not linked.ok
    assert not (root / "a.txt").exists()


async def test_a_link_in_the_place_of_a_scoped_directory_opens_nothing(
    context: ToolContext, root: Path
) -> None:
    scope = context.workdir / "out"
    scope.mkdir(parents=True)
    files = {"filesystem": "scoped", "scoped_paths": ["out"]}
    bound = layer({"id": "files.write", "sandbox": files}, {"id": "files.read", "sandbox": files})
    scopes = opened_scopes({"files.write": ["out"], "files.read": ["out"]}, context.workdir)
    rules = CallRules(layer=bound, scopes=scopes)
    (root / "a.txt").write_text("not for it")
    assert (await outcome(rules, context, "files.write", root=str(scope), path="a.txt", text="a")).ok
    (scope / "a.txt").unlink()
    scope.rmdir()
    scope.symlink_to(root)  # as an isolated call may, which sees the work folder alone
    for params in ({"root": str(scope)}, {"root": str(root)}):
        limits = ToolLimits(allowed_roots=(root.parent,))  # its scope has not been looked at before
        read = await outcome(rules, context, "files.read", limits, path="a.txt", **params)
        written = await outcome(rules, context, "files.write", limits, path="b.txt", text="b", **params)
        assert "scoped_paths" in message_of(read)
        assert "scoped_paths" in message_of(written)
    assert not (root / "b.txt").exists()


async def test_a_work_folder_that_is_reached_over_a_link_is_the_work_folder(tmp_path: Path) -> None:
    (tmp_path / "real" / "run").mkdir(parents=True)
    (tmp_path / "home").symlink_to(tmp_path / "real")
    work = tmp_path / "home" / "run" / "work"
    context = ToolContext("run-1", "step", 1, "run-1/step", "default", work)
    files = {"filesystem": "scoped", "scoped_paths": ["out"]}
    rules = CallRules(
        layer=layer({"id": "files.write", "sandbox": files}),
        scopes=opened_scopes({"files.write": ["out"]}, work),
    )
    work.mkdir()
    written = await outcome(rules, context, "files.write", root=str(work), path="out/a.txt", text="a")
    assert written.ok, written.error


@pytest.mark.parametrize(
    ("sandbox", "reached"),
    [
        ({}, False),
        ({"network": "egress_allowlist", "egress_allowlist": ["example.org"]}, False),
        ({"network": "egress_allowlist", "egress_allowlist": ["LOCALHOST:1"]}, True),
        ({"network": "egress_allowlist", "egress_allowlist": ["localhost", "localhost:2"]}, False),
        ({"network": "full"}, True),
    ],
)
async def test_hosts_are_reached_as_far_as_the_layer_says(
    context: ToolContext, sandbox: dict[str, Any], reached: bool
) -> None:
    rules = CallRules(layer=layer({"id": "http.get", "sandbox": sandbox}))
    limits = ToolLimits(allowed_private_hosts=frozenset({"LocalHost."}))
    result = await outcome(rules, context, "http.get", limits, url="http://localhost:1/")
    assert result.error is not None
    assert (result.error.code is StepErrorCode.TEMPORARY) is reached  # nobody answers at that port
    assert reached or "out of reach" in message_of(result)


async def test_a_host_without_a_port_is_reached_at_the_usual_ones(context: ToolContext) -> None:
    """Nothing is sent: where the host may be reached, its address is the next thing that is in the way."""
    bounds = {"network": "egress_allowlist", "egress_allowlist": ["LOCALHOST."]}
    rules = CallRules(layer=layer({"id": "http.get", "sandbox": bounds}))
    reached = []
    for url in ("http://localhost/", "https://LocalHost/", "http://localhost:8080/", "https://localhost:1/"):
        words = message_of(await outcome(rules, context, "http.get", ToolLimits(), url=url))
        reached.append("private or reserved address" in words)
        assert reached[-1] or "out of reach" in words
    assert reached == [True, True, False, False]


async def test_memory_of_a_process_is_what_the_smaller_limit_says(context: ToolContext) -> None:
    limits = ToolLimits(command_allowlist=frozenset({"sh"}), memory_bytes=512 * 1024**2)
    for written, expected in (("64Mi", 64), ("4Gi", 512)):
        sandbox = {"memory_limit": written, "filesystem": "read_write"}
        rules = CallRules(layer=layer({"id": "command.run", "sandbox": sandbox}))
        result = await outcome(rules, context, "command.run", limits, argv=["sh", "-c", "ulimit -d"])
        assert result.data["stdout"].strip() == str(expected * 1024)
        out_of_memory = ["sh", "-c", "echo MemoryError; exit 1"]
        failed = await outcome(rules, context, "command.run", limits, argv=out_of_memory)
        assert failed.error is not None
        assert f"{expected} MiB" in failed.error.message
        assert ("tools layer" if expected == 64 else "tools.memory_mb") in failed.error.message


async def test_a_call_keeps_to_its_processors(context: ToolContext, tmp_path: Path) -> None:
    limits = ToolLimits(allowed_roots=(tmp_path,), command_allowlist=frozenset({sys.executable}))
    argv = [sys.executable, "-c", "import os; print(len(os.sched_getaffinity(0)))"]
    sandbox = {"filesystem": "read_write", "network": "full", "timeout": "60s", "memory_limit": "1Gi"}
    for processors, kept in (("500m", 1), ("1", 1), ("999", len(os.sched_getaffinity(0)))):
        rules = CallRules(layer=layer({"id": "command.run", "sandbox": {**sandbox, "cpu_limit": processors}}))
        result = await outcome(rules, context, "command.run", limits, argv=argv)
        assert result.data["stdout"].split() == [str(kept)], result.error


async def test_who_uses_more_than_its_share_of_a_processor_is_ended_and_the_limit_is_named(
    context: ToolContext, tmp_path: Path
) -> None:
    limits = ToolLimits(allowed_roots=(tmp_path,), command_allowlist=frozenset({"sh"}))
    sandbox = {"filesystem": "read_write", "network": "full", "timeout": "50s", "cpu_limit": "20m"}
    rules = CallRules(layer=layer({"id": "command.run", "sandbox": sandbox}))
    result = await outcome(rules, context, "command.run", limits, argv=["sh", "-c", "while :; do :; done"])
    assert result.error is not None
    assert "cpu_limit (0.02 processors) of the pack's tools layer: 1 s" in result.error.message


def test_the_highest_risk_counts() -> None:
    assert highest_risk(Risk.LOW, None, Risk.CRITICAL, Risk.HIGH) is Risk.CRITICAL
    assert highest_risk(None) is Risk.LOW
