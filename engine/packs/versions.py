"""Versions: semantic-version order, and the ranges a pack names for the engine."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from semver import Version

if TYPE_CHECKING:
    from collections.abc import Iterable

_BOUND = re.compile(r"(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8}|[x*])){0,2}")


def semantic_version(text: str) -> Version:
    """A version that orders as semver 2.0.0 says, pre-releases before their release.

    Raises ValueError when the text is no semantic version.
    """
    return Version.parse(text)


def newest_first(versions: Iterable[str]) -> list[str]:
    """Releases from the highest down, then pre-releases. Raises ValueError as `semantic_version`."""

    def place(text: str) -> tuple[bool, Version]:
        parsed = semantic_version(text)
        return parsed.prerelease is None, parsed

    return sorted(versions, key=place, reverse=True)


@lru_cache(maxsize=1)
def engine_version() -> str:
    """The version of the engine; `0.0.0` when it runs from a bare source tree."""
    try:
        return version("vasini-tui")
    except PackageNotFoundError:
        return "0.0.0"


def framework_fault(key: str, bound: str, current: str | None = None) -> str | None:
    """Why `framework_min` or `framework_max` excludes the engine, or why it cannot be read.

    A bound is a version or the beginning of one: `1`, `1.x` and `1.2` allow what begins so.
    """
    found = current if current is not None else engine_version()
    parts = _parts(bound)
    if parts is None:
        return "expected a version such as `1.2.0`, `1.2` or `1.x`"
    mine = Version.parse(found).finalize_version().to_tuple()[:3]
    head = tuple(mine)[: len(parts)]
    if key == "framework_min" and head < parts:
        return f"the pack needs version {bound} or later, this is {found}"
    if key == "framework_max" and head > parts:
        return f"the pack needs version {bound} or earlier, this is {found}"
    return None


def _parts(bound: str) -> tuple[int, ...] | None:
    """The numbers of a bound: `1.x` gives (1,)."""
    if not _BOUND.fullmatch(bound):
        return None
    numbers = bound.replace("*", "x").split(".")
    given = numbers[: numbers.index("x")] if "x" in numbers else numbers
    if any(part != "x" for part in numbers[len(given) :]):
        return None
    return tuple(int(part) for part in given)
