"""Who acts: a person, a worker, a timer."""

from __future__ import annotations

from pydantic import Field

from engine.contracts.model import Contract


class Actor(Contract):
    """Who does something, and from where (cli, console, worker, timer, engine)."""

    name: str = Field(min_length=1, max_length=200)
    via: str = "engine"

    def __str__(self) -> str:
        return f"{self.name} ({self.via})"
