"""Who acts: the account the system knows, and the name it may act under.

The account is the login that the session began with, else the user id's; a name given with `--as` stands
beside it. With `identity.operators` only an account that may impersonate gives one; without, nobody over ssh.
"""

from __future__ import annotations

import os
import pwd
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contracts.actor import Actor, acting_as
from engine.errors import ErrorCode, Refused
from engine.process_tree import ancestors
from vasini_tui.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.contracts.actor import Operator

_MAX_NAME = 200
_NO_LOGIN = 2**32 - 1
_SSH = "SSH_CONNECTION"
_SSHD = frozenset({"sshd", "sshd-session"})


def login_name() -> str:
    """The account of the session. The system knows it: the environment can say anything.

    The login stays what it was through `su` and `sudo`, where the system keeps it (loginuid).
    """
    with suppress(OSError, ValueError, KeyError):
        login = int(Path("/proc/self/loginuid").read_text("ascii"))
        if login != _NO_LOGIN:
            return pwd.getpwuid(login).pw_name
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"


def account_exists(login: str) -> bool:
    """Whether the system knows an account of that name."""
    try:
        pwd.getpwnam(login)
    except KeyError:
        return False
    return True


def over_ssh(environ: Mapping[str, str] = os.environ) -> bool:
    """True in a session that came over ssh, also where its variables were unset on the way."""
    return bool(environ.get(_SSH)) or any(
        process.name in _SSHD or process.began_with(_SSH) for process in ancestors()
    )


def acting(
    name: str | None, operators: Mapping[str, Operator], *, remote: bool | None = None, via: str = "cli"
) -> Actor:
    """The actor of a command; `remote`: whether the session came over ssh.

    Raises UsageError for `--as` over ssh and for a name nobody could read, Refused (`role_missing`) where
    the account may not act under another name.
    """
    remote = over_ssh() if remote is None else remote
    account, via = login_name(), "ssh" if remote else via
    if name is None:
        return Actor(name=account, account=account, via=via)
    if operators:
        operator = operators.get(account)
        if operator is None or not operator.impersonates:
            words = f"{account} may not act under another name (identity.operators); leave out --as"
            raise Refused(ErrorCode.ROLE_MISSING, words, {"account": account})
    elif remote:
        raise UsageError(f"--as is not accepted over ssh: you act as {account}, your ssh login.")
    cleaned = name.strip()
    if not cleaned or len(cleaned) > _MAX_NAME or not _readable(cleaned):
        raise UsageError(
            f"--as needs a name of 1 to {_MAX_NAME} letters, digits, spaces and the signs . _ - @ +"
        )
    return Actor(name=acting_as(account, cleaned), account=account, via=via)


def _readable(name: str) -> bool:
    # Marks (M*) belong to letters of many scripts; everything invisible or directional is refused.
    return all(char in " ._-@+" or unicodedata.category(char)[0] in "LMN" for char in name)
