"""Settings in force: environment > secrets file > config file > defaults, and where each one is from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from engine.budget.caps import EACH
from engine.budget.settings import ModelPrice
from engine.contracts.actor import Operator
from engine.contracts.governing.budget import CapScope
from engine.errors import ErrorCode, VasiniError
from engine.governance.policies import Policies
from engine.models.settings import NamedModel, ProviderName
from engine.tools.mcp.settings import McpServer
from vasini_tui.settings.config_files import read_config_file
from vasini_tui.settings.groups import SettingsShape
from vasini_tui.settings.places import Places, find_places

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from engine.budget.settings import BudgetSettings
    from engine.models.settings import ModelSettings
    from vasini_tui.settings.config_content import ConfigFile, KeyPath

PREFIX = "VASINI_"
DELIMITER = "__"
_OWN_VARIABLES = frozenset({"VASINI_HOME"})
_BY_NAME: Mapping[str, type[BaseModel]] = {
    "operators": Operator,
    "named": NamedModel,
    "prices": ModelPrice,
    "servers": McpServer,
}
"""What stands under each name of a mapping."""

Source = Literal["env", "secrets file", "config file", "default"]


class _Variables(SettingsShape, BaseSettings):
    """How the environment names them; never made."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
    )


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """One setting as `doctor` shows it: a secret is only ever `set`."""

    key: str
    value: Any
    source: Source


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings, the places they belong to, and what each source said."""

    values: SettingsShape
    places: Places
    sources: Mapping[Source, Mapping[str, Any]]
    problems: tuple[VasiniError, ...] = ()

    def in_force(self) -> Iterator[SettingInForce]:
        """Every setting with its value and where it is from."""
        for key, value in _leaves(self.values, ()):
            yield SettingInForce(".".join(key), _shown(value), self._source_of(key))

    def secret_values(self) -> tuple[str, ...]:
        """The secrets themselves, for masking them."""
        return tuple(secret.get_secret_value() for secret in self.values.secrets.values())

    def _source_of(self, key: KeyPath) -> Source:
        for source, data in self.sources.items():
            if _holds(data, key):
                return source
        return "default"


class _Environment(EnvSettingsSource):
    """The environment; a secret is text there even when it looks like a number or JSON."""

    def __call__(self) -> dict[str, Any]:
        state = super().__call__()
        prefix = f"{PREFIX}secrets{DELIMITER}".lower()
        secrets = {
            name[len(prefix) :]: value
            for name, value in self.env_vars.items()
            if name.startswith(prefix) and value is not None
        }
        if secrets:
            whole = state.get("secrets")
            state["secrets"] = {**(whole if isinstance(whole, dict) else {}), **secrets}
        return state


def load_settings(*, without: frozenset[Source] = frozenset()) -> LoadedSettings:
    """Read every source and merge them. Raises VasiniError (`config_invalid`) naming file and key.

    `without` leaves sources out; `details["source"]` of the error says which one was at fault.
    """
    places = find_places()
    sources: dict[Source, dict[str, Any]] = {}
    files: dict[Source, ConfigFile] = {}
    if "env" not in without:
        sources["env"] = _checked_environment()
    if "secrets file" not in without:
        files["secrets file"] = _checked_file("secrets file", places.secrets_file, private=True)
    if "config file" not in without:
        files["config file"] = _checked_file("config file", places.config_file, private=False)
    sources |= {source: file.data for source, file in files.items()}

    values = SettingsShape.model_validate(_merged(sources.values()))
    _check_together(_faulty_models(values.models), sources, files)
    _check_together(_faulty_prices(values.models, values.budget), sources, files)
    if values.console.keys:
        _check_together(_faulty_keys(values.console.keys), sources, files)
    return LoadedSettings(values, places, sources)


def _merged(sources: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What the sources say together, the strongest first; mappings are merged, lists are not."""
    merged: dict[str, Any] = {}
    for source in sources:
        for key, value in source.items():
            stronger = merged.get(key)
            if key not in merged:
                merged[key] = value
            elif isinstance(stronger, dict) and isinstance(value, dict):
                merged[key] = _merged((stronger, value))
    return merged


def load_what_can_be() -> LoadedSettings:
    """For `doctor`: leave every faulty source out and tell what was wrong with it."""
    problems: list[VasiniError] = []
    without: frozenset[Source] = frozenset()
    while True:
        try:
            loaded = load_settings(without=without)
        except VasiniError as error:
            problems.append(error)
            without |= {error.details["source"]}
        else:
            return LoadedSettings(loaded.values, loaded.places, loaded.sources, tuple(problems))


