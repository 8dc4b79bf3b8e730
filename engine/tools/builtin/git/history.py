"""Commits of a range, whole: identity, time, message, trailers, parents; and who wrote them."""

from __future__ import annotations

import json
import re
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.contracts.times import rfc3339
from engine.tools.failure import ToolFailure, invalid_input

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from engine.tools.builtin.git.repository import GitRepository
    from engine.tools.process.command_runner import CommandOutcome

_FIELDS = "%ct%x00%H%x00%P%x00%aN%x00%aE%x00%at%x00%s%x00%b"
_FIELD_COUNT = 8
_PAGE = 2000
_BODY_STEPS = (1000, 300, 100, 0)
_ROOM_FOR_THE_REST = 64 * 1024
_TRAILER = re.compile(r"(?P<key>BREAKING[ -]CHANGE|[A-Za-z][A-Za-z0-9-]{1,60})(?:: | #)(?P<value>\S.{0,499})")
_AUTHOR = re.compile(r"\s*(?P<commits>\d+)\t(?P<name>.*?) ?<(?P<email>[^<>]*)>\Z")
_CREDENTIALS = re.compile(r"(?<=://)[^/@]*@")


async def read_log(
    repository: GitRepository, from_ref: str | None, to_ref: str, max_count: int | None, max_body: int
) -> dict[str, Any]:
    """Commits, newest first; `notice` says in numbers what was left out, and is None when nothing was.

    A body is cut at `max_body` characters, and shorter where the whole range would not fit else.
    """
    last = await repository.commit(to_ref)
    first = await repository.commit(from_ref) if from_ref is not None else None
    span = f"{first}..{last}" if first is not None else last
    room = repository.limits.max_output_bytes - _ROOM_FOR_THE_REST
    read, whole = await _newest(repository, span, max_count, room)
    commits, dates = [commit for commit, _ in read], {commit["sha"]: date for commit, date in read}
    total = len(commits)
    if total == max_count or not whole:
        total = int((await repository.read("rev-list", "--count", span, "--")).stdout)
    asked = total if max_count is None else min(total, max_count)
    notices = [f"{asked:,} of {total:,} commits were asked for"] if asked < total else []
    commits, cuts = _fitting(commits, max_body, room, asked)
    return {
        "commits": commits,
        "total": total,
        "notice": "; ".join([*notices, *cuts]) or None,
        "to": {"sha": last, "date": dates[last] if last in dates else await _date_of(repository, last)},
        "origin": _origin(repository),
    }


async def read_authors(repository: GitRepository, from_ref: str | None, to_ref: str) -> dict[str, Any]:
    """Names and addresses of the authors of a range, with how many commits each wrote."""
    last = await repository.commit(to_ref)
    span = last if from_ref is None else f"{await repository.commit(from_ref)}..{last}"
    outcome = await repository.read("shortlog", "--summary", "--numbered", "--email", span, "--")
    lines = outcome.stdout.decode("utf-8", "replace").split("\n")  # a name may hold other line ends
    found = (_AUTHOR.match(line) for line in lines)
    authors = [
        {"name": match["name"], "email": match["email"], "commits": int(match["commits"])}
        for match in found
        if match
    ]
    return {"authors": authors}


async def _newest(
    repository: GitRepository, span: str, most: int | None, room: int
) -> tuple[list[tuple[dict[str, Any], str | None]], bool]:
    """Commits, and when each was committed; whether these are all that there are.

    No more than could fit in `room` without their bodies: each page of git's counts all before it again.
    """
    read, used = [], 0
    async with aclosing(_commits(repository, span, most)) as commits:
        async for commit, date in commits:
            read.append((commit, date))
            used += _size({**commit, "body": ""})
            if used > room:
                return read, False
    return read, True


