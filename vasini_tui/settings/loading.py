"""Settings in force: environment > `.env` > secrets file > config file > defaults; where each one is from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import VasiniError
from vasini_tui.settings.config_content import config_error
from vasini_tui.settings.config_files import read_config_file
from vasini_tui.settings.in_force import CHECKED_TOGETHER, Settings, leaves, read_groups
from vasini_tui.settings.places import Places, find_places
from vasini_tui.settings.variables import DELIMITER, PREFIX, secrets_for_models, sets_something

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from vasini_tui.settings.config_content import ConfigFile, KeyPath

Source = Literal["env", "env file", "secrets file", "config file", "default"]


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """One setting as `doctor` shows it: a secret is only ever `set`."""

    key: str
    value: Any
    source: Source


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings, the places they belong to, and what each source said."""

    values: Settings
    places: Places
    sources: Mapping[Source, Mapping[str, Any]]
    problems: tuple[VasiniError, ...] = ()

    def in_force(self) -> Iterator[SettingInForce]:
        """Every setting with its value and where it is from."""
        for key, value in leaves(self.values):
            yield SettingInForce(".".join(key), _shown(value), self._source_of(key))

    def secret_values(self) -> tuple[str, ...]:
        """The secrets themselves, for masking them."""
        return tuple(secret.get_secret_value() for secret in self.values.secrets.values())

    def _source_of(self, key: KeyPath) -> Source:
        for source, data in self.sources.items():
            if _holds(data, key):
                return source
        return "default"


def load_settings(*, without: frozenset[Source] = frozenset()) -> LoadedSettings:
    """Read every source and merge them. Raises VasiniError (`config_invalid`) naming file and key.

    `without` leaves sources out; `details["source"]` of the error says which one was at fault.
    """
    places = find_places()
    sources: dict[Source, dict[str, Any]] = {}
    files: dict[Source, ConfigFile] = {}
    variables: dict[Source, Mapping[str, str]] = {}
    if "env" not in without:
        sources["env"], variables["env"] = _checked_environment(), os.environ
    if "env file" not in without:
        files["env file"], variables["env file"] = _checked_env_file(places.env_file)
    if "secrets file" not in without:
        files["secrets file"] = _checked_file("secrets file", places.secrets_file, private=True)
    if "config file" not in without:
        files["config file"] = _checked_file("config file", places.config_file, private=False)
    sources |= {source: file.data for source, file in files.items()}
    if any("models" in data for data in sources.values()):
        _add_secrets_for_models(sources, variables)

    values = Settings(**_together(sources, files))
    if values.given & CHECKED_TOGETHER:
        from vasini_tui.settings.together import faults_together  # noqa: PLC0415 - defaults have none

        for found in faults_together(values):
            _check_together(found, sources, files)
    return LoadedSettings(values, places, sources)


def _together(
    sources: Mapping[Source, Mapping[str, Any]], files: Mapping[Source, ConfigFile]
) -> dict[str, Any]:
    """The groups as all sources set them. Each source is right by itself; together they may not be."""
    merged = _merged(sources.values())
    if sum(map(bool, sources.values())) < 2:
        return read_groups(merged)[0]
    strongest: Source = next(name for name, data in sources.items() if data)
    return _require_right(strongest, merged, files.get(strongest))


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
    """For `doctor`: leave every faulty source out and tell what was wrong with it.

    Raises VasiniError where nobody knows in which place they would be.
    """
    problems: list[VasiniError] = []
    without: frozenset[Source] = frozenset()
    while True:
        try:
            loaded = load_settings(without=without)
        except VasiniError as error:
            if "source" not in error.details:
                raise
            problems.append(error)
            without |= {error.details["source"]}
        else:
            return LoadedSettings(loaded.values, loaded.places, loaded.sources, tuple(problems))


def _add_secrets_for_models(
    sources: Mapping[Source, dict[str, Any]], variables: Mapping[Source, Mapping[str, str]]
) -> None:
    """What other programs call the keys of models, from environment and `.env`: below our own name there."""
    known = _merged(sources.values()).get("secrets") or {}
    for source, environ in variables.items():
        found = secrets_for_models(environ, known)
        if found:
            sources[source]["secrets"] = {**found, **(sources[source].get("secrets") or {})}


def _checked_env_file(path: Path) -> tuple[ConfigFile, Mapping[str, str]]:
    from vasini_tui.settings.env_file import read_env_file  # noqa: PLC0415 - few have such a file

    source: Source = "env file"
    try:
        read = read_env_file(path)
    except VasiniError as error:
        error.details["source"] = source
        raise
    _require_right(source, read.settings.data, read.settings)
    _refuse_deciding(source, read.settings)
    return read.settings, read.variables


def _refuse_deciding(source: Source, file: ConfigFile) -> None:
    """Who may decide stands in one place, which is looked at for whoever else may write it."""
    for key in _decides_who(file.data):
        problem = {"file": str(file.path), "line": file.line_of(key), "key": ".".join(key)}
        raise config_error(source, [{**problem, "message": "is read from config.yaml only"}])


def _checked_environment() -> dict[str, Any]:
    if not sets_something(os.environ):
        return {}
    from vasini_tui.settings.environment import read_environment  # noqa: PLC0415 - most set nothing there

    data = read_environment(os.environ)
    _require_right("env", data, None)
    for key in _decides_who(data):
        message = "is read from config.yaml only: anybody can set a variable for themselves"
        name = PREFIX + DELIMITER.join(key).upper()
        raise config_error("env", [{"file": "environment", "line": None, "key": name, "message": message}])
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
    _require_right(source, file.data, file)
    if private:
        _refuse_deciding(source, file)
    return file


def _require_right(source: Source, data: Mapping[str, Any], file: ConfigFile | None) -> dict[str, Any]:
    """The groups that `data` sets. Raises VasiniError (`config_invalid`) for what is wrong in it."""
    groups, faults = read_groups(data)
    if faults:
        from vasini_tui.settings.source_faults import source_invalid  # noqa: PLC0415 - seldom there are any

        raise source_invalid(source, faults, file)
    return groups


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
        raise config_error(at_fault, problems)


def _holds(data: Mapping[str, Any], key: KeyPath) -> bool:
    inner: Any = data
    for part in key:
        if not isinstance(inner, Mapping) or part not in inner:
            return False
        inner = inner[part]
    return True


def _shown(value: Any) -> Any:
    if hasattr(value, "get_secret_value"):
        return "set"
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_written(item) for item in value]
    return value


def _written(item: Any) -> Any:
    """An item of a list as it was written."""
    if hasattr(item, "model_dump"):
        return item.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return str(item)
