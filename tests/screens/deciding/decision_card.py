"""The card of an approval, on the screen and ready to be decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from screens.approvals.screen import ApprovalsScreen
from tests.fakes.engine import FakeEngine
from tests.fakes.views import a_run, an_approval

if TYPE_CHECKING:
    from tests.screens.conftest import Stage


def engine_with(**more: Any) -> FakeEngine:
    return FakeEngine().add(a_run(), an_approval(**more))


async def to_card(stage: Stage) -> None:
    await stage.press("2")
    await stage.on(ApprovalsScreen)
    await stage.shows("What exactly will happen")


async def to_decidable_card(stage: Stage) -> None:
    await to_card(stage)
    await stage.graced()
