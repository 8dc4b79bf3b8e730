"""What holds for every suite: no example of a property test is timed, for a busy machine is no fault, and a
property has no more examples than all tests together can be waited for."""

from __future__ import annotations

import gc
import re
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.system import warm_process

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts processes mostly waits, and takes longest: it comes first, and all else goes on beside it.

    pytest-xdist gives each of its workers one stretch of the list and takes from the ends of the others'
    when one is through: so half of it begins the list and half the second half of it, and of four workers
    two at a time wait, and make the processes that others are forked from.
    """
    waiting = [item for item in items if item.get_closest_marker("system")]
    rest = [item for item in items if not item.get_closest_marker("system")]
    first, later = len(items) // 2, len(waiting) // 2
    begin = rest[: first - later]
    items[:] = [*waiting[:later], *begin, *waiting[later:], *rest[len(begin) :]]


def pytest_collection(session: pytest.Session) -> None:
    """While tests are loaded nothing becomes garbage.

    pytest compiles each file of tests and keeps the result. All workers of pytest-xdist would compile all of
    them side by side: each begins with a share of its own, and finds those of the others done.
    """
    gc.disable()
    share: dict[str, Any] = getattr(session.config, "workerinput", {})
    if share:
        places = [Path(name).absolute() for name in session.config.args]
        files = sorted(file for place in places if place.is_dir() for file in place.rglob("test_*.py"))
        for file in files[int(share["workerid"].removeprefix("gw")) :: share["workercount"]]:
            with suppress(Exception):  # what is wrong with it is told where its tests are gathered
                import_module(".".join(file.relative_to(session.config.rootpath).with_suffix("").parts))


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
