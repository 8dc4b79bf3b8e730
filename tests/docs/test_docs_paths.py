"""The five paths of docs/architecture.md: whatever file of the engine they name is passed on the way."""

from __future__ import annotations

import re
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.runtime.embedded_home import (
    ANN,
    Home,
    approval,
    form,
    pending_approval,
    pending_form,
    start,
    tool,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from engine.facade.engine import Engine

ROOT = Path(__file__).parents[2]
SECTION = (
    (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("\n## Five paths, file by file\n")[2]
)
INPUT = {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}}


def files_of(path: str) -> set[str]:
    """The files of the engine that the page names on this path."""
    listed = SECTION.partition(f"**The path of {path}**")[2].partition("\n\n")[2].partition("\n\n")[0]
    found = {
        file for file in re.findall(r"^\d+\. `([^`]+)`", listed, re.MULTILINE) if file.startswith("engine/")
    }
    assert found, path
    return found


class Passed:
    """The files of the engine in which a function was called while somebody looked."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._looks = False

    @contextmanager
    def looking(self) -> Iterator[set[str]]:
        """What is passed within the context."""
        self._files = set()
        self._looks = True
        try:
            yield self._files
        finally:
            self._looks = False

    def __call__(self, frame: FrameType, event: str, _argument: Any) -> None:
        if self._looks and event == "call":
            self._files.add(frame.f_code.co_filename)


def engine_files(passed: set[str]) -> set[str]:
    return {Path(file).relative_to(ROOT).as_posix() for file in passed if file.startswith(f"{ROOT}/engine/")}


@pytest.fixture
def passed() -> Iterator[Passed]:
    """Watches this thread, and those that begin from now on."""
    found, before = Passed(), sys.getprofile()
    threading.setprofile(found)
    sys.setprofile(found)
    try:
        yield found
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


async def test_a_payload_a_forms_values_a_decision_and_an_event_pass_the_files_that_are_named(
    home: Home, passed: Passed
) -> None:
    home.flow(
        "ask", tool("a", params={"x": "{{ payload.n }}"}), form("f"), approval("ok"), tool("b"), input=INPUT
    )
    async with home.working() as engine:
        with passed.looking() as payload:
            run_id = await start(engine, "ask", {"n": 2})
            asked = await pending_form(engine, run_id)
        assert files_of("a payload") - engine_files(payload) == set()
        with passed.looking() as values:
            await engine.requests.answer(asked.request_id, {"word": "yes"}, actor=ANN)
        assert files_of("a form's values") - engine_files(values) == set()
        shown = await pending_approval(engine, run_id)
        with passed.looking() as decision:
            await engine.requests.approve(shown.approval_id, actor=ANN, digest=shown.digest)
        assert files_of("a decision") - engine_files(decision) == set()
        with passed.looking() as event:
            async with engine.feed.subscribe() as news:
                another = await start(engine, "ask")
                await anext(aiter(news))
            await pending_form(engine, another)
            await engine.runs.events(another)
        assert files_of("an event") - engine_files(event) == set()
        await engine.runs.cancel(another, actor=ANN)


async def test_a_pack_file_passes_the_files_that_are_named(home: Home, passed: Passed) -> None:
    home.flow("one", tool("a", params={"n": 1}), shipped=False)
    async with home.working() as engine:
        assert not await _has(engine, "two")
        with passed.looking() as save:
            home.flow("two", tool("a", params={"n": 1}), shipped=False)
            await until(lambda: _has(engine, "two"))
        assert files_of("a pack file") - engine_files(save) == set()


async def _has(engine: Engine, flow: str) -> bool:
    (pack,) = await engine.packs.list()
    return flow in {one.flow for one in pack.flows}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)
