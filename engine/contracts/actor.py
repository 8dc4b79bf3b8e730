"""Who acts, under which account, and what an account may see and do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from engine.contracts.checks import Within

EVERY_TENANT = "*"
"""Stands in an operator's `tenants` for all there are."""
MAX_NAME = 500


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who does something, as it is recorded, and from where (cli, console, ssh, worker, engine).

    `account` is the one of the system. Whoever acts under another name is recorded with both:
    `ana (as the-ciso)`.
    """

    name: str
    via: str = "engine"
    account: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a name that nobody could read in a history."""
        if not 1 <= len(self.name) <= MAX_NAME or any("\ud800" <= one <= "\udfff" for one in self.name):
            raise ValueError(f"a name has 1 to {MAX_NAME} characters, and no half of one")

    def __str__(self) -> str:
        return f"{self.name} ({self.via})"


class Role(StrEnum):
    """What an account may do; every role may look."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Operator:
    """What one account may see and do. `*` among the tenants is every one."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    tenants: Annotated[tuple[str, ...], Within(min_length=1)]
    roles: Annotated[frozenset[Role], Within(min_length=1)]

    @property
    def impersonates(self) -> bool:
        """Whether the account may act under another name."""
        return Role.ADMIN in self.roles


def acting_as(account: str, name: str) -> str:
    """How it is recorded that an account acts under a name."""
    return account if name == account else f"{account} (as {name})"


def recorded_account(name: str) -> str:
    """The account in a recorded name: `ana` of `ana (as the-ciso)`."""
    return name.partition(" (as ")[0]
