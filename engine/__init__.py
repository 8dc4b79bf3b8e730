"""vasini's engine: a durable orchestrator of flows. It knows no user interface.

`open_engine(config)` gives an `Engine` (see `engine.facade.engine`); names load when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.config import EngineConfig
    from engine.facade.engine import Engine
    from engine.runtime.embedded.engine import open_engine

_HOMES = {
    "Engine": "engine.facade.engine",
    "EngineConfig": "engine.config",
    "open_engine": "engine.runtime.embedded.engine",
}

__all__ = ["Engine", "EngineConfig", "open_engine"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    return getattr(import_module(home), name)
