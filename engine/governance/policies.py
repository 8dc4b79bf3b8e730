"""What the operator allows runs to do. The fields of `Policies` are the one table of policies.

Settings, what `by_pack` may hold, and the digest that a run records are made of these fields.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.contracts.layers.hook import Hook
from engine.values import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MAX_PAYLOAD_BYTES = 4 * 1024 * 1024

_Count = Annotated[int, Field(ge=1)]


def tool_key(name: str) -> str:
    """A name of a tool or model as lists compare it: case and spaces around it make no difference."""
    return name.strip().casefold()


def _keys(names: object) -> object:
    if isinstance(names, list | tuple | set | frozenset):
        return [tool_key(name) if isinstance(name, str) else name for name in names]
    return names


_Names = Annotated[frozenset[str], BeforeValidator(_keys)]


class Policies(BaseModel):
    """The policies in force. Counts hold for a run and the runs of its subflows; None is no limit.

    An empty list of what is allowed allows all that is not blocked. `enforce: false` switches off the lists
    and autonomy; limits always hold. Sizes in bytes. `by_pack` has the policies that one pack has of its
    own: what it does not name is inherited, a list replaces the list.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    enforce: bool = True
    allow_full_autonomy: bool = False
    allowed_tools: _Names = frozenset()
    blocked_tools: _Names = frozenset()
    allowed_models: _Names = frozenset()
    blocked_models: _Names = frozenset()
    model_max_tokens: _Count | None = None
    """Of one answer of a model."""
    max_steps: _Count | None = None
    max_tool_calls: _Count | None = None
    max_tokens_per_run: _Count | None = None
    """Of questions to models and their answers."""
    max_payload_bytes: _Count = DEFAULT_MAX_PAYLOAD_BYTES
    separate_duties: bool = False
    """Nobody approves a run that they requested."""
    hooks: Annotated[tuple[Hook, ...], Field(max_length=100)] = ()
    """What stops agents and plans, beside the hooks of their packs."""
    by_pack: dict[str, Self] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_level(self) -> Self:
        if any("by_pack" in own.model_fields_set for own in self.by_pack.values()):
            raise ValueError("a pack's own policies hold no by_pack")
        return self

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The policies that a pack may have of its own."""
        return tuple(name for name in cls.model_fields if name != "by_pack")

    def for_pack(self, pack_id: str) -> Self:
        """The policies that hold for this pack's runs; `by_pack` is resolved and empty."""
        own = self.by_pack.get(pack_id)
        named = {name: getattr(own, name) for name in own.model_fields_set} if own is not None else {}
        return self.model_copy(update={**named, "by_pack": {}})

    @property
    def model_lists(self) -> tuple[frozenset[str], frozenset[str]]:
        """Models that may be asked (none named: all), and that may not; empty where nothing is enforced."""
        return (self.allowed_models, self.blocked_models) if self.enforce else (frozenset(), frozenset())

    def digest(self) -> str:
        """Digest of what is in force, the same in every process."""
        plain = self.model_dump(mode="json", exclude={"by_pack"})
        return digest_of(
            {
                name: sorted(value) if isinstance(getattr(self, name), frozenset) else value
                for name, value in plain.items()
            }
        )

    def unknown_names(
        self, tools: frozenset[str], models: frozenset[str], packs: frozenset[str]
    ) -> list[str]:
        """Warnings about names in the lists that no tool, model or pack has."""
        known = {"tool": tools, "model": models}
        found = _unknown(self, "policies", known)
        for pack_id, own in sorted(self.by_pack.items()):
            if pack_id not in packs:
                found.append(f"policies.by_pack: there is no pack `{pack_id}`")
            found += _unknown(own, f"policies.by_pack.{pack_id}", known)
        return found


def _unknown(policies: Policies, place: str, known: Mapping[str, frozenset[str]]) -> list[str]:
    return [
        f"{place}.{setting}: there is no {what} `{name}`"
        for what, names in known.items()
        for setting in (f"allowed_{what}s", f"blocked_{what}s")
        for name in sorted(getattr(policies, setting) - names)
    ]
