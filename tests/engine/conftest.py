"""Folders of tests in memory: a disk takes a fifth of the processor time of tests of journals and of runs."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.in_memory import in_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOOLS = Path(__file__).with_name("tools")


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest) -> Iterator[Path]:
    """In memory and gone after the test, where the machine has room there; else that of all tests.

    Tools and sandboxes touch nothing below /dev, where memory is: tests of them are `on_disk`.
    """
    memory = in_memory()
    on_disk = request.path.is_relative_to(_TOOLS) or request.node.get_closest_marker("on_disk")
    if memory is None or on_disk:
        path: Any = request.getfixturevalue("tmp_path")
        yield path
        return
    with TemporaryDirectory(prefix="vasini-test-", dir=memory, ignore_cleanup_errors=True) as place:
        yield Path(place)
