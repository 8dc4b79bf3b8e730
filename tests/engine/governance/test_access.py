from __future__ import annotations

import pytest

from engine.contracts.actor import Actor, Operator, Role, acting_as, recorded_account
from engine.errors import ErrorCode, NotFound, Refused
from engine.governance.access import EVERYTHING, Access, access_of

ANA = Actor(name="ana", account="ana")
OPERATORS = {
    "ana": Operator(tenants=("acme", "beta"), roles=frozenset({Role.OPERATOR})),
    "bo": Operator(tenants=("*",), roles=frozenset({Role.VIEWER})),
    "cy": Operator(tenants=("*",), roles=frozenset({Role.ADMIN})),
    "di": Operator(tenants=("acme",), roles=frozenset({Role.ADMIN})),
}


def access(account: str, tenant: str | None = None, *, all_tenants: bool = False) -> Access:
    return access_of(OPERATORS, Actor(name=account, account=account), tenant, all_tenants=all_tenants)


def test_without_operators_everybody_is_admin_of_one_tenant_at_a_time() -> None:
    assert access_of({}, ANA, None, all_tenants=False) == Access("default")
    assert access_of({}, ANA, "acme", all_tenants=False) == Access("acme")
    assert access_of({}, ANA, None, all_tenants=True) == EVERYTHING


def test_an_operator_looks_at_the_first_of_its_tenants_or_at_the_one_it_names() -> None:
    assert access("ana").tenant == "acme"
    assert access("ana", "beta").tenant == "beta"
    assert access("bo").tenant == "default"
    assert access("bo", "any").tenant == "any"


def test_a_tenant_of_others_is_not_there() -> None:
    with pytest.raises(NotFound):
        access("ana", "other")
    with pytest.raises(NotFound):
        access("ana").narrowed("beta")


@pytest.mark.parametrize("account", ["ana", "bo", "di", "nobody"])
def test_every_tenant_at_once_is_for_an_admin_of_every_tenant(account: str) -> None:
    with pytest.raises(Refused) as caught:
        access(account, all_tenants=True)
    assert caught.value.code is ErrorCode.ROLE_MISSING
    assert access("cy", all_tenants=True).tenant is None


def test_a_role_does_what_it_says_and_an_admin_everything() -> None:
    access("ana").require(Role.OPERATOR, ANA)
    for role in Role:
        access("cy").require(role, ANA)
    with pytest.raises(Refused, match="only approver may decide approvals"):
        access("ana").require(Role.APPROVER, ANA)


def test_the_account_stands_beside_the_name() -> None:
    assert acting_as("ana", "the-ciso") == "ana (as the-ciso)"
    assert acting_as("ana", "ana") == "ana"
    assert recorded_account("ana (as the-ciso)") == recorded_account("ana") == "ana"