async def _commits(
    repository: GitRepository, span: str, most: int | None
) -> AsyncGenerator[tuple[dict[str, Any], str | None]]:
    """Commits, and when each was committed.

    Page by page, so that what git writes stays below the limit; a page that does not is halved.
    """
    done, size = 0, _PAGE
    while most is None or done < most:
        count = size if most is None else min(size, most - done)
        page = [f"--skip={done}", f"--max-count={count}"]
        outcome = await repository.git(
            "log", "-z", "--encoding=UTF-8", "--no-color", "--no-show-signature", "--no-notes",
            f"--format={_FIELDS}", *page, span, "--",
        )  # fmt: skip
        if outcome.returncode != 0:
            raise history_failed(outcome)
        if outcome.truncated:
            if count == 1:
                raise invalid_input("one commit's message is larger than the limit of a tool's output")
            size = count // 2
            continue
        # -z ends each commit with the same NUL that separates fields
        fields = outcome.stdout.decode("utf-8", "replace").removesuffix("\0").split("\0")
        starts = range(0, len(fields) - _FIELD_COUNT + 1, _FIELD_COUNT)
        for index in starts:
            committed, *rest = fields[index : index + _FIELD_COUNT]
            yield _commit(rest), _date(committed)
        if len(starts) < count:
            return
        done += count


def history_failed(outcome: CommandOutcome) -> ToolFailure:
    """What git said, in words about this repository: a part that is missing is not fetched."""
    words = outcome.stderr_end.strip()
    lines = words.splitlines()
    return invalid_input(
        "the history cannot be read whole; nothing that is missing is fetched from elsewhere: "
        + (lines[-1] if lines else "git gave no reason"),
        {"stderr": words},
    )


def _commit(fields: Sequence[str]) -> dict[str, Any]:
    sha, parents, author, email, seconds, subject, body = fields
    text = body.strip("\n")
    return {
        "sha": sha,
        "parents": parents.split(),
        "author": author,
        "email": email,
        "date": _date(seconds),
        "subject": subject,
        "body": text,
        "trailers": list(_trailers(text)),
    }


def _date(seconds: str) -> str | None:
    """UTC, whatever zone the commit claims; None for a time that no calendar has."""
    try:
        return rfc3339(datetime.fromtimestamp(int(seconds), UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _trailers(body: str) -> Iterator[dict[str, str]]:
    """`Key: value` lines of the last paragraph, and BREAKING CHANGE wherever it begins a paragraph."""
    paragraphs = re.split(r"\n\s*\n", body)
    for number, paragraph in enumerate(paragraphs, start=1):
        found: list[dict[str, str]] = []
        for line in paragraph.splitlines():
            match = _TRAILER.match(line)
            if match:
                found.append({"key": match["key"], "value": match["value"].strip()})
            elif found:  # a trailer goes on in the next line
                found[-1]["value"] = f"{found[-1]['value']} {line.strip()}"[:500]
            elif number < len(paragraphs) or "BREAKING" not in paragraph:
                break
        breaking = bool(found) and found[0]["key"].startswith("BREAKING")
        if number == len(paragraphs) or breaking:
            yield from found


async def _date_of(repository: GitRepository, sha: str) -> str | None:
    outcome = await repository.read("log", "--max-count=1", "--format=%ct", sha, "--")
    return _date(outcome.stdout.decode("ascii", "replace").strip())


def _origin(repository: GitRepository) -> str | None:
    """The address of `origin` without user and password."""
    url = repository.settings.get("remote.origin.url")
    return _CREDENTIALS.sub("", url)[:500] if url else None


def _size(commit: dict[str, Any]) -> int:
    """Bytes of its JSON in a list."""
    return len(json.dumps(commit, ensure_ascii=False).encode("utf-8", "replace")) + 1


def _fitting(
    commits: list[dict[str, Any]], max_body: int, room: int, asked: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """The commits in at most `room` bytes of JSON: first the bodies give way, then the oldest commits.

    `asked`: how many were asked for, of which these are the newest.
    """
    said: list[str] = []
    sizes: list[int] = []
    for limit in (max_body, *(step for step in _BODY_STEPS if step < max_body)):
        for commit in commits:
            if len(commit["body"]) > limit:
                commit["body"] = commit["body"][:limit]
                commit["body_cut"] = True
        sizes = list(map(_size, commits))
        if sum(sizes) <= room:
            if limit < max_body:
                said.append(
                    f"bodies were cut at {limit:,} characters so that all {len(commits):,} commits fit"
                )
            return commits, said
    kept, used = 0, 0
    for size in sizes:
        used += size
        if used > room:
            break
        kept += 1
    said.append(
        f"{kept:,} of {asked:,} commits fit in {room:,} bytes: the oldest {asked - kept:,} were left out"
    )
    return commits[:kept], said
