"""The settings in force: a group that nobody set is made of its defaults when it is first asked for."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import SecretStr

    from engine.acp.settings import AgentSettings
    from engine.budget.settings import BudgetSettings
    from engine.governance.policies import Policies
    from engine.models.settings import ModelSettings
    from vasini_tui.settings.groups import (
        ConsoleSettings,
        EngineSettings,
        IdentitySettings,
        LoggingSettings,
        PackSettings,
    )
    from vasini_tui.settings.seldom_asked import NotifySettings, SloSettings, ToolSettings

_HOMES = {
    "policies": "engine.governance.policies:Policies",
    "identity": "vasini_tui.settings.groups:IdentitySettings",
    "logging": "vasini_tui.settings.groups:LoggingSettings",
    "tools": "vasini_tui.settings.seldom_asked:ToolSettings",
    "models": "engine.models.settings:ModelSettings",
    "agents": "engine.acp.settings:AgentSettings",
    "budget": "engine.budget.settings:BudgetSettings",
    "engine": "vasini_tui.settings.groups:EngineSettings",
    "packs": "vasini_tui.settings.groups:PackSettings",
    "console": "vasini_tui.settings.groups:ConsoleSettings",
    "notify": "vasini_tui.settings.seldom_asked:NotifySettings",
    "slo": "vasini_tui.settings.seldom_asked:SloSettings",
    "secrets": "vasini_tui.settings.seldom_asked:Secrets",
}
GROUPS = tuple(_HOMES)
"""Every group by its name."""
CHECKED_TOGETHER = frozenset({"models", "budget", "console"})
"""Groups of which something can be wrong only when all sources are known (together.py)."""


class Settings:
    """All groups. `given` are those that somebody set."""

    policies: Policies
    identity: IdentitySettings
    logging: LoggingSettings
    tools: ToolSettings
    models: ModelSettings
    agents: AgentSettings
    budget: BudgetSettings
    engine: EngineSettings
    packs: PackSettings
    console: ConsoleSettings
    notify: NotifySettings
    slo: SloSettings
    secrets: Mapping[str, SecretStr]

    def __init__(self, **given: Any) -> None:
        self.given = frozenset(given)
        self.__dict__ |= {"secrets": {}, **given}

    if not TYPE_CHECKING:  # a name that is none is found by the type checker

        def __getattr__(self, name: str) -> Any:
            """A group that nobody set."""
            if name not in _HOMES:
                raise AttributeError(name)
            made = self.__dict__[name] = kind_of(name)()
            return made


def kind_of(group: str) -> Any:
    """What a group is: a class, or the type of a mapping."""
    module, _, name = _HOMES[group].partition(":")
    return getattr(import_module(module), name)


def names_of(kind: Any) -> tuple[str, ...]:
    """The names of what stands in a group."""
    return tuple(one.name for one in fields(kind)) if is_dataclass(kind) else tuple(kind.model_fields)


def read_groups(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The groups that `data` sets, and what is wrong in it: `type`, `loc`, `msg` as pydantic tells them."""
    made: dict[str, Any] = {}
    faults: list[dict[str, Any]] = [
        {"type": "extra_forbidden", "loc": (name,), "msg": ""} for name in data if name not in _HOMES
    ]
    for name in (one for one in GROUPS if one in data):
        from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - where nothing is set it is not needed

        try:
            made[name] = TypeAdapter(kind_of(name)).validate_python(data[name])
        except ValidationError as error:  # its text holds the refused values, which may be secrets
            found = error.errors(include_input=False, include_url=False, include_context=False)
            faults += [{**fault, "loc": (name, *fault["loc"])} for fault in found]
    return made, faults


def leaves(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each setting with its path; of a pack's own policies only those that are set."""
    if isinstance(value, Settings):
        names: Any = GROUPS
    elif isinstance(value, dict):
        if not value:
            yield above, value
        for name in sorted(value):
            yield from leaves(value[name], (*above, name))
        return
    elif hasattr(value, "model_fields_set"):
        names = value.model_fields_set if len(above) > 2 else names_of(type(value))
    elif is_dataclass(value):
        names = names_of(type(value))
    else:
        yield above, value
        return
    for name in names:
        yield from leaves(getattr(value, name), (*above, name))
