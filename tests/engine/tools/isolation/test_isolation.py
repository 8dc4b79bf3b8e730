"""Who gets the level `isolated`, and what a call sees there; nothing is less than was demanded."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from engine.contracts.layers.tools import Tools
from engine.contracts.sandbox_level import highest_wish
from engine.contracts.status import StepErrorCode
from engine.errors import PackInvalid
from engine.governance.tools_layer import tools_layer
from engine.tools.builtin.all import builtin_registry
from engine.tools.context import CallRules, PackCode
from engine.tools.executor import ToolExecutor
from engine.tools.sandbox.bubblewrap import bubblewrap, tried
from engine.tools.sandbox.mounts import mount_arguments
from engine.tools.sandbox_spec import SandboxSpec
from tests.engine.tools.git.made_repository import made_repository
from tests.engine.tools.isolation.isolating import Machine, layer, machine_in, nothing_isolates
from tests.permissions import permissions_bind

if TYPE_CHECKING:
    from engine.contracts.sandbox_level import SandboxWish

HELLO = {"argv": ["sh", "-c", "echo hello"]}
CODE = PackCode("my-pack", "d1", {"tools.py": "def hello() -> str:\n    return 'hello'\n"})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return machine_in(tmp_path, sys.executable)


@pytest.mark.parametrize(
    ("setting", "wish", "here", "without"),
    [
        ("auto", None, "process", "process"),
        ("auto", "isolated_if_possible", "isolated", "process"),
        ("auto", "isolated", "isolated", "refused"),
        ("process", "isolated_if_possible", "process", "process"),
        ("process", "isolated", "isolated", "refused"),
        ("isolated", None, "isolated", "refused"),
        ("isolated", "isolated_if_possible", "isolated", "refused"),
    ],
)
async def test_the_level_is_never_less_than_what_is_demanded(
    machine: Machine,
    setting: Literal["auto", "process", "isolated"],
    wish: SandboxWish | None,
    here: str,
    without: str,
) -> None:
    limits = replace(machine.limits, sandbox=setting)
    for program, expected in ((bubblewrap, here), (nothing_isolates, without)):
        executor = ToolExecutor(builtin_registry(), limits, {}, program)
        rules = CallRules(sandbox=wish)
        result = await executor.call("command.run", HELLO, machine.context, rules=rules)
        if expected != "refused":
            assert result.ok, result.error
            assert result.meta.sandbox == expected
            continue
        assert result.error is not None
        assert (result.error.code, result.error.recoverable) == (StepErrorCode.PERMISSION_DENIED, False)
        assert result.error.details["reason"] == "sandbox_unavailable"
        assert "bubblewrap is not there" in result.error.message


@pytest.mark.parametrize("where", ["tool", "pack"])
async def test_a_pack_demands_the_level_for_a_tool_or_for_all(machine: Machine, where: str) -> None:
    bound = layer("command.run", filesystem="scoped", scoped_paths=["/srv"])
    if where == "pack":
        bound = tools_layer(Tools.model_validate({"tool_policies": {"level": "isolated"}}, strict=False))
    result = await machine.call("command.run", HELLO, rules=CallRules(layer=bound))
    assert result.meta.sandbox == "isolated"
    refused = await ToolExecutor(builtin_registry(), machine.limits, {}, nothing_isolates).call(
        "command.run", HELLO, machine.context, rules=CallRules(layer=bound)
    )
    assert refused.error is not None
    assert "its pack, step or parameters" in refused.error.message


async def test_what_has_no_process_is_isolated_by_nobody(machine: Machine) -> None:
    params = {"title": "t", "body": "b"}
    refused = await machine.call("text.report", params, "isolated")
    assert refused.error is not None
    assert refused.error.details["reason"] == "sandbox_unavailable"
    for setting in ("auto", "isolated"):
        made = await machine.call("text.report", params, "isolated_if_possible", sandbox=setting)
        assert made.meta.sandbox == "policy"


async def test_a_packs_own_tools_are_isolated_and_so_is_reading_what_it_offers(machine: Machine) -> None:
    assert (await machine.call("my_pack.hello", {}, "isolated", code=CODE)).data == "hello"
    source = f"open({str(machine.secret)!r}).read()\ndef hello() -> str:\n    return 'hello'\n"
    peeks = PackCode("my-pack", "d2", {"tools.py": source}, "isolated")
    executor = ToolExecutor(builtin_registry(), machine.limits)
    with pytest.raises(PackInvalid, match="No such file"):
        await executor.offered("my_pack.hello", peeks)
    assert await executor.offered("my_pack.hello", replace(peeks, digest="d3", sandbox="process")) is not None
    refusing = ToolExecutor(builtin_registry(), machine.limits, {}, nothing_isolates)
    refused = await refusing.call("my_pack.hello", {}, machine.context, code=peeks)
    assert refused.error is not None
    assert refused.error.details["reason"] == "sandbox_unavailable"


async def test_what_was_attached_to_the_start_is_read_and_not_written(machine: Machine) -> None:
    attached = machine.workdir.parent / "input" / "log.txt"
    attached.parent.mkdir()
    attached.write_text("what happened")

    read = await machine.shell("isolated", f"cat {attached}; echo x > {attached} || echo kept")
    none = await machine.call(
        "command.run",
        {"argv": ["sh", "-c", f"cat {attached}"], "check": False},
        rules=CallRules(layer=layer("command.run", filesystem="none")),
    )

    assert read.data["stdout"] == "what happenedkept\n"
    assert none.meta.sandbox == "isolated"
    assert none.data["stdout"] == ""
    assert attached.read_text() == "what happened"


async def test_git_and_searches_see_what_they_read_and_no_more(machine: Machine, tmp_path: Path) -> None:
    root = str(made_repository(tmp_path / "repository"))
    for tool, params in (("git.log", {"repo": root}), ("git.status", {"repo": root})):
        result = await machine.call(tool, params)
        assert result.ok, result.error
        assert result.meta.sandbox == "isolated", "wherever that can be had"
        assert (await machine.call(tool, params, sandbox="process")).meta.sandbox == "process"
    found = await machine.call("files.search", {"root": root, "pattern": "two"}, "isolated")
    assert [match["path"] for match in found.data["matches"]] == ["a.txt"]


LOOK = "cat {secret} 2>/dev/null; echo x > {beside} && echo wrote; echo y > own.txt && echo own; true"


@pytest.mark.parametrize(
    ("filesystem", "said", "changed", "kept"),
    [
        ("none", "own", False, False),
        ("read_only", "hunter2own", False, True),
        ("read_write", "hunter2wrote own", True, True),
        ("scoped", "hunter2wrote own", True, True),
    ],
)
async def test_files_are_seen_and_changed_as_far_as_the_layer_says(
    machine: Machine, filesystem: str, said: str, changed: bool, kept: bool
) -> None:
    beside = machine.outside / "new.txt"
    scopes: dict[str, Any] = {
        "filesystem": filesystem,
        **({"scoped_paths": ["/srv"]} if filesystem == "scoped" else {}),
    }
    rules = CallRules(layer=layer("command.run", **scopes), scopes={"command.run": (machine.outside,)})
    script = LOOK.format(secret=machine.secret, beside=beside)
    result = await machine.call("command.run", {"argv": ["sh", "-c", script]}, rules=rules)
    assert result.ok, result.error
    assert " ".join(result.data["stdout"].split()) == said
    assert beside.exists() is changed
    assert (machine.workdir / "own.txt").exists() is kept


@pytest.mark.parametrize("filesystem", ["read_only", "read_write"])
async def test_where_the_operator_opens_the_whole_machine_its_system_and_services_stay_shut(
    machine: Machine, tmp_path: Path, filesystem: str
) -> None:
    (tmp_path / "link").symlink_to(machine.outside)
    rules = CallRules(layer=layer("command.run", filesystem=filesystem))
    script = (
        f"cat {tmp_path}/link/secret.txt; ls -A /run /sys {machine.home}; touch /usr/x /etc/x /boot/x; "
        f"cat {machine.journal} || true; echo x > {machine.outside}/new || true"
    )
    params = {"argv": ["sh", "-c", script]}
    result = await machine.call("command.run", params, rules=rules, allowed_roots=(Path("/"),))
    assert result.ok, result.error
    assert result.data["stdout"].split() == [
        "hunter2/run:", "/sys:", f"{machine.home}:", "runs"
    ]  # fmt: skip
    assert result.data["stderr"].count("cannot touch") == 3
    assert (machine.outside / "new").exists() is (filesystem == "read_write")


async def test_without_bounds_the_folder_it_runs_in_is_all_there_is(machine: Machine, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    script = LOOK.format(secret=machine.secret, beside=machine.outside / "new.txt")
    params = {"argv": ["sh", "-c", script], "cwd": str(project)}
    result = await machine.call("command.run", params, "isolated")
    assert result.data["stdout"].split() == ["own"]
    assert [path.name for path in project.iterdir()] == ["own.txt"]
    shown = await ToolExecutor(builtin_registry(), machine.limits).preview(
        "command.run", params, machine.context, rules=CallRules(sandbox="isolated")
    )
    assert shown is not None
    assert shown.text.splitlines()[-4:] == [
        "sandbox: isolated",
        "network: none",
        f"reads: the system, {machine.context.input_dir}",
        f"writes: {machine.workdir}, {project}",
    ]


async def test_the_card_of_another_call_says_that_it_is_isolated(machine: Machine) -> None:
    executor = ToolExecutor(builtin_registry(), machine.limits)

    async def shown(wish: SandboxWish) -> Any:
        rules = CallRules(sandbox=wish)
        return await executor.preview("my_pack.hello", {}, machine.context, rules=rules, code=CODE)

    assert await shown("process") is None
    seen = await shown("isolated")
    assert (seen.kind, seen.summary) == ("call", "calls my_pack.hello, isolated")
    assert "sandbox: isolated" in seen.text


async def test_a_scope_that_became_a_link_is_refused(machine: Machine) -> None:
    (machine.workdir / "out").symlink_to(machine.outside)
    scope = machine.workdir / "out"
    bound = layer("command.run", filesystem="scoped", scoped_paths=["out"])
    rules = CallRules(layer=bound, scopes={"command.run": (scope,)})
    result = await machine.call("command.run", HELLO, rules=rules)
    assert result.error is not None
    assert "is a symbolic link by now" in result.error.message
    scope.unlink()
    scope.mkdir()
    assert (await machine.call("command.run", HELLO, rules=rules)).ok


async def test_nobody_makes_a_file_that_would_be_taken_for_the_settings(machine: Machine) -> None:
    settings = machine.home / "config.yaml"
    bound = CallRules(layer=layer("command.run", filesystem="read_write"))
    script = f"echo x > {settings}; ls {machine.home}; cat {machine.journal}; true"
    for hidden in (machine.limits.hidden_roots, ()):
        result = await machine.call(
            "command.run", {"argv": ["sh", "-c", script]}, rules=bound, hidden_roots=hidden
        )
        assert result.data["stdout"].split() == (["runs"] if hidden else ["data", "runs"])
        assert not settings.exists()


async def test_hosts_that_no_level_can_hold_apart_are_refused(machine: Machine) -> None:
    bound = layer("command.run", network="egress_allowlist", egress_allowlist=["example.org"])
    result = await machine.call("command.run", HELLO, rules=CallRules(layer=bound))
    assert result.error is not None
    assert result.error.code is StepErrorCode.PERMISSION_DENIED
    assert "say none or full" in result.error.message


async def test_a_folder_that_the_operator_adds_can_be_read(machine: Machine) -> None:
    script = f"cat {machine.secret} 2>/dev/null; echo x > {machine.outside}/new || true"
    assert (await machine.shell("isolated", script)).data["stdout"] == ""
    added = await machine.shell("isolated", script, sandbox_reads=(machine.outside,))
    assert added.data["stdout"] == "hunter2"
    assert [path.name for path in machine.outside.iterdir()] == ["secret.txt"]


def test_programs_that_only_somebody_else_may_look_at_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "closed" / "bin"
    programs.mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    programs.parent.chmod(0)
    with permissions_bind():
        arguments = mount_arguments(SandboxSpec("bwrap"), tmp_path, 1)
    programs.parent.chmod(0o700)
    assert "--chdir" in arguments
    assert str(programs) not in arguments


async def test_a_command_that_is_asked_to_end_has_its_time(machine: Machine) -> None:
    script = "trap 'echo bye > said; exit' TERM; while :; do sleep 0.02; done"
    params = {"argv": ["sh", "-c", script], "timeout": 1.0}
    result = await machine.call("command.run", params, "isolated", kill_grace_seconds=20.0)
    assert result.error is not None
    assert result.error.code is StepErrorCode.TIMEOUT
    assert (machine.workdir / "said").read_text() == "bye\n"


def test_a_program_that_does_not_work_is_named_with_its_reason(tmp_path: Path) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    found = tried(str(broken))
    assert found.program is None
    assert "does not work here: No permissions to create new namespace" in found.words
    assert tried(str(tmp_path / "none")).program is None


def test_the_strictest_wish_counts() -> None:
    assert highest_wish("process", None, "isolated", "isolated_if_possible") == "isolated"
    assert highest_wish(None) == "process"
