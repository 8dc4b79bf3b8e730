"""What differs: between two commits, or between a commit and the files of the work tree."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from engine.tools.builtin.git.history import history_failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from engine.tools.builtin.git.repository import GitRepository

_NO_ATTRIBUTE = {"unspecified", "unset", "set"}


async def read_diff(
    repository: GitRepository, from_ref: str | None, to_ref: str | None, paths: Sequence[str], max_bytes: int
) -> dict[str, Any]:
    """A unified diff; `filtered` names changed files whose content passes a filter, which does not run."""
    refs = [await repository.commit(from_ref or "HEAD")]
    filtered: list[str] = []
    if to_ref is not None:
        refs.append(await repository.commit(to_ref))
    else:
        filtered = await _set_filtered_aside(repository)
    outcome = await repository.git(
        "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=dirty",
        "--submodule=short", *refs, "--", *paths,
    )  # fmt: skip
    if outcome.returncode != 0:
        raise history_failed(outcome)
    text = outcome.stdout[:max_bytes].decode("utf-8", "replace")
    truncated = outcome.truncated or len(outcome.stdout) > max_bytes
    return {"diff": text, "truncated": truncated, "filtered": filtered, "notice": _notice(filtered)}


async def read_status(repository: GitRepository) -> dict[str, Any]:
    """The branch (None when detached) and entries with git's two status letters, spaces trimmed."""
    filtered = await _set_filtered_aside(repository)
    outcome = await repository.read(
        "status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignore-submodules=dirty"
    )
    branch = await repository.git("symbolic-ref", "--quiet", "--short", "HEAD")
    name = branch.stdout.decode("utf-8", "replace").strip() if branch.returncode == 0 else None
    entries = list(_entries(outcome.stdout.decode("utf-8", "replace")))
    return {"branch": name, "entries": entries, "filtered": filtered, "notice": _notice(filtered)}


async def _set_filtered_aside(repository: GitRepository) -> list[str]:
    """Files that would have to pass a content filter to be compared, marked unchanged in our index.

    A filter (as LFS has) is a program: without it the stored and the present content always differ.
    """
    outcome = await repository.git("diff-files", "--name-only", "-z", "--ignore-submodules=dirty")
    if outcome.returncode != 0 or not outcome.stdout:
        return []  # a broken index is told by the command that follows
    checked = await repository.read("check-attr", "-z", "--stdin", "filter", stdin=outcome.stdout)
    answers = checked.stdout.split(b"\0")
    found = [
        path
        for path, value in zip(answers[0::3], answers[2::3], strict=False)
        if os.fsdecode(value) not in _NO_ATTRIBUTE
    ]
    if found:
        marks = b"".join(path + b"\0" for path in found)
        await repository.read("update-index", "--assume-unchanged", "-z", "--stdin", stdin=marks)
    return sorted(path.decode("utf-8", "replace") for path in found)


def _notice(filtered: Sequence[str]) -> str | None:
    if not filtered:
        return None
    return (
        f"{len(filtered):,} files pass a content filter (as LFS has), which is a program and was not run: "
        "whether they are changed is not known"
    )


def _entries(porcelain: str) -> Iterator[dict[str, str]]:
    records = iter(porcelain.split("\0"))
    for record in records:
        if not record:
            continue
        status, path = record[:2], record[3:]
        entry = {"path": path, "status": status.strip()}
        if "R" in status or "C" in status:
            entry["from"] = next(records, "")  # a rename's old name is a record of its own
        yield entry
