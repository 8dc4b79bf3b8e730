"""Flows whose agent is another program, and what that program notes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.acp.settings import AgentSettings
from engine.contracts.status import RunStatus
from tests.engine.runtime.embedded_home import (
    Home,
    rest,
    until,
)

if TYPE_CHECKING:
    from engine.contracts.runs.listed import RunView
    from engine.facade.engine import Engine


AGENT = Path(__file__).parents[2] / "fakes" / "agents" / "plain_agent.py"


def agents(home: Home, behavior: str, **fields: Any) -> AgentSettings:
    """The settings of one agent, `plain`, that behaves so and writes below the home."""
    folder = home.root / "deeds"
    folder.mkdir(exist_ok=True)
    args = ["-I", "-S", str(AGENT), behavior, str(folder)]
    return AgentSettings.model_validate(
        {"acp": {"plain": {"command": sys.executable, "args": args, **fields}}}
    )


def agent(**fields: Any) -> dict[str, Any]:
    given = {"instructions": "Be a test.", "prompt": "Make it."}
    return {"id": "work", "type": "agent", "agent": "acp:plain", **given, **fields}


def made(home: Home) -> bool:
    return (home.root / "deeds" / "made.txt").exists()


def notes(home: Home) -> list[str]:
    file = home.root / "deeds" / "notes"
    return file.read_text().splitlines() if file.exists() else []


async def said(engine: Engine, run_id: str) -> str:
    return str((await engine.runs.step(run_id, "work/0/prompt")).output["text"])


async def ended(engine: Engine, run_id: str) -> RunView:
    async def over() -> bool:
        return (await engine.runs.summary(run_id)).status in {RunStatus.COMPLETED, RunStatus.FAILED}

    await until(over)
    return await rest(engine, run_id)
