"""Nothing of another tenant is on any screen of a console, in no list, count, search, notice or jump."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from engine.budget.settings import BudgetSettings, CapSetting
from engine.contracts.actor import Actor, Operator, Role
from engine.contracts.notes import SavedFilter
from engine.contracts.status import RunStatus
from tests.engine.runtime.embedded_home import Home, approval, form, rest, tool
from tests.fakes.engine import FakeEngine
from tests.screens.conftest import HandClock, Stage
from tests.screens.stillness import draws_when_still
from vasini_tui.console.app import ConsoleApp
from vasini_tui.console.options import ConsoleOptions

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.facade.engine import Engine

MOLE = Actor(name="mole-ann", account="mole-ann", via="cli")
BEN = Actor(name="ben", account="ben", via="console")
OPERATORS = {
    "mole-ann": Operator(tenants=("molehill",), roles=frozenset({Role.OPERATOR, Role.APPROVER})),
    "ben": Operator(tenants=("beta",), roles=frozenset({Role.ADMIN})),
}
CAPS = (
    CapSetting.model_validate({"scope": "tenant", "of": "molehill", "window": "month", "hard": 10}),
    CapSetting.model_validate({"scope": "pack", "of": "demo", "window": "day", "hard": 10}),
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "additionalProperties": True}
    named: dict[str, Any] = {"title": "{{ payload.name }}", "input": schema}
    home.flow("gated", approval("gate", "Go on, {{ payload.name }}?", gates="a"), tool("a"), **named)
    home.flow("asks", form(), **named)
    broke = {"message": "{{ payload.name }} broke"}
    home.flow("fails", tool("a", "fake.fail", params=broke), **named)
    home.flow("fine", tool("a", params={"said": "{{ payload.name }}"}), **named)
    return home


async def filled(engine: Engine, actor: Actor, name: str) -> set[str]:
    """Runs of each kind, with what people did to them; ids that nobody else may see."""
    ids: set[str] = set()
    for flow in ("gated", "gated", "asks", "fails", "fine"):
        run = await engine.runs.start("demo", flow, {"name": name}, actor=actor, session_id=f"{name}-s")
        ids.add((await rest(engine, run.run_id)).run_id)
    waiting = (await engine.requests.approvals()).items
    await engine.requests.reject(waiting[0].approval_id, actor=actor, comment=f"{name} says no")
    await engine.requests.claim(waiting[1].approval_id, actor=actor)
    await rest(engine, waiting[0].run_id, expect=RunStatus.FAILED)
    await engine.saved_filters.save(actor.name, SavedFilter(name=name, text=name))
    forms = (await engine.requests.forms()).items
    return ids | {one.approval_id for one in waiting} | {one.request_id for one in forms}


def all_of(stage: Stage) -> str:
    """What stands on the screen, and every notice."""
    return f"{stage.text()}\n{stage.notices()}"


async def walked(stage: Stage, keys: Iterable[str]) -> str:
    seen = ""
    for key in keys:
        await stage.press(key)
        await stage.still()
        seen += f"\n--- {key}\n{all_of(stage)}"
    return seen


WALK = (
    *("1", "j", "enter", "]", "]", "]", "]", "]", "i", "escape", "escape", "f", "escape", "!", "escape"),
    *("1", "d", "escape", "h", "escape", "s", "escape", "R", "escape", "c", "escape"),
    *("/", *"MOLE", "enter", "escape", "/", *"words:MOLE", "enter", "escape", "/", *"by:MOLE-ann", "enter"),
    *("escape", "2", "enter", "G", "o", "l", "escape", "M", "space", "M", "escape", "3", "enter", "escape"),
    *("4", "tab", "$", "$", "<", ">", "c", "escape", "tab", "x", "escape", "/", *"MOLE", "enter", "escape"),
    *("5", "enter", "]", "]", "]", "]", "]", "]", "escape", "?", "escape", ":", *"MOLE", "escape", "K", "-"),
)


async def test_a_console_shows_nothing_of_another_tenant(home: Home) -> None:
    rules = {"budget": BudgetSettings(caps=CAPS)}
    async with home.working(operators=OPERATORS, **rules) as whole:
        foreign = await filled(whole.for_(MOLE), MOLE, "mole")
        engine = whole.for_(BEN)
        app = ConsoleApp(
            engine, actor=BEN, tenant="beta", settings=ConsoleOptions(bell=False), clock=HandClock()
        )
        draws_when_still(app)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            stage = Stage(app, pilot, FakeEngine())
            await stage.until(lambda: app.current_mode == "runs" and app.screen.query("#runs"))
            await stage.still()
            await filled(engine, BEN, "own")
            foreign |= await filled(whole.for_(MOLE), MOLE, "mole")
            seen = await walked(stage, WALK)
    assert "Go on, own?" in seen
    lines = [line for line in seen.splitlines() if "mole" in line or any(one in line for one in foreign)]
    assert not lines, "\n".join(lines)
