"""The engine knows no user interface: proven in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.system

PROGRAM = """\
import importlib, pkgutil, sys
import engine
names = [module.name for module in pkgutil.walk_packages(engine.__path__, "engine.")]
for name in names:
    importlib.import_module(name)
roots = {name.partition(".")[0] for name in sys.modules}
print(len(names), *sorted(roots & {"textual", "rich", "typer", "click", "screens", "vasini_tui"}))
"""


def test_the_engine_imports_no_user_interface() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    number, *interfaces = done.stdout.split()
    assert int(number) > 50
    assert interfaces == []
