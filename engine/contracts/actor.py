"""Who acts, under which account, and what an account may see and do."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from engine.contracts.model import Contract

EVERY_TENANT = "*"
"""Stands in an operator's `tenants` for all there are."""


class Actor(Contract):
    """Who does something, as it is recorded, and from where (cli, console, ssh, worker, engine).

    `account` is the one of the system. Whoever acts under another name is recorded with both:
    `ana (as the-ciso)`.
    """

    name: str = Field(min_length=1, max_length=500)
    via: str = "engine"
    account: str | None = None

    def __str__(self) -> str:
        return f"{self.name} ({self.via})"


class Role(StrEnum):
    """What an account may do; every role may look."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class Operator(Contract):
    """What one account may see and do. `*` among the tenants is every one."""

    tenants: tuple[str, ...] = Field(min_length=1)
    roles: frozenset[Role] = Field(min_length=1)

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
