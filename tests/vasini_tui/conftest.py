"""A home of its own for every test, and the command line with a fake engine behind it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.engine import FakeEngine
from vasini_tui.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh VASINI_HOME; nothing of the developer's own environment is seen."""
    for name in [*os.environ]:
        if name.startswith(("VASINI_", "SSH_")):
            monkeypatch.delenv(name)
    place = tmp_path / "home"
    monkeypatch.setenv("VASINI_HOME", str(place))
    return place


@dataclass(frozen=True)
class Outcome:
    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The one document on stdout; fails when there is anything else."""
        loaded = json.loads(self.stdout)
        assert isinstance(loaded, dict)
        assert self.stdout.count("\n") == 1
        return loaded

    @property
    def error(self) -> dict[str, Any]:
        error = self.document["error"]
        assert isinstance(error, dict)
        return error


Vasini = Callable[..., Outcome]


@pytest.fixture
def fake() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def vasini(fake: FakeEngine, capsys: pytest.CaptureFixture[str]) -> Vasini:
    """Perform a command line against the fake engine."""

    def perform(*arguments: str) -> Outcome:
        status = main(arguments, opener=fake.open)
        written = capsys.readouterr()
        return Outcome(status, written.out, written.err)

    return perform
