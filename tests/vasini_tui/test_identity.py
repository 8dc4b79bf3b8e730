from __future__ import annotations

import os
import pwd

import pytest

from vasini_tui.exit_codes import UsageError
from vasini_tui.identity import acting, login_name

OVER_SSH = {"SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"}


def test_without_a_name_the_os_user_acts_whatever_the_environment_says() -> None:
    user = pwd.getpwuid(os.getuid()).pw_name
    assert login_name() == user
    assert acting(None, environ={"USER": "mallory", "LOGNAME": "mallory"}).name == user


def test_at_a_local_terminal_a_name_is_taken() -> None:
    actor = acting(" Ana María ", environ={})
    assert (actor.name, actor.via) == ("Ana María", "cli")


def test_over_ssh_a_name_is_refused_and_the_login_acts() -> None:
    with pytest.raises(UsageError, match="not accepted over ssh"):
        acting("bo", environ=OVER_SSH)
    assert acting(None, environ=OVER_SSH).name == login_name()


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[31m", "a\u202eb", "a\u200bb", "x" * 201, "a<b>"])
def test_a_name_nobody_could_read_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="--as needs a name"):
        acting(name, environ={})
