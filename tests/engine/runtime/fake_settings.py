"""Settings that a test changes while runs are worked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.budget.settings import BudgetSettings
from engine.config import ChangedSettings
from engine.models.settings import ModelSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.tools.mcp.settings import McpServer


class FakeSettings:
    """Are changed by what is declared, or cannot be read (`fail`)."""

    def __init__(self) -> None:
        self._declared: list[ChangedSettings | OSError] = []
        self._looked = 0

    def declare(
        self,
        servers: Mapping[str, McpServer] | None = None,
        secrets: Mapping[str, str] | None = None,
        models: ModelSettings | None = None,
        budget: BudgetSettings | None = None,
    ) -> None:
        """What they say from now on."""
        changed = ChangedSettings(
            servers or {}, models or ModelSettings(), budget or BudgetSettings(), secrets or {}
        )
        self._declared.append(changed)

    def fail(self, error: OSError) -> None:
        """They cannot be read the next time."""
        self._declared.append(error)

    def __call__(self) -> ChangedSettings | None:
        self._looked = self._looked + 1 if not self._declared else 0
        found = self._declared.pop() if self._declared else None
        if isinstance(found, OSError):
            raise found
        return found

    async def taken(self) -> bool:
        """Whether what was declared counts: it was looked for more once since."""
        return not self._declared and self._looked > 0
