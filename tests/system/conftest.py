"""The real `vasini` command, in a process of its own, on a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.in_memory import in_memory
from tests.patience import PATIENCE
from tests.system.warm_command import WarmCommand, WarmProcess, warm_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROGRAM = Path(sys.executable).with_name("vasini")


@dataclass(frozen=True)
class Outcome:
    """How one command ended."""

    status: int
    out: bytes
    err: bytes

    @property
    def stdout(self) -> str:
        return self.out.decode()

    @property
    def stderr(self) -> str:
        return self.err.decode()

    @property
    def document(self) -> dict[str, Any]:
        """The one document on stdout; fails when there is anything else."""
        loaded = json.loads(self.stdout)
        assert isinstance(loaded, dict)
        assert self.stdout.count("\n") == 1
        return loaded

    @property
    def lines(self) -> list[dict[str, Any]]:
        """JSON lines."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def error(self) -> dict[str, Any]:
        """The error document, of the one shape it has; stderr says the same in one line."""
        error = self.document["error"]
        assert isinstance(error, dict)
        assert error.keys() == {"code", "message", "details"}
        assert self.stderr.splitlines()[-1].startswith(f"vasini: {error['code']}: ")
        assert "Traceback" not in self.stderr
        return error


@dataclass(frozen=True)
class Vasini:
    """Runs commands on one home."""

    home: Path
    cwd: Path
    warm: WarmCommand
    extra: Mapping[str, str] = field(default_factory=dict)
    permissions_bind: bool = False
    """Whether permissions bind the command even where root runs the tests."""

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the developer's own settings or session."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("VASINI_", "SSH_", "PYTEST", "GIT_"))
        }
        return {**kept, "VASINI_HOME": str(self.home), **self.extra}

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Outcome:
        """A command in a process forked from a warm one: all the same but for its start."""
        with TemporaryDirectory() as place:
            files = {name: Path(place, name) for name in ("stdin", "stdout", "stderr")}
            files["stdin"].write_bytes(stdin)
            status = self.warm.run(
                arguments, self.cwd, self.environment, files, permissions_bind=self.permissions_bind
            )
            return Outcome(status, files["stdout"].read_bytes(), files["stderr"].read_bytes())

    def execute(self, *arguments: str, stdin: bytes = b"", timeout: float = 60) -> Outcome:
        """A command as a shell starts it."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            cwd=self.cwd,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str) -> dict[str, Any]:
        """The document of a command that has to end well."""
        outcome = self(*arguments, "--json")
        assert outcome.status == 0, outcome
        return outcome.document

    def start(self, *arguments: str) -> WarmProcess:
        """A command that goes on beside the test, which has to end it; forked from a warm one as well."""
        return self.warm.beside(arguments, self.cwd, self.environment)

    def with_settings(self, **extra: str) -> Vasini:
        """The same home with more in the environment."""
        return replace(self, extra={**self.extra, **extra})

    def make_pack(self, pack: str, **flows: str) -> Path:
        """A pack in the home's `packs`, flows by id."""
        place = self.home / "packs" / pack
        write_pack(place, pack, **flows)
        return place


def ended(process: WarmProcess) -> Outcome:
    """How a command ends that goes on beside the test."""
    out, err = process.communicate(timeout=PATIENCE)
    return Outcome(process.wait(), out, err)


ROLE = "role: {title: Tester, domain: Tests, goal: {primary: Be run}}\n"


def write_pack(place: Path, pack: str, **flows: str) -> None:
    """A pack directory."""
    (place / "flows").mkdir(parents=True)
    manifest = f'schema_version: "1.0"\npack_id: {pack}\nversion: 1.0.0\nauthor: {{name: Tests}}\n{ROLE}'
    (place / "profession-pack.yaml").write_text(manifest)
    for name, text in flows.items():
        (place / "flows" / f"{name}.yaml").write_text(f"id: {name}\n{text}")


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmCommand]:
    """One warm process for all tests."""
    with warm_command() as command:
        yield command


@pytest.fixture
def vasini(tmp_path: Path, warm: WarmCommand) -> Vasini:
    """The command on a fresh home, started in a directory of its own."""
    cwd = tmp_path / "cwd"
    cwd.mkdir()
    return Vasini(tmp_path / "home", cwd, warm)


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """In memory where the machine has room there, and gone after the test: for homes of the drill pack.

    No tool or sandbox of ours touches what is below /dev.
    """
    with TemporaryDirectory(prefix="vasini-test-", dir=in_memory(), ignore_cleanup_errors=True) as place:
        yield Path(place)
