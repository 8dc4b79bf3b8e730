"""A parsed command: what it is to do, and what holds for doing it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vasini_tui.wiring import Session

Action = Callable[["Session"], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the command line asked for. `tolerant`: do it even when the settings are faulty.

    Without `tenant` it is the first one of the account; `all_tenants` is every one.
    """

    action: Action
    as_json: bool = False
    act_as: str | None = None
    tenant: str | None = None
    all_tenants: bool = False
    tolerant: bool = False
    via: str = "cli"
