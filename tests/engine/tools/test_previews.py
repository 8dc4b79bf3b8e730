"""What a call would do, looked at and not done."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.layers.tools import Tools
from engine.contracts.tool import ToolSpec
from engine.governance.tools_layer import tools_layer
from engine.tools.builtin.all import builtin_registry
from engine.tools.builtin.files.preview import MAX_BASE_BYTES
from engine.tools.context import CallRules, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.registry import RegisteredTool, ToolRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from engine.contracts.runs.preview import Preview
    from engine.tools.context import ToolContext
    from engine.tools.registry import PreviewFunction


def names_in(directory: Path) -> list[str]:
    return [found.name for found in directory.iterdir()]


async def looked_at(context: ToolContext, limits: ToolLimits, tool: str, **params: Any) -> Preview:
    found = await ToolExecutor(builtin_registry(), limits).preview(tool, params, context)
    assert found is not None
    return found


async def test_a_change_shows_its_lines_and_the_digest_of_the_file(
    context: ToolContext, limits: ToolLimits, root: Path
) -> None:
    (root / "a.txt").write_text("one\ntwo\n")
    seen = await looked_at(context, limits, "files.write", root=str(root), path="a.txt", text="one\n2\n")
    name = str(root / "a.txt")
    assert seen.text.splitlines() == [f"--- {name}", f"+++ {name}", "@@ -1,2 +1,2 @@", " one", "-two", "+2"]
    assert seen.summary == f"changes {name}: 1 lines come, 1 go"
    assert seen.base == hashlib.sha256(b"one\ntwo\n").hexdigest()
    assert (root / "a.txt").read_text() == "one\ntwo\n"


async def test_a_new_file_is_made_of_nothing(context: ToolContext, limits: ToolLimits, root: Path) -> None:
    seen = await looked_at(context, limits, "files.write", root=str(root), path="new/a.txt", text="one")
    assert seen.text.splitlines()[0] == "--- /dev/null"
    assert "\\ No newline at end of file" in seen.text
    assert seen.base is None
    assert not (root / "new").exists()


async def test_what_is_written_as_it_is_changes_nothing(
    context: ToolContext, limits: ToolLimits, root: Path
) -> None:
    (root / "a.txt").write_text("one\n")
    seen = await looked_at(context, limits, "files.write", root=str(root), path="a.txt", text="one\n")
    assert (seen.text, seen.summary) == ("", f"leaves {root / 'a.txt'} as it is")


async def test_long_texts_are_compared_in_time(context: ToolContext, limits: ToolLimits, root: Path) -> None:
    old = "".join(f"{number}\n" for number in range(60_000))
    (root / "a.txt").write_text(old)
    new = old.replace("30000\n", "other\n")
    seen = await looked_at(context, limits, "files.write", root=str(root), path="a.txt", text=new)
    assert seen.text.splitlines()[2:] == ["@@ -30001,1 +30001,1 @@", "-30000", "+other"]


@pytest.mark.parametrize(
    ("tool", "params", "words"),
    [
        ("files.write", {"root": "/etc", "path": "passwd", "text": "x"}, "tools.roots"),
        ("files.write", {"path": "x"}, "required"),
        ("command.run", {"argv": ["rm", "-rf", "/"]}, "not listed"),
        ("http.get", {"url": "ftp://x"}, "not an http"),
    ],
)
async def test_a_call_that_could_not_be_made_says_why(
    context: ToolContext, limits: ToolLimits, tool: str, params: dict[str, Any], words: str
) -> None:
    seen = await looked_at(context, limits, tool, **params)
    assert seen.kind == "unavailable"
    assert words in seen.summary


async def hangs(params: Any, context: ToolContext) -> Any:
    await asyncio.Event().wait()


async def fails(params: Any, context: ToolContext) -> Any:
    raise ValueError("odd")


@pytest.mark.parametrize(
    ("preview", "words"), [(hangs, "did not end within 0.01 s"), (fails, "ValueError: odd")]
)
async def test_a_preview_that_fails_or_is_late_says_so(
    context: ToolContext, preview: PreviewFunction, words: str
) -> None:
    registry = ToolRegistry()
    spec = ToolSpec(name="test.tool", parameters={"type": "object"})
    registry.add(RegisteredTool(spec, fails, preview=preview))
    seen = await ToolExecutor(registry, ToolLimits()).preview(
        "test.tool", {}, context, rules=CallRules(timeout=0.01)
    )
    assert seen is not None
    assert seen.kind == "unavailable"
    assert words in seen.summary


async def test_the_bounds_of_the_tools_layer_hold_for_a_preview(
    context: ToolContext, limits: ToolLimits, root: Path
) -> None:
    params = {"root": str(root), "path": "a.txt", "text": "one"}
    tool = {"id": "files.write", "name": "x", "sandbox": {"filesystem": "read_only"}}
    bounds = tools_layer(Tools.model_validate({"available": [tool]}, strict=False))
    executor = ToolExecutor(builtin_registry(), limits)
    seen = await executor.preview("files.write", params, context, rules=CallRules(layer=bounds))
    assert seen is not None
    assert seen.kind == "unavailable"


async def test_a_request_is_shown_as_it_would_be_sent_without_its_secrets(
    context: ToolContext, limits: ToolLimits
) -> None:
    headers = {"x-key": {"$secret": "token"}, "accept": "text/plain"}
    seen = await looked_at(context, limits, "http.get", url="https://example.org/a?b=1#c", headers=headers)
    assert seen.text.splitlines() == [
        "GET /a?b=1 HTTP/1.1",
        "host: example.org",
        "x-key: [SECRET token]",
        "accept: text/plain",
    ]


async def test_a_command_is_shown_with_its_folder_and_the_names_it_sees(
    context: ToolContext, limits: ToolLimits, root: Path
) -> None:
    seen = await looked_at(context, limits, "command.run", argv=["echo", "a b"], cwd=str(root), stdin="xyz")
    assert seen.summary == "runs echo 'a b'"
    assert seen.text.splitlines() == [
        'argv: ["echo", "a b"]',
        f"folder: {root}",
        "environment: HOME, LANG, PATH",
        "stdin: 3 bytes",
        "sandbox: process",
    ]
    assert not context.workdir.exists()


async def test_other_tools_have_no_preview(context: ToolContext, limits: ToolLimits) -> None:
    executor = ToolExecutor(builtin_registry(), limits)
    assert await executor.preview("text.report", {"title": "t", "body": "b"}, context) is None
    assert not executor.may_preview("text.report")


@pytest.mark.parametrize("then", ["one\n", None])
async def test_nothing_is_written_over_another_file_than_was_approved(
    context: ToolContext, limits: ToolLimits, root: Path, then: str | None
) -> None:
    file = root / "a.txt"
    if then is not None:
        file.write_text(then)
    params = {"root": str(root), "path": "a.txt", "text": "mine\n"}
    executor = ToolExecutor(builtin_registry(), limits)
    approved = replace(context, previewed=await executor.preview("files.write", params, context))
    file.write_text("somebody else's\n")
    refused = await executor.call("files.write", params, approved)
    assert refused.error is not None
    assert (refused.error.code, refused.error.recoverable) == ("approval_void", False)
    assert file.read_text() == "somebody else's\n"
    assert names_in(root) == ["a.txt"]
    if then is None:
        file.unlink()
    else:
        file.write_text(then)
    assert (await executor.call("files.write", params, approved)).error is None
    assert file.read_text() == "mine\n"


async def test_a_file_too_long_to_compare_is_replaced_only_as_it_was_when_that_was_approved(
    context: ToolContext, limits: ToolLimits, root: Path
) -> None:
    file = root / "long.txt"
    with file.open("wb") as long:
        long.truncate(MAX_BASE_BYTES + 1)
    params = {"root": str(root), "path": "long.txt", "text": "mine\n"}
    seen = await looked_at(context, limits, "files.write", **params)
    assert (seen.kind, seen.base) == ("diff", hashlib.sha256(bytes(MAX_BASE_BYTES + 1)).hexdigest())
    assert "too long to compare (16,777,217 bytes), by 1 line" in seen.summary
    with file.open("r+b") as long:
        long.write(b"somebody else's")
    executor = ToolExecutor(builtin_registry(), limits)
    refused = await executor.call("files.write", params, replace(context, previewed=seen))
    assert refused.error is not None
    assert refused.error.code == "approval_void"
    assert file.stat().st_size == MAX_BASE_BYTES + 1


async def test_a_link_that_nothing_is_written_through_is_no_change_to_be_approved(
    context: ToolContext, limits: ToolLimits, root: Path
) -> None:
    (root / "real.txt").write_text("real\n")
    (root / "link.txt").symlink_to(root / "real.txt")
    seen = await looked_at(context, limits, "files.write", root=str(root), path="link.txt", text="mine\n")
    assert seen.kind == "unavailable"
    assert "symbolic link" in seen.summary
