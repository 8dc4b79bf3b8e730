"""A cap as a person saw it: what is changed is bound to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from engine.budget.caps import Cap
    from engine.contracts.governing.budget import CapScope, CapWindow


@dataclass(frozen=True, slots=True)
class ShownCap:
    """A cap as a person saw it who changes it; `caps` are those of the settings, `zone` that of windows."""

    scope: CapScope
    window: CapWindow
    tenant: str
    name: str
    soft: int | None
    hard: int | None
    caps: Sequence[Cap]
    zone: ZoneInfo
    now: int
