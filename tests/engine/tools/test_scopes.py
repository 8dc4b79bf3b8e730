"""Directories of scoped tools: what the start payload of a run makes of the paths of its pack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.contracts.layers.tools import Tools
from engine.governance.tools_layer import tools_layer
from engine.tools.scopes import opened_scopes, rendered_scopes


def scopes(*paths: str, filesystem: str = "scoped", **payload: Any) -> dict[str, list[str]]:
    tool = {"id": "files.read", "name": "x", "sandbox": {"filesystem": filesystem, "scoped_paths": paths}}
    layer = tools_layer(Tools.model_validate({"available": [tool]}, strict=False))
    return rendered_scopes(layer, payload)


def test_paths_are_rendered_and_links_of_absolute_ones_resolved(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    made = scopes("{{ payload.where }}/src", "{{ payload.root }}/link", where="repo", root=str(tmp_path))
    assert made == {"files.read": ["repo/src", str((tmp_path / "real").resolve())]}


@pytest.mark.parametrize("where", ["..", "../b", "a/../../b", "/a/../b", "", "  ", "a\0b"])
def test_a_path_that_leads_upwards_or_nowhere_is_left_out(where: str) -> None:
    assert scopes("{{ payload.where }}", "kept", where=where) == {"files.read": ["kept"]}


def test_a_path_that_the_payload_does_not_make_is_left_out() -> None:
    stored = {"$blob": "0" * 64, "size": 9, "preview": "…"}
    assert scopes("{{ payload.gone.for.good }}", "kept") == {"files.read": ["kept"]}
    assert scopes("{{ payload.where }}", "kept", where=stored) == {"files.read": ["kept"]}


def test_tools_that_are_not_scoped_have_no_paths() -> None:
    assert scopes(filesystem="read_only") == {}
    assert rendered_scopes(tools_layer(Tools()), {}) == rendered_scopes(None, {}) == {}


def test_relative_paths_are_below_the_work_folder() -> None:
    opened = opened_scopes({"files.read": ["src", "/etc"]}, Path("/work"))
    assert opened == {"files.read": (Path("/work/src"), Path("/etc"))}
