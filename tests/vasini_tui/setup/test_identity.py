from __future__ import annotations

import os
import pwd
import subprocess
import sys

import pytest

from engine.contracts.actor import Operator, Role
from engine.errors import ErrorCode, Refused
from vasini_tui.exit_codes import UsageError
from vasini_tui.identity import acting, login_name, over_ssh

ME = login_name()


def operator(*roles: Role) -> dict[str, Operator]:
    return {ME: Operator(tenants=("default",), roles=frozenset(roles))}


def test_without_a_name_the_account_acts_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("USER", "LOGNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "mallory")
    known = {entry.pw_name for entry in pwd.getpwall()} | {f"uid-{os.getuid()}"}
    assert login_name() in known
    actor = acting(None, {}, remote=False)
    assert (actor.name, actor.account, actor.via) == (ME, ME, "cli")


def test_a_name_stands_beside_the_account() -> None:
    actor = acting(" Ana María ", {}, remote=False, via="console")
    assert (actor.name, actor.account, actor.via) == (f"{ME} (as Ana María)", ME, "console")


def test_over_ssh_a_name_is_refused_and_the_login_acts() -> None:
    with pytest.raises(UsageError, match="not accepted over ssh"):
        acting("bo", {}, remote=True)
    actor = acting(None, {}, remote=True, via="console")
    assert (actor.name, actor.via) == (ME, "ssh")


@pytest.mark.parametrize("remote", [False, True])
def test_with_operators_only_an_admin_acts_under_another_name(remote: bool) -> None:
    for operators in (operator(Role.OPERATOR, Role.APPROVER), {"other": operator(Role.ADMIN)[ME]}):
        with pytest.raises(Refused) as caught:
            acting("bo", operators, remote=remote)
        assert caught.value.code is ErrorCode.ROLE_MISSING
    assert acting("bo", operator(Role.ADMIN), remote=remote).name == f"{ME} (as bo)"


def test_a_session_over_ssh_is_known_also_without_its_variable() -> None:
    program = "from vasini_tui.identity import over_ssh; print(over_ssh())"
    unset = [
        "sh",
        "-c",
        'env -u SSH_CONNECTION "$0" -c "$1"; exit $?',
        sys.executable,
        program,
    ]
    env = {**os.environ, "SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"}
    told = subprocess.run(unset, env=env, capture_output=True, text=True, check=True).stdout
    assert told == "True\n"
    assert over_ssh({}) is over_ssh({"SSH_CONNECTION": ""})


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[31m", "a\u202eb", "a\u200bb", "x" * 201, "a<b>"])
def test_a_name_nobody_could_read_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--as needs a name"):
        acting(name, {}, remote=False)
