from __future__ import annotations

import base64
import hashlib
import os
import resource
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts.status import StepErrorCode
from engine.safe_files.removing import discard
from engine.tools.builtin.all import builtin_registry
from engine.tools.builtin.files.file_tools import MAX_DEPTH
from engine.tools.builtin.files.globs import Glob
from engine.tools.builtin.files.paths import PathScope, read_regular_file
from engine.tools.context import ToolContext, ToolLimits
from engine.tools.executor import ToolExecutor
from engine.tools.failure import ToolFailure, from_os_error
from tests.permissions import permissions_bind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.contracts.tool import ToolResult
    from tests.engine.tools.conftest import Call


def code_of(result: ToolResult) -> StepErrorCode:
    assert result.error is not None, result.data
    return result.error.code


def names(directory: Path) -> list[str]:
    return [entry.name for entry in directory.iterdir()]


def make_file(path: bytes) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))


async def test_a_text_file_is_read_with_size_and_digest(call: Call, root: Path) -> None:
    (root / "a.txt").write_text("grüße\n")
    result = await call("files.read", {"root": str(root), "path": "a.txt"})
    content = "grüße\n".encode()
    digest = hashlib.sha256(content).hexdigest()
    assert result.data == {"path": "a.txt", "text": "grüße\n", "size": len(content), "sha256": digest}


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("../outside.txt", StepErrorCode.PERMISSION_DENIED),
        ("sub/../../outside.txt", StepErrorCode.PERMISSION_DENIED),
        ("/etc/hostname", StepErrorCode.INVALID_INPUT),
        ("a\x00b", StepErrorCode.INVALID_INPUT),
        ("missing.txt", StepErrorCode.NOT_FOUND),
        (".", StepErrorCode.INVALID_INPUT),
        ("x" * 300, StepErrorCode.INVALID_INPUT),
        ("\udc80", StepErrorCode.INVALID_INPUT),
    ],
)
async def test_paths_outside_or_malformed_are_refused(
    call: Call, root: Path, path: str, code: StepErrorCode
) -> None:
    (root.parent / "outside.txt").write_text("outside")
    assert code_of(await call("files.read", {"root": str(root), "path": path})) == code


async def test_reading_a_directory_says_what_it_is_and_leaves_nothing_open(call: Call, root: Path) -> None:
    (root / "folder").mkdir()
    before = len(names(Path("/proc/self/fd")))
    result = await call("files.read", {"root": str(root), "path": "folder"})
    assert code_of(result) is StepErrorCode.INVALID_INPUT
    assert result.error is not None
    assert result.error.message == "cannot read 'folder': it is a directory"
    assert len(names(Path("/proc/self/fd"))) == before


@pytest.mark.parametrize("tool", ["files.read", "files.write"])
async def test_links_that_leave_the_root_are_refused(call: Call, root: Path, tool: str) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (root / "file").symlink_to(outside / "secret.txt")
    (root / "directory").symlink_to(outside)
    for path in ("file", "directory/secret.txt"):
        params = {"root": str(root), "path": path} | ({"text": "x"} if tool == "files.write" else {})
        assert code_of(await call(tool, params)) == StepErrorCode.PERMISSION_DENIED
    assert (outside / "secret.txt").read_text() == "secret"


async def test_a_link_inside_the_root_is_read_but_not_written_through(call: Call, root: Path) -> None:
    (root / "real.txt").write_text("real")
    (root / "link.txt").symlink_to("real.txt")
    read = await call("files.read", {"root": str(root), "path": "link.txt"})
    assert read.data["text"] == "real"
    written = await call("files.write", {"root": str(root), "path": "link.txt", "text": "new"})
    assert code_of(written) == StepErrorCode.PERMISSION_DENIED
    assert (root / "real.txt").read_text() == "real"


