"""What an engine under test has to offer, so that every one does the same work in the same harness."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class Subject(ABC):
    """One engine on one database in `directory`, opened with `async with`.

    W1 is five durable trivial steps. W2 is a step, an approval, a step; a run of it has a handle.
    """

    name: str

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.parked: set[str] = set()
        """Handles of W2 runs that wait for their approval."""
        self.stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self.stack.__aenter__()
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stack.__aexit__(kind, error, trace)

    @property
    @abstractmethod
    def database(self) -> Path:
        """The SQLite file everything durable is in."""

    @abstractmethod
    async def open(self) -> None:
        """Start on what is in the directory; what has to be closed goes on the stack."""

    @abstractmethod
    async def run_w1(self, key: str) -> None:
        """One W1 run from start to end."""

    @abstractmethod
    async def start_w2(self, key: str) -> str:
        """Start one W2 run; its handle. It is in `parked` once it waits."""

    @abstractmethod
    async def approve(self, handle: str) -> None:
        """Approve what the run waits for."""

    @abstractmethod
    async def wait(self, handle: str) -> None:
        """Return when the run has completed."""

    @abstractmethod
    async def list_parked(self) -> list[str]:
        """Handles of all runs that wait for an approval, found in the database."""

    async def settle(self) -> None:
        """Return when nothing of the runs is under way any more, work after their end included."""
        return
