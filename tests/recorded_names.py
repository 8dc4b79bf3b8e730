"""How it is recorded that this account acts under a name."""

from __future__ import annotations

from engine.contracts.actor import acting_as
from vasini_tui.identity import login_name


def recorded(name: str) -> str:
    """What stands in journal and lists for `--as NAME`."""
    return acting_as(login_name(), name)
