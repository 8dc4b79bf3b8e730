"""What holds for every suite: no example of a property test is timed, for a busy machine is no fault, and a
property has no more examples than all tests together can be waited for."""

from __future__ import annotations

import gc
import re
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import forked_workers
from tests.system import warm_process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

settings.register_profile("untimed", deadline=None, max_examples=60)
settings.load_profile("untimed")
_YOUNG_OBJECTS = 20_000
"""How many have to be new before garbage is looked for."""
_numbers = count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As pytest's own, which for the number of each looks through all that thousands of tests have made."""
    name = re.sub(r"\W", "_", request.node.name)[:25]
    place = tmp_path_factory.getbasetemp() / f"{name}-{next(_numbers)}"
    place.mkdir(mode=0o700)
    return place


def pytest_configure(config: pytest.Config) -> None:
    """The workers of pytest-xdist share the process that others are forked from."""
    if not hasattr(config, "workerinput"):
        config.add_cleanup(warm_process.start())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[object]) -> None:
    """See `forked_workers`."""
    config.add_cleanup(forked_workers.start([str(word) for word in config.invocation_params.args], specs))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts processes mostly waits, and takes longest: it comes first, and all else goes on beside it.

    pytest-xdist gives each of its workers one stretch of the list and takes from the ends of the others'
    when one is through: so of five workers every other one begins with a third of what waits, and makes the
    processes that others are forked from.
    """
    waiting = [item for item in items if item.get_closest_marker("system")]
    rest = [item for item in items if not item.get_closest_marker("system")]
    third, stretch = max(1, -(-len(waiting) // 3)), len(items) // 5
    items[:] = []
    for begin in range(0, len(waiting), third):
        first = waiting[begin : begin + third]
        number = max(0, 2 * stretch - len(first))
        items += [*first, *rest[:number]]
        del rest[:number]
    items += rest


def pytest_collection() -> None:
    """While tests are loaded nothing becomes garbage."""
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Thousands of tests and all modules stay: whoever looks for garbage passes them by."""
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """pytest looks for garbage five times at the end, for what a destructor raises; once finds all of it."""
    gc.collect()
    gc.freeze()