@pytest.mark.parametrize("swapped", ["file", "directory"])
def test_a_swap_for_a_link_after_the_check_gains_nothing(tmp_path: Path, root: Path, swapped: str) -> None:
    (root / "sub").mkdir()
    (root / "sub" / "file").write_text("inside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("outside")
    checked = PathScope(ToolLimits(allowed_roots=(tmp_path,))).resolve(str(root), "sub/file")
    if swapped == "file":
        (root / "sub" / "file").unlink()
        (root / "sub" / "file").symlink_to(tmp_path / "outside" / "file")
    else:
        (root / "sub").rename(root / "moved")
        (root / "sub").symlink_to(tmp_path / "outside")
    with pytest.raises(ToolFailure) as refused:
        read_regular_file(checked, 1000)
    assert refused.value.code in (StepErrorCode.PERMISSION_DENIED, StepErrorCode.NOT_FOUND)


@pytest.mark.parametrize("root_path", ["relative", "/proc/self", "/etc", "/nonexistent-root"])
async def test_roots_outside_the_limits_are_refused(call: Call, root_path: str) -> None:
    assert not (await call("files.list", {"root": root_path})).ok


async def test_denied_directories_inside_an_allowed_root_stay_closed(
    tmp_path: Path, root: Path, context: ToolContext
) -> None:
    (root / "private").mkdir()
    (root / "private" / "key").write_text("key")
    (root / "open.txt").write_text("open")
    limits = ToolLimits(allowed_roots=(tmp_path,), denied_roots=(root / "private",))
    executor = ToolExecutor(builtin_registry(), limits)
    read = await executor.call("files.read", {"root": str(root), "path": "private/key"}, context)
    listed = await executor.call("files.list", {"root": str(root)}, context)
    assert code_of(read) == StepErrorCode.PERMISSION_DENIED
    assert [file["path"] for file in listed.data["files"]] == ["open.txt"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a\x00b", b"\x89PNG\r\n"])
async def test_binary_is_not_text(call: Call, root: Path, content: bytes) -> None:
    (root / "binary").write_bytes(content)
    assert code_of(await call("files.read", {"root": str(root), "path": "binary"})) == (
        StepErrorCode.INVALID_INPUT
    )


async def test_a_fifo_is_refused_without_waiting_for_a_writer(call: Call, root: Path) -> None:
    os.mkfifo(root / "fifo")
    assert code_of(await call("files.read", {"root": str(root), "path": "fifo"})) == (
        StepErrorCode.INVALID_INPUT
    )


@pytest.mark.parametrize("tool", ["files.read", "data.read"])
async def test_no_more_is_read_than_could_be_returned_whatever_is_asked_for(
    context: ToolContext, root: Path, tool: str
) -> None:
    limits = ToolLimits(allowed_roots=(root,), max_output_bytes=1_000)
    (root / "big.json").touch()
    os.truncate(root / "big.json", 2**40)
    asked = {"root": str(root), "path": "big.json", "max_bytes": 2**50}
    result = await ToolExecutor(builtin_registry(), limits).call(tool, asked, context)
    assert code_of(result) is StepErrorCode.INVALID_INPUT
    assert result.error is not None
    assert result.error.details == {"size": 2**40, "max_bytes": 4_000}
    assert "4 times tools.max_output_bytes" in result.error.message


async def test_a_tree_without_end_is_looked_at_down_to_a_depth(call: Call, root: Path) -> None:
    descriptor = os.open(root, os.O_RDONLY)
    for _ in range(1_200):  # deeper than Python's frames, and than the descriptors that a process mostly has
        os.close(os.open("f.txt", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    listed = await call("files.list", {"root": str(root)})
    assert listed.ok, listed.error
    assert len(listed.data["files"]) == MAX_DEPTH + 1
    assert listed.data["skipped"] == ["/".join("d" * (MAX_DEPTH + 1))]
    found = await call("files.search", {"root": str(root), "pattern": "x"})
    assert (found.data["matches"], found.data["skipped"]) == ([], listed.data["skipped"])
    discard(root)


async def test_ten_megabytes_are_refused_by_each_limit(call: Call, root: Path) -> None:
    (root / "big").write_text("x" * 10_000_000)
    small = await call("files.read", {"root": str(root), "path": "big"})
    large = await call("files.read", {"root": str(root), "path": "big", "max_bytes": 20_000_000})
    assert code_of(small) == StepErrorCode.INVALID_INPUT
    assert small.error is not None
    assert small.error.details == {"size": 10_000_000, "max_bytes": 1_000_000}
    assert code_of(large) == StepErrorCode.CONTRACT_VIOLATION


async def test_listing_is_sorted_and_leaves_out_hidden_and_excluded(call: Call, root: Path) -> None:
    for name in ("b.py", "a.txt", "sub/c.py", ".git/config", "node/x/y.py", ".hidden"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("12345")
    (root / "link").symlink_to("a.txt")

    async def paths(**more: Any) -> list[str]:
        result = await call("files.list", {"root": str(root), **more})
        return [file["path"] for file in result.data["files"]]

    assert await paths() == ["a.txt", "b.py", "node/x/y.py", "sub/c.py"]
    assert await paths(pattern="**/*.py", exclude=["node/**"]) == ["b.py", "sub/c.py"]
    assert await paths(path="sub") == ["sub/c.py"]
    assert await paths(include_hidden=True, exclude=[".git/**"]) == [
        ".hidden",
        "a.txt",
        "b.py",
        "node/x/y.py",
        "sub/c.py",
    ]


async def test_listing_says_when_it_is_cut_and_what_it_cannot_name(call: Call, root: Path) -> None:
    for name in ("a", "b", "c"):
        (root / name).touch()
    make_file(os.fsencode(root) + b"/\xff.txt")
    cut = await call("files.list", {"root": str(root), "max_entries": 2})
    whole = await call("files.list", {"root": str(root)})
    assert cut.data["truncated"] is True
    assert len(cut.data["files"]) == 2
    assert whole.data["truncated"] is False
    assert whole.data["skipped"] == ["\\xff.txt"]


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("**/*", "a", True),
        ("**/*", "a/b/c", True),
        ("*", "a/b", False),
        ("*.py", "a.py", True),
        ("a/**", "a", False),
        ("a/**", "a/b/c", True),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("**/b/*.t?t", "a/b/x.txt", True),
        ("[ab].c", "b.c", True),
        ("[!ab].c", "b.c", False),
    ],
)
def test_globs_match_names_and_spans(glob: str, path: str, expected: bool) -> None:
    assert Glob(glob).matches(path) is expected


def test_a_hostile_glob_ends() -> None:
    assert not Glob("*a" * 200 + "b").matches("a" * 255)
    assert not Glob("**/" * 100 + "b").matches("/".join("a" * 100))


async def test_writing_makes_directories_and_replaces_keeping_the_mode(call: Call, root: Path) -> None:
    path = root / "new/dir/file.sh"
    first = await call("files.write", {"root": str(root), "path": "new/dir/file.sh", "text": "one"})
    path.chmod(0o755)
    second = await call("files.write", {"root": str(root), "path": "new/dir/file.sh", "text": "two"})
    assert first.ok
    assert second.data["sha256"] == hashlib.sha256(b"two").hexdigest()
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o755
    assert names(path.parent) == ["file.sh"]


async def test_an_existing_file_is_kept_without_overwrite(call: Call, root: Path) -> None:
    params = {"root": str(root), "path": "f", "text": "first", "overwrite": False}
    assert (await call("files.write", params)).ok
    assert code_of(await call("files.write", params | {"text": "second"})) == StepErrorCode.PERMISSION_DENIED
    assert (root / "f").read_text() == "first"
    assert names(root) == ["f"]


async def test_a_missing_directory_is_an_error_without_make_dirs(call: Call, root: Path) -> None:
    params = {"root": str(root), "path": "no/f", "text": "x", "make_dirs": False}
    assert code_of(await call("files.write", params)) == StepErrorCode.NOT_FOUND


async def test_a_write_that_fails_half_way_leaves_the_old_file_and_nothing_else(
    call: Call, root: Path
) -> None:
    (root / "f").write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        result = await call("files.write", {"root": str(root), "path": "f", "text": "x" * 100_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert code_of(result) == StepErrorCode.BACKEND_ERROR
    assert result.error is not None
    assert result.error.details == {"reason": "file_too_large"}
    assert (root / "f").read_text() == "old"
    assert names(root) == ["f"]


@pytest.fixture
def read_only_root(root: Path) -> Iterator[Path]:
    root.chmod(0o555)
    yield root
    root.chmod(0o755)


async def test_a_read_only_directory_is_a_typed_error(call: Call, read_only_root: Path) -> None:
    with permissions_bind():
        result = await call("files.write", {"root": str(read_only_root), "path": "f", "text": "x"})
    assert code_of(result) == StepErrorCode.PERMISSION_DENIED
    assert names(read_only_root) == []


@pytest.mark.parametrize(
    ("number", "code", "reason"),
    [
        (28, StepErrorCode.BACKEND_ERROR, "disk_full"),
        (30, StepErrorCode.PERMISSION_DENIED, "read_only"),
        (13, StepErrorCode.PERMISSION_DENIED, "no_access"),
        (5, StepErrorCode.BACKEND_ERROR, "os_error"),
    ],
)
def test_storage_errors_have_a_code_and_a_reason(number: int, code: StepErrorCode, reason: str) -> None:
    failure = from_os_error(OSError(number, os.strerror(number)), "cannot write f")
    assert (failure.code, failure.details["reason"]) == (code, reason)


async def test_search_finds_lines_and_skips_binaries_and_links(call: Call, root: Path) -> None:
    (root / "a.txt").write_text("one\ntoken=abc\r\nthree token=x\n")
    (root / "b.bin").write_bytes(b"\x00token=abc\n")
    (root / "c.md").write_text("token=c\n")
    (root / "link.txt").symlink_to("a.txt")
    result = await call("files.search", {"root": str(root), "pattern": r"token=\w+", "glob": "*.txt"})
    assert result.data["matches"] == [
        {"path": "a.txt", "line": 2, "text": "token=abc"},
        {"path": "a.txt", "line": 3, "text": "three token=x"},
    ]
    assert result.data["truncated"] is False
    cut = await call("files.search", {"root": str(root), "pattern": "token", "max_matches": 1})
    assert (len(cut.data["matches"]), cut.data["truncated"]) == (1, True)


async def test_a_broken_pattern_is_invalid(call: Call, root: Path) -> None:
    result = await call("files.search", {"root": str(root), "pattern": "("})
    assert code_of(result) == StepErrorCode.INVALID_INPUT


async def test_a_pattern_that_never_ends_is_killed(call: Call, root: Path) -> None:
    (root / "a.txt").write_text("a" * 60 + "!")
    result = await call("files.search", {"root": str(root), "pattern": "(a+)+$"}, timeout=0.5)
    assert code_of(result) == StepErrorCode.TIMEOUT


@pytest.mark.parametrize("name", ["名" * 84 + ".md", "x" * 255, "𝄞" * 63])
async def test_a_name_as_long_as_the_file_system_takes_is_written(call: Call, root: Path, name: str) -> None:
    result = await call("files.write", {"root": str(root), "path": name, "text": "x"})
    assert result.ok, result.error
    assert names(root) == [name]


async def test_the_copy_of_a_written_file_holds_no_secret(
    limits: ToolLimits, context: ToolContext, root: Path
) -> None:
    executor = ToolExecutor(builtin_registry(), limits, {"TOKEN": "hunter22"})
    params = {"root": str(root), "path": ".token", "text": {"$secret": "TOKEN"}}
    written = await executor.call("files.write", params, context)
    (copy,) = written.data["output_files"]
    assert (root / ".token").read_text() == "hunter22"
    assert base64.b64decode(copy["content_base64"]) == b"[SECRET]"
