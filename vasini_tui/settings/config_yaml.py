"""The text of a settings file read as YAML, safely, with the line of every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from engine.packs.source.yaml_events import ReadError, bounded_events
from vasini_tui.settings.config_content import ConfigFile, KeyPath, by_one_name, config_invalid

if TYPE_CHECKING:
    from pathlib import Path


def parse_config(path: Path, text: str) -> ConfigFile:
    """The content. Raises VasiniError (`config_invalid`)."""
    try:
        bounded_events(text)  # aliases may stand for more than there is memory
        node = yaml.compose(text, yaml.SafeLoader)
        if node is None:
            return ConfigFile(path)
        if not isinstance(node, yaml.MappingNode):
            _refuse(path, "must be a mapping of settings groups, such as `policies:`", node)
        lines: dict[KeyPath, int] = {}
        _index(path, node, (), lines)
        data = yaml.SafeLoader("").construct_document(node)
    except ReadError as error:
        raise config_invalid(path, error.message, line=error.line) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise config_invalid(path, f"is not valid YAML: {error.problem}", line=line) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise config_invalid(path, f"is not valid YAML: {type(error).__name__}") from error
    # An empty group (`policies:` with nothing below) means its defaults.
    return ConfigFile(
        path, *by_one_name({key: value for key, value in data.items() if value is not None}, lines)
    )


def _index(path: Path, node: Any, above: KeyPath, lines: dict[KeyPath, int]) -> None:
    """Remember the line of every key and item; refuse what safe_load would take without a word."""
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
                _refuse(path, "a key must be plain text", key_node)
            key = (*above, key_node.value)
            if key in lines:
                _refuse(path, f"the key {'.'.join(key)} stands here a second time", key_node)
            lines[key] = key_node.start_mark.line + 1
            _index(path, value_node, key, lines)
    elif isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            key = (*above, str(place))
            lines[key] = item.start_mark.line + 1
            _index(path, item, key, lines)


def _refuse(path: Path, problem: str, node: Any) -> NoReturn:
    raise config_invalid(path, problem, line=node.start_mark.line + 1)
