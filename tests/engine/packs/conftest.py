"""Packs written into a temporary directory, the way an author would, and the tools of those we ship."""

from __future__ import annotations

import importlib.util
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.engine.packs.layered_pack import LayeredPack

if TYPE_CHECKING:
    from types import ModuleType


ROLE = "role: {title: Tester, domain: Tests, goal: {primary: Be loaded}}\n"
PACKS = Path(__file__).parents[3] / "packs"


class LoadTools(Protocol):
    def __call__(self, pack_id: str) -> ModuleType: ...


class WritePack(Protocol):
    def __call__(self, pack_id: str = "demo", *, root: str = "packs", **flows: str) -> Path: ...


@pytest.fixture
def demo(tmp_path: Path) -> LayeredPack:
    """A pack `demo` whose layers are written one by one."""
    return LayeredPack(tmp_path)


@pytest.fixture
def write_pack(tmp_path: Path) -> WritePack:
    """Write a pack with a good manifest; each keyword is a flow file `flows/<keyword>.yaml`."""

    def write(pack_id: str = "demo", *, root: str = "packs", **flows: str) -> Path:
        directory = tmp_path / root / pack_id
        (directory / "flows").mkdir(parents=True)
        (directory / "profession-pack.yaml").write_text(
            f'schema_version: "1.0"\npack_id: {pack_id}\nversion: 1.0.0\nauthor: {{name: Somebody}}\n{ROLE}'
        )
        for name, text in flows.items():
            (directory / "flows" / f"{name}.yaml").write_text(textwrap.dedent(text))
        return directory

    return write


@pytest.fixture
def load_tools(monkeypatch: pytest.MonkeyPatch) -> LoadTools:
    """Load a shipped pack's code by its path, leaving no compiled file beside it."""

    def load(pack_id: str) -> ModuleType:
        name = f"shipped_tools_{pack_id.replace('-', '_')}"
        spec = importlib.util.spec_from_file_location(name, PACKS / pack_id / "tools.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        monkeypatch.setitem(sys.modules, name, module)  # as the host does: dataclasses look there
        monkeypatch.syspath_prepend(PACKS / pack_id)
        for part in (PACKS / pack_id).glob("tools_*.py"):  # another pack may have one of that name
            monkeypatch.delitem(sys.modules, part.stem, raising=False)
        spec.loader.exec_module(module)
        return module

    return load
