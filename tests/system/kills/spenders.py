"""A worker whose agents ask a model on the loopback, below a cap or a ceiling: for the tests under kills."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.budget.settings import BudgetSettings
from engine.config import Rules
from engine.governance.policies import Policies
from engine.models.settings import ModelSettings
from engine.runtime.embedded.engine import open_engine
from tests.patience import PATIENCE
from tests.system.drill import PACK, config, registry

if TYPE_CHECKING:
    from pathlib import Path

    from engine.config import EngineConfig

SLOTS = 2
"""Few runs at once in each worker, so that several kills fit into what the cap is worth."""
ANSWER = 50
"""Tokens of an answer at the most; the server tells that it used them all."""
_FLOW = """
id: ask
steps:
  - id: work
    type: agent
    instructions: Be a test.
    prompt: Say something.
    tools: []
    max_tokens: 50
"""
_TREE = """
id: tree
steps:
  - id: all
    type: parallel
    branches:
"""
_LEAF = "      - [{{id: leaf{}, type: subflow, subflow: ask, on_failure: continue}}]\n"


def make_spenders(
    home: Path, url: str, hard: int | None, *, tokens: int | None = None, leaves: int = 1
) -> None:
    """The flows, and what workers have to know: where the model is, the cap (billionths), and the ceiling of
    tokens of a run. The flow `tree` asks in as many runs of its own as there are `leaves`."""
    flows = home / "packs" / PACK / "flows"
    (flows / "ask.yaml").write_text(_FLOW)
    (flows / "tree.yaml").write_text(_TREE + "".join(_LEAF.format(number) for number in range(leaves)))
    (home / "spending.json").write_text(json.dumps({"url": url, "hard": hard, "tokens": tokens}))


def spending_config(home: Path) -> EngineConfig:
    """That of a drill, with the model, the cap and the ceiling."""
    said = json.loads((home / "spending.json").read_text())
    named = {"served": {"provider": "openai", "model": "m", "base_url": said["url"], "api_key": ""}}
    caps: list[dict[str, Any]] = []
    if said["hard"] is not None:
        dollars = f"{said['hard'] / 10**9:.9f}"
        caps = [{"scope": "tenant", "window": "total", "hard": dollars}]
    prices = {"served": {"input": 1000, "output": 1000}}
    return replace(
        config(home, lease_seconds=PATIENCE),  # dead processes are seen at once; a busy one loses nothing
        rules=Rules(
            models=ModelSettings.model_validate({"default": "served", "named": named}),
            budget=BudgetSettings.model_validate({"prices": prices, "caps": caps}),
            policies=Policies(max_tokens_per_run=said["tokens"]),
        ),
    )


async def spend(home: Path) -> None:
    """Work runs until SIGTERM."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    async with (
        open_engine(spending_config(home), registry=registry(home)) as engine,
        engine.work(slots=SLOTS),
    ):
        await stopped.wait()
