"""What the operator allows runs to do (design: governance, Policies).

Limits of counts are per run; None means no limit. Sizes in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MAX_PAYLOAD_BYTES = 4 * 1024 * 1024


class PolicyOverride(TypedDict, total=False):
    """The policies one pack has of its own; what is not named is inherited, a list replaces the list."""

    enforce: bool
    allow_full_autonomy: bool
    allowed_tools: frozenset[str]
    blocked_tools: frozenset[str]
    max_steps: int | None
    max_tool_calls: int | None
    max_payload_bytes: int


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies in force. An empty `allowed_tools` allows every tool that is not blocked."""

    enforce: bool = True
    allow_full_autonomy: bool = False
    allowed_tools: frozenset[str] = frozenset()
    blocked_tools: frozenset[str] = frozenset()
    max_steps: int | None = None
    max_tool_calls: int | None = None
    max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES
    by_pack: Mapping[str, PolicyOverride] = field(default_factory=dict)

    def for_pack(self, pack_id: str) -> Policies:
        """The policies that hold for this pack's runs; `by_pack` is resolved and empty."""
        override = self.by_pack.get(pack_id, PolicyOverride())
        return replace(self, by_pack={}, **override)