def unknown_variables(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Names that look like ours in the environment and set nothing (a misspelled group, for one)."""
    groups = set(SettingsShape.model_fields)
    return tuple(
        sorted(
            name
            for name in environ
            if name.startswith(PREFIX)
            and name not in _OWN_VARIABLES
            and name.removeprefix(PREFIX).lower().split(DELIMITER)[0] not in groups
        )
    )


def _checked_environment() -> dict[str, Any]:
    try:
        data = _Environment(_Variables)()
    except SettingsError as error:
        message = f"environment: {error}; a list or mapping is written as JSON"
        raise VasiniError(ErrorCode.CONFIG_INVALID, message, {"source": "env"}) from None
    try:
        SettingsShape.model_validate(data)
    except ValidationError as error:
        raise _invalid("env", error, None) from None
    for key in _decides_who(data):
        message = "is read from config.yaml only: anybody can set a variable for themselves"
        name = PREFIX + DELIMITER.join(key).upper()
        raise _config_error("env", [{"file": "environment", "line": None, "key": name, "message": message}])
    return data


def _decides_who(data: Mapping[str, Any]) -> Iterator[KeyPath]:
    """Settings that bind the very person who could set the variable."""
    if "identity" in data:
        yield ("identity", "operators")
    policies = data.get("policies", {})
    if "separate_duties" in policies:
        yield ("policies", "separate_duties")
    for pack, own in policies.get("by_pack", {}).items():
        if "separate_duties" in own:
            yield ("policies", "by_pack", pack, "separate_duties")


def _checked_file(source: Source, path: Path, *, private: bool) -> ConfigFile:
    try:
        file = read_config_file(path, private=private)
    except VasiniError as error:
        error.details["source"] = source
        raise
    try:
        SettingsShape.model_validate(file.data)
    except ValidationError as error:
        # `from None`: pydantic's text holds the refused values, which may be secrets.
        raise _invalid(source, error, file) from None
    return file


def _faulty_keys(keys: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[KeyPath, str]]:
    """Keys that cannot be, or that are in each other's way."""
    from screens.keys.keymap import read_keymap  # noqa: PLC0415  # loads Textual, which most commands do not need

    _, faults = read_keymap(keys)
    for fault in faults:
        yield ("console", "keys", fault.action_id), fault.message


def _faulty_models(models: ModelSettings) -> Iterator[tuple[KeyPath, str]]:
    """Names of models and tiers that there are not."""
    for key, message in models.faults():
        yield ("models", *key), message


def _faulty_prices(models: ModelSettings, budget: BudgetSettings) -> Iterator[tuple[KeyPath, str]]:
    """Prices and caps of models that there are not, prices of those for which nobody is asked."""
    for cap in budget.caps:
        if cap.scope is CapScope.MODEL and cap.of not in {EACH, *models.all}:
            known = ", ".join(sorted(models.all))
            yield ("budget", "caps"), f"a cap is of a model {cap.of!r}, which is not there; there are {known}"
    for name in budget.prices:
        if name not in models.all:
            known = ", ".join(sorted(models.named)) or "none"
            yield (
                ("budget", "prices", name),
                f"there is no model {name!r} below models.named; there are {known}",
            )
        elif models.all[name].provider is ProviderName.SCRIPTED:
            yield (
                ("budget", "prices", name),
                f"the model {name!r} is scripted: nobody is asked, it costs nothing",
            )


def _check_together(
    faults: Iterable[tuple[KeyPath, str]],
    sources: Mapping[Source, Mapping[str, Any]],
    files: Mapping[Source, ConfigFile],
) -> None:
    """What can be checked only when all sources are known. Raises VasiniError (`config_invalid`)."""
    problems: list[dict[str, Any]] = []
    at_fault: Source = "env"
    for key, message in faults:
        source: Source = next(name for name, data in sources.items() if _holds(data, key))
        file = files.get(source)
        at_fault = at_fault if problems else source
        problems.append(
            {
                "file": str(file.path) if file else "environment",
                "line": file.line_of(key) if file else None,
                "key": ".".join(key),
                "message": message,
            }
        )
    if problems:
        raise _config_error(at_fault, problems)


def _invalid(source: Source, error: ValidationError, file: ConfigFile | None) -> VasiniError:
    problems: list[dict[str, Any]] = []
    for fault in error.errors(include_input=False, include_url=False, include_context=False):
        key = tuple(str(part) for part in fault["loc"] if part != "[key]")
        line = file.line_of(key) if file else None
        if fault["type"] == "extra_forbidden":
            message = f"unknown key; known here are {', '.join(_known_keys(key[:-1]))}"
        else:
            message = fault["msg"].removeprefix("Value error, ")
        where = str(file.path) if file else "environment"
        name = ".".join(key) if file else PREFIX + DELIMITER.join(key).upper()
        problems.append({"file": where, "line": line, "key": name, "message": message})
    return _config_error(source, problems)


def _config_error(source: Source, problems: list[dict[str, Any]]) -> VasiniError:
    first = problems[0]
    place = f"{first['file']}:{first['line']}" if first["line"] else first["file"]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    words = f"{place}: {first['key']}: {first['message']}{more}"
    return VasiniError(ErrorCode.CONFIG_INVALID, words, {"source": source, "problems": problems})


def _known_keys(above: KeyPath) -> tuple[str, ...]:
    model: type[BaseModel] = SettingsShape
    for part in above:
        field = model.model_fields.get(part)
        kind = field.annotation if field else None
        if kind is not None and isinstance(kind, type) and issubclass(kind, BaseModel):
            model = kind
        elif part in _BY_NAME:
            model = _BY_NAME[part]
        elif part == "by_pack":
            return Policies.names()
    return tuple(model.model_fields)


def _leaves(value: Any, above: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Each setting with its path; of a pack's own policies only those that are set."""
    if isinstance(value, BaseModel):
        names = value.model_fields_set if len(above) > 2 else type(value).model_fields
        for name in names:
            yield from _leaves(getattr(value, name), (*above, name))
    elif isinstance(value, dict) and value:
        for name in sorted(value):
            yield from _leaves(value[name], (*above, name))
    else:
        yield above, value


def _holds(data: Mapping[str, Any], key: KeyPath) -> bool:
    inner: Any = data
    for part in key:
        if not isinstance(inner, Mapping) or part not in inner:
            return False
        inner = inner[part]
    return True


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return "set"
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return value
