"""What stands between a tool call and this machine, and what somebody wants to stand there."""

from __future__ import annotations

from typing import Literal, get_args

SandboxLevel = Literal["policy", "process", "isolated"]
"""What stands between a call and this machine: checks only, a process with limits, a sandbox."""
SandboxWish = Literal["process", "isolated_if_possible", "isolated"]
"""The level that somebody wants for a call; `isolated` is never gone below."""

_WISHES: tuple[SandboxWish, ...] = get_args(SandboxWish)


def highest_wish(*wishes: SandboxWish | None) -> SandboxWish:
    """The strictest of several; what is None has no say."""
    return max((wish for wish in wishes if wish is not None), key=_WISHES.index, default="process")
