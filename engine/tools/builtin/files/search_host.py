"""Matches a pattern against files: `python -I search_host.py LIMITS`, one request on stdin.

A process of its own because a regular expression from outside can run for years, and no thread that
matches can be stopped. Imports the standard library only.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 10_000
_SHOWN = 1_000
_SNIFFED = 8_192
Answer = dict[str, Any]


def main() -> None:
    """Serve one request."""
    # the engine's own files, last on the path so that they shadow nothing
    sys.path.append(__file__.rsplit("/", 4)[0])
    from engine.tools.process.one_request import serve_once  # noqa: PLC0415 - found by the line before

    serve_once(search)


def search(request: Answer) -> Answer:
    """`request`: pattern, root (real path), files (relative), max_matches; the answer of files.search."""
    try:
        pattern = re.compile(request["pattern"])
    except (re.error, OverflowError, RecursionError) as error:
        return {"invalid": f"the pattern is not a regular expression: {error}"}
    matches: list[dict[str, Any]] = []
    for path in request["files"]:
        for line, text in _matching_lines(request["root"], path, pattern):
            if len(matches) == request["max_matches"]:
                return {"matches": matches, "truncated": True}
            matches.append({"path": path, "line": line, "text": text[:_SHOWN]})
    return {"matches": matches, "truncated": False}


def _matching_lines(root: str, path: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    from engine.safe_files.walking import open_directory, open_to_read  # noqa: PLC0415 - found once main ran

    *parents, name = path.split("/")
    try:
        directory = open_directory([*root.strip("/").split("/"), *parents] if root != "/" else parents)
        try:
            descriptor = open_to_read(name, directory)
        finally:
            os.close(directory)
    except OSError:  # gone or replaced by a link since it was listed, or not readable
        return
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode) or b"\x00" in file.peek(_SNIFFED)[:_SNIFFED]:
            return
        for number, piece in _pieces(file):
            if pattern.search(piece):
                yield number, piece


def _pieces(file: IO[bytes]) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; a very long line comes in pieces of the same number."""
    number = 1
    while raw := file.readline(_PIECE):
        yield number, raw.decode("utf-8", "replace").rstrip("\r\n")
        if raw.endswith(b"\n"):
            number += 1


if __name__ == "__main__":
    main()
