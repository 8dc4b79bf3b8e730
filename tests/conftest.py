"""What holds for every suite: no example of a property test is timed, for a busy machine is no fault."""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
_YOUNG_OBJECTS = 20_000
"""How many have to be new before garbage is looked for."""


def pytest_collection() -> None:
    """While tests are loaded nothing becomes garbage."""
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Thousands of tests and all modules stay: whoever looks for garbage passes them by."""
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
    gc.enable()
