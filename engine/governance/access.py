"""Access: which tenant somebody looks at, and what they may do there."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from engine.contracts.actor import EVERY_TENANT, Actor, Operator, Role
from engine.errors import ErrorCode, NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

Row = TypeVar("Row", bound="Mapping[str, object]")
DEFAULT_TENANT = "default"

_DOES = {
    Role.OPERATOR: "start and steer runs, answer forms and publish packs",
    Role.APPROVER: "decide approvals",
    Role.ADMIN: "trust code of packs, remove old runs, take copies, set budgets and see every tenant",
}


@dataclass(frozen=True, slots=True)
class Access:
    """One tenant, or every one (None), and the roles that hold there. What is not seen is not there."""

    tenant: str | None = None
    roles: frozenset[Role] = frozenset({Role.ADMIN})

    def sees(self, tenant: str) -> bool:
        """Whether what belongs to this tenant is there at all."""
        return self.tenant in {None, tenant}

    def visible_run(self, run_id: str, row: Row | None) -> Row:
        """The row that was found of a run. Raises NotFound when there is none, or it is not seen."""
        if row is None or not self.sees(str(row["tenant"])):
            raise NotFound(f"there is no run {run_id}{self.where}", {"run_id": run_id})
        return row

    @property
    def where(self) -> str:
        """Words for the end of `there is no request ...`."""
        return "" if self.tenant is None else f" in tenant {self.tenant}"

    def narrowed(self, tenant: str | None) -> str | None:
        """The tenant to list; None lists every one. Raises NotFound for one that is not seen."""
        if tenant is not None and not self.sees(tenant):
            raise NotFound(f"there is no tenant {tenant} in this view", {"tenant": tenant})
        return self.tenant or tenant

    def allows(self, role: Role) -> bool:
        """Whether what the role does may be done here."""
        return not self.roles.isdisjoint({role, Role.ADMIN})

    def require(self, role: Role, actor: Actor) -> None:
        """Raises Refused (`role_missing`) when the actor's account may not do what the role does."""
        if not self.allows(role):
            held = ", ".join(sorted(self.roles))
            raise Refused(
                ErrorCode.ROLE_MISSING,
                f"{actor.account} is {held}; only {role} may {_DOES[role]} (identity.operators)",
                {"account": actor.account, "roles": sorted(self.roles), "needs": role.value},
            )


EVERYTHING = Access()
"""The engine itself, and whoever opened it."""


class AccessScoped:
    """A part of the engine that shows only what `access` allows."""

    access = EVERYTHING

    def within(self, access: Access) -> Self:
        """The same part for what `access` allows."""
        scoped = copy(self)
        scoped.access = access
        return scoped


def access_of(
    operators: Mapping[str, Operator], actor: Actor, tenant: str | None, *, all_tenants: bool
) -> Access:
    """What the actor's account may see: `tenant`, else its first one. Without operators all may do all.

    Raises Refused (`role_missing`) for an account that is no operator, or that may not see every tenant;
    NotFound for a tenant that is not its own.
    """
    if not operators:
        return Access(None if all_tenants else tenant or DEFAULT_TENANT)
    operator = operators.get(actor.account or "")
    if operator is None:
        raise Refused(
            ErrorCode.ROLE_MISSING,
            f"{actor.account or actor.name} is no operator here (identity.operators names them)",
            {"account": actor.account},
        )
    everywhere = EVERY_TENANT in operator.tenants
    if all_tenants:
        access = Access(None, operator.roles)
        access.require(Role.ADMIN, actor)
        if not everywhere:
            raise Refused(
                ErrorCode.ROLE_MISSING,
                f"{actor.account} is operator of {', '.join(operator.tenants)}, not of every tenant",
                {"account": actor.account, "tenants": list(operator.tenants)},
            )
        return access
    own = [DEFAULT_TENANT] if everywhere else list(operator.tenants)
    chosen = tenant or (DEFAULT_TENANT if DEFAULT_TENANT in own else own[0])
    if not everywhere and chosen not in own:
        raise NotFound(f"there is no tenant {chosen} for {actor.account}", {"tenant": chosen})
    return Access(chosen, operator.roles)
